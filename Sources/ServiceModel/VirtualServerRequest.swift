package import HealthModel
package import IPVSModel

/// What a `VirtualServer` document asks for: a virtual server in LVS's own words, for people who have no Kubernetes.
///
/// It goes the way of a Service, and has a name among theirs: namespaces of Kubernetes have no dots, so it is nobody else's.
package struct VirtualServerRequest: Hashable, Sendable {
    /// Where its name stands where Services have a namespace.
    package static let namespace = "ipvs-agent.dev"

    /// `metadata.name`, or what follows from the key.
    package var name: String
    /// `metadata.creationTimestamp` in seconds since 1970.
    package var created: Int64?
    /// By which policies choose it.
    package var labels: [String: String]
    package var key: VirtualServer.Key
    package var configuration: VirtualServer.Configuration
    package var realServers: [RealServer.Key: RealServer.Configuration]
    /// The policy that the document itself holds. It has the name of the virtual server.
    package var health: HealthPolicy?
    /// What Services say by annotation: the name of a policy, how long to drain, how slowly to start.
    package var annotations: [String: String]

    package init(
        name: String, created: Int64? = nil, labels: [String: String] = [:], key: VirtualServer.Key,
        configuration: VirtualServer.Configuration, realServers: [RealServer.Key: RealServer.Configuration] = [:],
        health: HealthPolicy? = nil, annotations: [String: String] = [:]
    ) {
        self.name = name
        self.created = created
        self.labels = labels
        self.key = key
        self.configuration = configuration
        self.realServers = realServers
        self.health = health
        self.annotations = annotations
    }

    /// Its name among those of Services.
    package var objectName: ObjectName { Self.objectName(name) }

    package static func objectName(_ name: String) -> ObjectName { ObjectName(namespace: namespace, name: name) }

    /// As it stands among the Services.
    var service: Service {
        var service = Service(name: objectName, created: created, clusterAddresses: [], ports: [], annotations: annotations, labels: labels)
        service.form = .virtualServer(self)
        return service
    }
}

/// In whose words something was asked for.
package indirect enum ServiceForm: Hashable, Sendable {
    case kubernetes
    case virtualServer(VirtualServerRequest)
}

extension Service {
    /// What was asked for in LVS's words; nil for a Service of Kubernetes.
    package var virtualServer: VirtualServerRequest? {
        if case .virtualServer(let request) = form { request } else { nil }
    }
}

extension ObjectName {
    /// `Service default/web`, `VirtualServer web`.
    package var words: String { namespace == VirtualServerRequest.namespace ? "VirtualServer \(name)" : "Service \(self)" }

    /// The document that this is the name of.
    package var documentKey: SourceObject.Key {
        namespace == VirtualServerRequest.namespace
            ? .init(.virtualServer, ObjectName(namespace: "", name: name)) : .init(.service, self)
    }
}
