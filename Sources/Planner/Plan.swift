package import IPVSModel
package import NodeModel

/// Operations in the order in which they keep traffic whole.
package struct Plan: Equatable, Sendable {
    package var operations: [Operation]

    package init(_ operations: [Operation] = []) { self.operations = operations }

    package var isEmpty: Bool { operations.isEmpty }

    /// Virtual servers that stand, for a while, on an address that is not bound: made before it is, or removed after it no longer is.
    /// Whoever applies the plan remembers them first, so that they are known again if it ends halfway.
    package func unboundVirtualServers(given observed: NodeState) -> Set<VirtualServer.Key> {
        var keys: Set<VirtualServer.Key> = []
        for operation in operations {
            switch operation {
            case .addVirtualServer(let server) where server.key.address.map({ !observed.addresses.contains($0) }) ?? true:
                keys.insert(server.key)
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
