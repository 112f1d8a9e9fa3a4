package import Addresses
package import IPVSModel
package import NodeModel

/// Operations in the order in which they keep traffic whole.
package struct Plan: Equatable, Sendable {
    package var operations: [Operation]
    /// What is wanted and is left out, because something of others stands in its place.
    package var conflicts: [Conflict]

    package init(_ operations: [Operation] = [], conflicts: [Conflict] = []) {
        self.operations = operations
        self.conflicts = conflicts
    }

    /// Whether there is nothing to do.
    package var isEmpty: Bool { operations.isEmpty }

    /// What its operations change.
    package var touched: Touched {
        var touched = Touched()
        for operation in operations { touched.insert(operation) }
        return touched
    }

    /// Something of others that stands where something of ours is wanted.
    package enum Conflict: Hashable, Sendable {
        /// Another link holds an address that is to be served from ours.
        case heldAddress(IPAddress, link: String)
        /// A virtual server stands that nothing shows to be ours.
        case othersVirtualServer(VirtualServer)
    }

    /// Virtual servers that nothing around them shows to be ours for a while: made before their address is bound or their entry is added,
    /// or removed after it is gone. Whoever applies the plan remembers them first, so that they are known again if it ends halfway.
    package func untoldVirtualServers(given observed: NodeState, ownership: Ownership) -> Set<VirtualServer.Key> {
        var keys: Set<VirtualServer.Key> = []
        for operation in operations {
            switch operation {
            case .addVirtualServer(let server) where !ownership.isTold(server.key, in: observed): keys.insert(server.key)
            case .removeVirtualServer(let key): keys.insert(key)
            default: break
            }
        }
        return keys
    }
}

extension Plan: CustomStringConvertible {
    /// One operation a line.
    package var description: String { operations.map(\.description).joined(separator: "\n") }
}
