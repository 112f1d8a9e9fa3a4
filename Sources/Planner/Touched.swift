package import Addresses
package import IPVSModel
package import NodeModel

/// The parts of the node's state that a change may have altered: all that a plan for it has to look at.
package struct Touched: Equatable, Sendable {
    package var virtualServers: Set<VirtualServer.Key> = []
    package var addresses: Set<IPAddress> = []
    package var members: Set<SetMember> = []
    /// Settings, timeouts, link, sets and rules.
    package var base: ObservationScope = []
    /// Whether all is to be looked at in any case, so that parts need not be named: before the first look.
    package private(set) var isEverything = false

    package init() {}

    package static var everything: Touched {
        var touched = Touched()
        touched.isEverything = true
        return touched
    }

    mutating func insert(_ key: VirtualServer.Key) { if !isEverything { virtualServers.insert(key) } }
    mutating func insert(_ address: IPAddress) { if !isEverything { addresses.insert(address) } }
    mutating func insert(_ member: SetMember) { if !isEverything { members.insert(member) } }

    package var isEmpty: Bool { !isEverything && virtualServers.isEmpty && addresses.isEmpty && members.isEmpty && base.isEmpty }

    package mutating func formUnion(_ other: Touched) {
        base.formUnion(other.base)
        if other.isEverything { isEverything = true }
        guard !isEverything else { return }
        virtualServers.formUnion(other.virtualServers)
        addresses.formUnion(other.addresses)
        members.formUnion(other.members)
    }

    /// Drops what a share has in both of its versions alike.
    mutating func leaveOut(unchangedBetween old: NodeShare, _ new: NodeShare) {
        addresses.subtract(old.addresses.intersection(new.addresses))
        addresses.subtract(old.externalAddresses.intersection(new.externalAddresses))
        members.subtract(old.members.intersection(new.members))
        for (key, server) in new.virtualServers where old.virtualServers[key] == server {
            // What an address is to the share decides what is done with its virtual servers while another link holds it.
            if let address = key.address, old.place(of: address) != new.place(of: address) { continue }
            virtualServers.remove(key)
        }
    }

    /// The same without parts that cannot be seen.
    func leavingOut(_ parts: ObservationScope) -> Touched {
        var rest = self
        rest.base.subtract(parts)
        if parts.contains(.virtualServers) { rest.virtualServers = [] }
        if parts.contains(.link) { rest.addresses = [] }
        if parts.contains(.sets) { rest.members = [] }
        return rest
    }

    /// What an operation that failed leaves to be looked at again.
    package mutating func insert(_ operation: Operation) {
        switch operation {
        case .setSysctl, .createSet, .growSet, .destroyLeftoverSet, .destroySet, .changeRules, .createLink, .silenceLink, .removeLink,
            .setTimeouts:
            base.formUnion(operation.scope)
        case .addMember(let member), .removeMember(let member): members.insert(member)
        case .addAddress(let address), .removeAddress(let address): addresses.insert(address)
        case .addVirtualServer(let server), .updateVirtualServer(let server): virtualServers.insert(server.key)
        case .removeVirtualServer(let key), .addRealServer(_, let key), .updateRealServer(_, let key), .removeRealServer(_, let key):
            virtualServers.insert(key)
        }
    }
}
