package import Addresses
package import IPVSModel
package import NodeModel

/// Which of the virtual servers in the kernel are ours to change or remove.
///
/// A virtual server carries no owner's name, so it is told by its address: what stands on an address of our dummy link is
/// ours. Keys that we made, or were about to remove, while their address is not bound are remembered beside the kernel.
package struct Ownership: Equatable, Sendable {
    /// Virtual servers and addresses in these ranges are never removed (`--ipvs-exclude-cidrs`).
    package var excluded: [IPPrefix]
    /// Keys that we made.
    package var remembered: Set<VirtualServer.Key>

    package init(excluded: [IPPrefix] = [], remembered: Set<VirtualServer.Key> = []) {
        self.excluded = excluded
        self.remembered = remembered
    }

    package func owns(_ key: VirtualServer.Key, in observed: NodeState) -> Bool {
        if remembered.contains(key) { return !isExcluded(key.address) }
        guard let address = key.address else { return false }
        return observed.addresses.contains(address) && !isExcluded(address)
    }

    package func isExcluded(_ address: IPAddress?) -> Bool {
        guard let address else { return false }
        return excluded.contains { $0.contains(address) }
    }
}
