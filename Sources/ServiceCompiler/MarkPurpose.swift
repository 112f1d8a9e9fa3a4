package import Addresses
package import ServiceModel

/// What of a Service a packet mark stands for, in one family.
package enum MarkPurpose: Hashable, Sendable {
    /// The virtual server of a port for traffic from inside the cluster.
    case insidePort(UInt16, TransportProtocol, AddressFamily)
    /// The same for all ports of a group.
    case insideGroup(String, AddressFamily)
    /// The virtual server of a group, with the endpoints that a policy leaves.
    case group(String, TrafficPolicy, AddressFamily)

    package static func inside(_ port: ServicePort, _ family: AddressFamily) -> Self { .insidePort(port.port, port.transport, family) }

    var share: MarkShare {
        switch self {
        // What comes from inside is masqueraded by its mark, and needs that of such a virtual server.
        case .insidePort, .insideGroup: .inside
        case .group: .groups
        }
    }
}

extension MarkPurpose: Comparable, CustomStringConvertible {
    package var description: String {
        switch self {
        case .insidePort(let port, let transport, let family): "\(transport):\(port) \(family)"
        case .insideGroup(let name, let family): "inside group \(name) \(family)"
        case .group(let name, let policy, let family): "group \(name) \(policy.rawValue) \(family)"
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

extension ServiceCompiler {
    /// What needs a mark of a Service. What its annotations asked for before stays where they are wrong now.
    ///
    /// Ports that are reached from outside with `externalTrafficPolicy: Local`: traffic from inside the cluster goes to all of their endpoints,
    /// and one address and port can hold one virtual server only. And the ports of a group, which are one virtual server.
    package func marks(neededBy service: Service, previous: ServiceOptions? = nil) -> Set<MarkPurpose> {
        guard service.virtualServer == nil, service.proxyName == nil, service.type != .externalName else { return [] }
        let group = service.ports.count > 1 ? ServiceOptions.group(of: service, previous: previous) : nil
        guard group != nil || service.externalTrafficPolicy == .local else { return [] }
        var purposes: Set<MarkPurpose> = []
        for family in Set(service.clusterAddresses.map(\.family)).intersection(node.families) {
            let hasAddress = (service.externalAddresses + service.loadBalancerAddresses).contains { $0.family == family }
            if service.externalTrafficPolicy == .local {
                for port in service.ports where hasAddress || port.nodePort != nil { purposes.insert(.inside(port, family)) }
                if let group, hasAddress { purposes.insert(.insideGroup(group, family)) }
            }
            guard let group else { continue }
            purposes.insert(.group(group, service.internalTrafficPolicy, family))
            if hasAddress { purposes.insert(.group(group, service.externalTrafficPolicy, family)) }
        }
        return purposes
    }
}
