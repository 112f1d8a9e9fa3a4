package import HealthModel

/// An object that a source delivers.
///
/// Each on the heap: as a value it would take everywhere as much room as the largest of them, and sources keep tens of thousands.
package indirect enum SourceObject: Hashable, Sendable {
    case service(Service)
    case endpointSlice(EndpointSlice)
    case node(Node)
    case healthPolicy(HealthPolicy)
    case virtualServer(VirtualServerRequest)

    package var key: Key {
        switch self {
        case .service(let service): .init(.service, service.name)
        case .endpointSlice(let slice): .init(.endpointSlice, slice.name)
        case .node(let node): .init(.node, ObjectName(namespace: "", name: node.name))
        case .healthPolicy(let policy): .init(.healthPolicy, ObjectName(namespace: "", name: policy.name))
        case .virtualServer(let server): .init(.virtualServer, ObjectName(namespace: "", name: server.name))
        }
    }

    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case service = "Service"
        case endpointSlice = "EndpointSlice"
        case node = "Node"
        /// Of our own: `ipvs-agent.dev/v1alpha1`. From local documents only, since it may name programs, files and other targets.
        case healthPolicy = "HealthPolicy"
        /// Of our own, too, and from local documents only: it takes addresses of the node.
        case virtualServer = "VirtualServer"
    }

    package struct Key: Hashable, Sendable, CustomStringConvertible {
        package let kind: Kind
        package let name: ObjectName

        package init(_ kind: Kind, _ name: ObjectName) {
            self.kind = kind
            self.name = name
        }

        /// `Service default/web`.
        package var description: String { "\(kind.rawValue) \(name)" }
    }
}

/// What has changed at a source since it last said something.
package struct SourceUpdate: Equatable, Sendable {
    /// Objects that are new or have changed.
    package var changed: [SourceObject]
    package var removed: [SourceObject.Key]
    /// Everything that is wrong at the source now. Nil where that has not changed.
    package var problems: [SourceProblem]?
    /// Whether the source has been read whole at least once; before that nothing may be written to the kernel.
    package var isSynced: Bool

    package init(changed: [SourceObject] = [], removed: [SourceObject.Key] = [], problems: [SourceProblem]? = nil, isSynced: Bool = true) {
        self.changed = changed
        self.removed = removed
        self.problems = problems
        self.isSynced = isSynced
    }
}

/// Something wrong with what was asked for: where, what, and what to do.
package struct SourceProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The place as a person finds it: `web.yaml:12, document 2, Service default/web, spec.ports[0].port`.
    package var place: String
    /// A sentence without its full stop: `70000 is not a port number (1…65535)`.
    package var message: String
    /// Whether something was left out because of it; otherwise it is only worth knowing.
    package var isError: Bool

    package init(place: String, message: String, isError: Bool = true) {
        self.place = place
        self.message = message
        self.isError = isError
    }

    package var description: String { "\(place): \(message)" }
}

/// Where objects come from: a directory of manifests, or an API server.
package protocol ServiceSource: Sendable {
    /// Reads everything once. Throws where the source cannot be read at all; what is wrong in parts of it is in the update.
    func readOnce() async throws(SourceProblem) -> SourceUpdate

    /// What changes, the first time everything. To be listened to by one, while `run` goes on.
    var updates: AsyncStream<SourceUpdate> { get }

    /// Whether the next update is about to come, and yet to be read: who has work that can wait leaves the processor to that.
    var isUpdateComing: Bool { get }

    /// Follows the source until the task is cancelled.
    func run() async
}

extension ServiceSource {
    /// A source that reads each thing as it comes has no more to say beforehand.
    package var isUpdateComing: Bool { false }
}
