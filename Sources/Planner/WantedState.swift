package import Addresses
package import IPVSModel
package import NodeModel

/// Everything that is wanted of the node: the base, and the shares of all owners, summed.
///
/// Replacing one share costs what that share holds, whatever else is wanted: what several owners share is counted, and
/// what they contend for is kept in order of precedence.
package struct WantedState: Sendable {
    package var base: NodeBase
    private var shares: [String: NodeShare] = [:]
    /// Addresses to be bound, of both kinds.
    private var addressCounts: [IPAddress: Int] = [:]
    private var memberCounts: [SetMember: Int] = [:]
    /// How many different entries each set is to hold.
    private var setSizes: [SetKey: Int] = [:]
    /// Who claims a virtual server, in order of precedence; the first one's counts.
    private var claims: [VirtualServer.Key: [Claim]] = [:]
    /// The virtual servers on each address.
    private var keysByAddress: [IPAddress: Set<VirtualServer.Key>] = [:]
    /// Real servers that are to take no new connections, and to stay until those that they have are over.
    private var resting: [VirtualServer.Key: [RealServer.Key: RealServer.Configuration]] = [:]
    /// How many real servers the virtual servers have, all together, without those that rest.
    package private(set) var realServerCount = 0

    package init(base: NodeBase) { self.base = base }

    private struct Claim {
        let precedence: NodeShare.Precedence
        /// The virtual server as the claimant asks for it, and where it has the address: its share has both too, three tables away.
        let server: VirtualServerState
        let place: Place

        var owner: String { precedence.owner }
    }

    /// Puts an owner's share in the place of the one it had, or takes it away, and says what that touched.
    package mutating func replace(_ share: NodeShare?, of owner: String) -> Touched {
        var touched = Touched()
        replace(share, of: owner, touching: &touched)
        return touched
    }

    /// The same, adding what that touched to what others did.
    package mutating func replace(_ share: NodeShare?, of owner: String, touching all: inout Touched) {
        guard let old = shares[owner] else {
            guard let share else { return }
            shares[owner] = share
            return contribute(share, touching: &all)
        }
        guard old != share else { return }
        var touched = Touched()
        withdraw(old, touching: &touched)
        shares[owner] = share
        if let share { contribute(share, touching: &touched) }
        if let share, old.precedence == share.precedence { touched.leaveOut(unchangedBetween: old, share) }
        all.formUnion(touched)
    }

    /// Counts the real servers of a claimed virtual server, as its first claimant has it.
    private mutating func countRealServers(_ change: Int, _ server: VirtualServerState?) {
        realServerCount += change * (server?.realServers.count ?? 0)
    }

    private mutating func withdraw(_ share: NodeShare, touching touched: inout Touched) {
        for address in share.boundAddresses {
            Self.count(-1, address, in: &addressCounts)
            touched.insert(address)
        }
        for member in share.members {
            if Self.count(-1, member, in: &memberCounts) == 0 { Self.count(-1, member.set, in: &setSizes) }
            touched.insert(member)
        }
        for (key, server) in share.virtualServers {
            if let claimants = claims[key], let place = claimants.firstIndex(where: { $0.owner == share.precedence.owner }) {
                if place == 0 {
                    countRealServers(-1, server)
                    count(-1, share.membersOfServers[key], touching: &touched)
                    if claimants.count > 1 {
                        countRealServers(1, claimants[1].server)
                        count(1, membersOfServer(key, of: claimants[1].owner), touching: &touched)
                    }
                }
                claims[key]?.remove(at: place)
            }
            if claims[key]?.isEmpty == true {
                claims[key] = nil
                if let address = key.address { unlist(key, at: address) }
            }
            touched.insert(key)
        }
    }

    private mutating func contribute(_ share: NodeShare, touching touched: inout Touched) {
        for address in share.boundAddresses {
            Self.count(1, address, in: &addressCounts)
            touched.insert(address)
        }
        for member in share.members {
            if Self.count(1, member, in: &memberCounts) == 1 { Self.count(1, member.set, in: &setSizes) }
            touched.insert(member)
        }
        for (key, server) in share.virtualServers {
            let claimants = claims[key] ?? []
            if claimants.isEmpty, let address = key.address { keysByAddress[address, default: []].insert(key) }
            let place = claimants.firstIndex { share.precedence < $0.precedence } ?? claimants.count
            if place == 0 {
                if let first = claimants.first {
                    countRealServers(-1, first.server)
                    count(-1, membersOfServer(key, of: first.owner), touching: &touched)
                }
                countRealServers(1, server)
                count(1, share.membersOfServers[key], touching: &touched)
            }
            let addressPlace = key.address.map { share.place(of: $0) } ?? .node
            claims[key, default: []].insert(Claim(precedence: share.precedence, server: server, place: addressPlace), at: place)
            touched.insert(key)
        }
    }

    private func membersOfServer(_ key: VirtualServer.Key, of owner: String) -> Set<SetMember>? { shares[owner]?.membersOfServers[key] }

    private mutating func count(_ change: Int, _ members: Set<SetMember>?, touching touched: inout Touched) {
        for member in members ?? [] {
            let count = Self.count(change, member, in: &memberCounts)
            if count == 0 || count == 1 && change == 1 { Self.count(change, member.set, in: &setSizes) }
            touched.insert(member)
        }
    }

    private mutating func unlist(_ key: VirtualServer.Key, at address: IPAddress) {
        keysByAddress[address]?.remove(key)
        if keysByAddress[address]?.isEmpty == true { keysByAddress[address] = nil }
    }

    /// Changes a count and returns what it is now.
    @discardableResult
    private static func count<Element>(_ change: Int, _ element: Element, in counts: inout [Element: Int]) -> Int {
        let count = counts[element, default: 0] + change
        counts[element] = count == 0 ? nil : count
        return count
    }
}

