import Addresses
import IPVSModel
package import NodeModel

/// Compares what is wanted with what is observed, by key, and yields the operations between them.
///
/// Order keeps traffic whole. At the start: settings, sets, rules with their guard of host ports, the link. Adding:
/// virtual server, real servers, set entries, the address last, because an address without its server answers with
/// resets. Removing: the reverse. What is new is added before what is old is removed.
package struct Planner {
    private let wanted: WantedState
    private let observed: NodeState
    private let ownership: Ownership

    private var start: [Operation] = []
    private var servers: [Operation] = []
    private var realServers: [Operation] = []
    private var members: [Operation] = []
    private var addresses: [Operation] = []
    private var removedAddresses: [Operation] = []
    private var removedMembers: [Operation] = []
    private var removedRealServers: [Operation] = []
    private var removedServers: [Operation] = []

    private init(_ wanted: WantedState, _ observed: NodeState, _ ownership: Ownership) {
        self.wanted = wanted
        self.observed = observed
        self.ownership = ownership
    }

    /// The operations for what a change touched. Work is in proportion to that, not to all that is wanted.
    package static func plan(_ touched: Touched, wanted: WantedState, observed: NodeState, ownership: Ownership) -> Plan {
        var planner = Planner(wanted, observed, ownership)
        planner.compareBase(touched.base)
        for key in touched.virtualServers.sorted() { planner.compare(key) }
        for member in touched.members.sorted(by: Self.memberOrder) { planner.compare(member) }
        for address in touched.addresses.sorted() { planner.compare(address) }
        return planner.result
    }

    /// The operations for all that is wanted and all that was seen. Parts that could not be seen are left as they are.
    package static func plan(
        wanted: WantedState, observed: NodeState, ownership: Ownership, seen: ObservationScope = .everything
    ) -> Plan {
        plan(everything(wanted: wanted, observed: observed, seen: seen), wanted: wanted, observed: observed, ownership: ownership)
    }

    /// All that is wanted or stands, within the parts that were seen.
    package static func everything(wanted: WantedState, observed: NodeState, seen: ObservationScope) -> Touched {
        var touched = Touched()
        touched.base = seen
        if seen.contains(.virtualServers) {
            touched.virtualServers = Set(wanted.virtualServerKeys).union(observed.virtualServers.keys)
        }
        if seen.contains(.link) { touched.addresses = Set(wanted.addresses).union(observed.addresses) }
        if seen.contains(.sets) {
            touched.members = Set(wanted.members)
            for (key, set) in observed.sets { for entry in set.entries { touched.members.insert(SetMember(key, entry)) } }
        }
        return touched
    }

    private var result: Plan {
        Plan(
            start + servers + realServers + members + addresses + removedAddresses + removedMembers + removedRealServers + removedServers)
    }

    private static func memberOrder(_ left: SetMember, _ right: SetMember) -> Bool {
        if left.set != right.set { return left.set < right.set }
        return left.entry < right.entry
    }
}

extension Planner {
    private mutating func compareBase(_ scope: ObservationScope) {
        let base = wanted.base
        if scope.contains(.sysctls) {
            for (name, value) in base.sysctls.sorted(by: { $0.key < $1.key }) where observed.sysctls[name] != value {
                start.append(.setSysctl(name, to: value))
            }
        }
        if scope.contains(.virtualServers) {
            let difference = base.timeouts.difference(to: observed.timeouts)
            if difference != ConnectionTimeouts() { start.append(.setTimeouts(difference)) }
        }
        if scope.contains(.sets) {
            for definition in base.sets where observed.sets[definition.key]?.serves(as: definition.key) != true {
                // A set of another type under this name cannot be used; making ours fails, and says so.
                start.append(.createSet(definition))
            }
        }
        if scope.contains(.link), observed.link != .asWanted {
            switch observed.link {
            case .present(kind: "dummy", _): start.append(.silenceLink(base.linkName))
            // A link of another kind is not ours to change; making ours fails, and says so.
            case .absent, .present: start.append(.createLink(base.linkName))
            }
        }
        if scope.contains(.rules) {
            for (family, rules) in base.rules.sorted(by: { $0.key < $1.key }) {
                let change = RuleChange(from: observed.rules[family] ?? RuleTables(), to: rules, family: family)
                if !change.isEmpty { start.append(.changeRules(change)) }
            }
        }
    }

    private mutating func compare(_ key: VirtualServer.Key) {
        guard let server = wanted.virtualServer(key) else {
            if observed.virtualServers[key] != nil, ownership.owns(key, in: observed) { removedServers.append(.removeVirtualServer(key)) }
            return
        }
        let standing = observed.virtualServers[key]
        if let standing {
            if standing.configuration != server.configuration {
                servers.append(.updateVirtualServer(VirtualServer(key, server.configuration)))
            }
        } else {
            servers.append(.addVirtualServer(VirtualServer(key, server.configuration)))
        }
        for (realKey, configuration) in server.realServers.sorted(by: { $0.key < $1.key }) {
            switch standing?.realServers[realKey] {
            case nil: realServers.append(.addRealServer(RealServer(realKey, configuration), to: key))
            case configuration: break
            default: realServers.append(.updateRealServer(RealServer(realKey, configuration), of: key))
            }
        }
        for realKey in (standing?.realServers ?? [:]).keys.sorted() where server.realServers[realKey] == nil {
            removedRealServers.append(.removeRealServer(realKey, from: key))
        }
    }

    private mutating func compare(_ member: SetMember) {
        let stands = observed.sets[member.set].map { $0.serves(as: member.set) && $0.entries.contains(member.entry) } ?? false
        switch (wanted.isWanted(member), stands) {
        case (true, false): members.append(.addMember(member))
        case (false, true): removedMembers.append(.removeMember(member))
        default: break
        }
    }

    private mutating func compare(_ address: IPAddress) {
        switch (wanted.isWanted(address), observed.addresses.contains(address)) {
        case (true, false): addresses.append(.addAddress(address))
        case (false, true) where !ownership.isExcluded(address): removedAddresses.append(.removeAddress(address))
        default: break
        }
    }
}

extension ConnectionTimeouts {
    /// The timeouts to write so that all that are wanted (not 0) are as wanted; 0 for those that are already.
    func difference(to observed: ConnectionTimeouts) -> ConnectionTimeouts {
        ConnectionTimeouts(
            tcp: tcp == observed.tcp ? 0 : tcp, tcpFin: tcpFin == observed.tcpFin ? 0 : tcpFin, udp: udp == observed.udp ? 0 : udp)
    }
}
