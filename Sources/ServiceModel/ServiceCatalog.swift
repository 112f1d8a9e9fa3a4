package import HealthModel

/// All that sources have delivered: Services, the slices that belong to each, and nodes.
///
/// An update touches only what it names: it costs the same among ten Services and among fifty thousand.
package struct ServiceCatalog: Sendable {
    package private(set) var services: [ObjectName: Service] = [:]
    package private(set) var nodes: [String: Node] = [:]
    package private(set) var policies: [String: HealthPolicy] = [:]
    private var slices: [ObjectName: FiledSlices] = [:]
    /// Which Service a slice was filed under, since a slice's label may change.
    private var serviceOfSlice: [ObjectName: ObjectName] = [:]

    package init() {}

    /// A Service's slices, in the order of their names.
    package func slices(of service: ObjectName) -> [EndpointSlice] {
        slices[service]?.inOrder ?? []
    }

    /// What an update touched.
    package struct Touched: Equatable, Sendable {
        package var services: Set<ObjectName> = []
        package var nodes: Set<String> = []
        /// The names of health policies.
        package var policies: Set<String> = []

        package init() {}
    }

    /// Takes in an update and says what it touched. An object that is delivered again unchanged touches nothing.
    package mutating func take(_ update: SourceUpdate) -> Touched {
        var touched = Touched()
        for key in update.removed {
            switch key.kind {
            case .service:
                if services.removeValue(forKey: key.name) != nil { touched.services.insert(key.name) }
            case .endpointSlice:
                if let service = removeSlice(key.name) { touched.services.insert(service) }
            case .node:
                if nodes.removeValue(forKey: key.name.name) != nil { touched.nodes.insert(key.name.name) }
            case .healthPolicy:
                if policies.removeValue(forKey: key.name.name) != nil { touched.policies.insert(key.name.name) }
            case .virtualServer:
                let name = VirtualServerRequest.objectName(key.name.name)
                if services.removeValue(forKey: name) != nil { touched.services.insert(name) }
                takePolicy(nil, of: name, &touched)
            }
        }
        for object in update.changed {
            switch object {
            case .service(let service):
                if services.updateValue(service, forKey: service.name) != service { touched.services.insert(service.name) }
            case .endpointSlice(let slice):
                let filed = serviceOfSlice[slice.name]
                if let filed, slices[filed]?[slice.name] == slice { continue }
                if let filed, filed != slice.service, let service = removeSlice(slice.name) { touched.services.insert(service) }
                serviceOfSlice[slice.name] = slice.service
                slices[slice.service, default: FiledSlices()].file(slice)
                touched.services.insert(slice.service)
            case .node(let node):
                if nodes.updateValue(node, forKey: node.name) != node { touched.nodes.insert(node.name) }
            case .healthPolicy(let policy):
                if policies.updateValue(policy, forKey: policy.name) != policy { touched.policies.insert(policy.name) }
            case .virtualServer(let request):
                let service = request.service
                if services.updateValue(service, forKey: service.name) != service { touched.services.insert(service.name) }
                takePolicy(request.health, of: service.name, &touched)
            }
        }
        return touched
    }

    /// Files the policy that a virtual server's own document holds. Its name has a slash, so it is no other document's.
    private mutating func takePolicy(_ policy: HealthPolicy?, of name: ObjectName, _ touched: inout Touched) {
        let key = name.description
        guard policies[key] != policy else { return }
        policies[key] = policy
        touched.policies.insert(key)
    }

    private mutating func removeSlice(_ name: ObjectName) -> ObjectName? {
        guard let service = serviceOfSlice.removeValue(forKey: name) else { return nil }
        slices[service]?.remove(name)
        if slices[service]?.isEmpty == true { slices[service] = nil }
        return service
    }
}

/// A Service's slices by their names: mostly one, which needs no table of its own.
private struct FiledSlices: Sendable {
    private var only: EndpointSlice?
    /// All of them, where they are several.
    private var several: [ObjectName: EndpointSlice] = [:]

    var isEmpty: Bool { only == nil && several.isEmpty }

    var inOrder: [EndpointSlice] { only.map { [$0] } ?? several.values.sorted { $0.name < $1.name } }

    subscript(name: ObjectName) -> EndpointSlice? {
        guard let only else { return several[name] }
        return only.name == name ? only : nil
    }

    mutating func file(_ slice: EndpointSlice) {
        if isEmpty || only?.name == slice.name {
            only = slice
            return
        }
        if let only { several[only.name] = only }
        only = nil
        several[slice.name] = slice
    }

    mutating func remove(_ name: ObjectName) {
        if only?.name == name { only = nil }
        several[name] = nil
        if several.count == 1 { (only, several) = (several.values.first, [:]) }
    }
}