extension WantedState {
    package func isWanted(_ address: IPAddress) -> Bool { addressCounts[address] != nil }
    package func isWanted(_ member: SetMember) -> Bool { memberCounts[member] != nil }
    func isWanted(_ key: VirtualServer.Key) -> Bool { claims[key] != nil }

    /// The virtual server as it is to stand: as its first claimant asks for it, with what is left of its former real servers.
    package func virtualServer(_ key: VirtualServer.Key) -> VirtualServerState? { claimed(key).map { withResting($0, of: key) } }

    private func withResting(_ asked: VirtualServerState, of key: VirtualServer.Key) -> VirtualServerState {
        guard !resting.isEmpty, let resting = resting[key] else { return asked }
        var server = asked
        server.realServers.merge(resting) { asked, _ in asked }
        return server
    }

    /// All of them as they are to stand, with where each has to have its address.
    var virtualServers: some Sequence<(key: VirtualServer.Key, server: VirtualServerState, place: Place)> {
        claims.lazy.compactMap { key, claimants in
            claimants.first.map { (key, withResting($0.server, of: key), $0.place) }
        }
    }

    /// The virtual server as its first claimant asks for it.
    package func claimed(_ key: VirtualServer.Key) -> VirtualServerState? { claims[key]?.first?.server }

    /// Has real servers of a virtual server rest, and no others of it any more. One that is asked for besides is as asked.
    package mutating func rest(_ realServers: [RealServer.Key: RealServer.Configuration], of key: VirtualServer.Key) -> Touched {
        var touched = Touched()
        guard realServers != resting[key] ?? [:] else { return touched }
        resting[key] = realServers.isEmpty ? nil : realServers
        touched.virtualServers.insert(key)
        return touched
    }

    /// The Services that have a share, of those that ask for one.
    package var owners: [String] {
        shares.compactMap { $0.value.precedence.isLeaving || !$0.value.precedence.isOfService ? nil : $0.key }
    }

    /// What one of them contributes.
    package func share(of owner: String) -> NodeShare? { shares[owner] }

    /// Those that want this virtual server, the one that gets it first.
    package func claimants(of key: VirtualServer.Key) -> [String] {
        claims[key]?.compactMap { $0.precedence.isLeaving ? nil : $0.owner } ?? []
    }

    /// Whether several want this virtual server.
    package func isContested(_ key: VirtualServer.Key) -> Bool { (claims[key]?.count ?? 0) > 1 }

    /// The entries that stand while a virtual server is its first claimant's.
    package func members(of key: VirtualServer.Key) -> Set<SetMember> {
        claims[key]?.first.flatMap { membersOfServer(key, of: $0.owner) } ?? []
    }

    /// The virtual servers that are wanted on an address.
    package func virtualServerKeys(on address: IPAddress) -> Set<VirtualServer.Key> { keysByAddress[address] ?? [] }

    /// Where the address of a wanted virtual server has to be for it to be served.
    package func place(of key: VirtualServer.Key) -> Place { claims[key]?.first?.place ?? .node }

    /// Where an address has to be bound for what stands on it to be served.
    package enum Place: Hashable, Sendable {
        /// Our link: a cluster address.
        case ourLink
        /// Ours, or whichever other link holds it: an external address.
        case anyLink
        /// It is the node's own, or there is none (a firewall mark): nothing is bound for it.
        case node
    }

    /// How many entries a set is to hold.
    package func size(of set: SetKey) -> Int { setSizes[set] ?? 0 }

    /// The addresses to be bound to our link, unless something stands in the way.
    package var addresses: some Collection<IPAddress> { addressCounts.keys }
    package var members: some Collection<SetMember> { memberCounts.keys }
    package var virtualServerKeys: some Collection<VirtualServer.Key> { claims.keys }

    /// The whole as one state, for comparing in tests and for showing.
    package var state: NodeState {
        var state = NodeState()
        state.sysctls = base.sysctls.mapValues(\.value)
        state.timeouts = base.timeouts
        state.link = .asWanted
        state.addresses = Set(addressCounts.keys)
        state.rules = base.rules
        for definition in base.sets {
            state.sets[definition.key] = ObservedSet(
                typeName: definition.key.type.rawValue, family: definition.key.type == .bitmapPort ? .ipv4 : definition.key.family,
                maximumEntries: definition.key.type == .bitmapPort ? 0 : definition.holding(size(of: definition.key)).maximumEntries,
                keepsMarks: definition.key.set.keepsMarks)
        }
        for member in memberCounts.keys { state.sets[member.set]?.entries.insert(member.entry) }
        for key in claims.keys { state.virtualServers[key] = virtualServer(key) }
        return state
    }
}

extension NodeShare {
    /// The addresses that are to be bound, of both kinds.
    fileprivate var boundAddresses: Set<IPAddress> { externalAddresses.isEmpty ? addresses : addresses.union(externalAddresses) }

    /// Where an address has to be for this share's virtual servers on it to be served.
    func place(of address: IPAddress) -> WantedState.Place {
        if addresses.contains(address) { return .ourLink }
        return externalAddresses.contains(address) ? .anyLink : .node
    }
}
