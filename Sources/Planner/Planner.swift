import Addresses
package import IPVSModel
package import NodeModel

/// Compares what is wanted with what is observed, by key, and yields the operations between them.
///
/// Order keeps traffic whole. At the start: settings, sets, rules with their guard of host ports, the link. Adding:
/// virtual server, real servers, set entries, the address last, because an address without its server answers with
/// resets. Removing: the reverse. What is new is added before what is old is removed. Where the node holds an address already, the
/// entries come before the virtual server and go after it.
///
/// What others hold is left to them: see ``Plan/Conflict``.
package struct Planner {
    private let wanted: WantedState
    private let observed: NodeState
    private let ownership: Ownership

    private var start: [Operation] = []
    /// Entries with marks. They are known by what they are without, so one whose mark changes goes before it comes; and without one, traffic
    /// from inside goes where the rest goes.
    private var removedMarks: [Operation] = []
    private var earlyMembers: [Operation] = []
    private var servers: [Operation] = []
    private var realServers: [Operation] = []
    private var members: [Operation] = []
    private var addresses: [Operation] = []
    private var removedAddresses: [Operation] = []
    private var removedMembers: [Operation] = []
    private var removedRealServers: [Operation] = []
    private var removedServers: [Operation] = []
    private var lateRemovedMembers: [Operation] = []
    private var conflicts: [Plan.Conflict] = []

    private init(_ wanted: WantedState, _ observed: NodeState, _ ownership: Ownership) {
        self.wanted = wanted
        self.observed = observed
        self.ownership = ownership
    }

    /// The operations for what a change touched. Work is in proportion to that, not to all that is wanted. Parts that could not be seen
    /// are left as they are.
    package static func plan(
        _ touched: Touched, wanted: WantedState, observed: NodeState, ownership: Ownership, unseen: ObservationScope = []
    ) -> Plan {
        var planner = Planner(wanted, observed, ownership)
        let touched = planner.withDependants(of: touched).leavingOut(unseen)
        planner.compareBase(touched.base)
        // What is as wanted, which is nearly all of a look at everything, need not be brought into order.
        for key in touched.virtualServers.filter({ !planner.isAsWanted($0) }).sorted() { planner.compare(key) }
        for member in touched.members.filter({ !planner.isAsWanted($0) }).sorted(by: Self.memberOrder) { planner.compare(member) }
        for address in touched.addresses.filter({ !planner.isAsWanted($0) }).sorted() { planner.compare(address) }
        planner.growSets()
        return planner.result
    }

    /// The operations for all that is wanted and all that was seen. Parts that could not be seen are left as they are.
    package static func plan(
        wanted: WantedState, observed: NodeState, ownership: Ownership, seen: ObservationScope = .everything
    ) -> Plan {
        plan(
            everything(wanted: wanted, observed: observed, ownership: ownership, seen: seen), wanted: wanted, observed: observed,
            ownership: ownership, unseen: .everything.subtracting(seen))
    }

    /// All that is wanted or stands and is not as wanted, within the parts that were seen.
    package static func everything(
        wanted: WantedState, observed: NodeState, ownership: Ownership, seen: ObservationScope
    ) -> Touched {
        let planner = Planner(wanted, observed, ownership)
        var touched = Touched()
        touched.base = seen
        // Where as many stand as were come by among those that are wanted, there are no others to look for.
        if seen.contains(.virtualServers) {
            var standing = 0
            for (key, server, place) in wanted.virtualServers {
                let state = observed.virtualServers[key]
                if state != nil { standing += 1 }
                if planner.server(key, server, at: place) != state || planner.standsInTheWay(key, at: place) {
                    touched.virtualServers.insert(key)
                }
            }
            if standing < observed.virtualServers.count {
                for key in observed.virtualServers.keys where !wanted.isWanted(key) && !planner.isAsWanted(key) {
                    touched.virtualServers.insert(key)
                }
            }
        }
        if seen.contains(.link) {
            // Where these parts were seen before, what depends on an address is compared with it.
            let areAllCompared = seen.contains(.virtualServers) && seen.contains(.sets)
            var standing = 0
            for address in wanted.addresses {
                if observed.addresses.contains(address) { standing += 1 }
                if !areAllCompared || !planner.isAsWanted(address) { touched.addresses.insert(address) }
            }
            if !areAllCompared || standing < observed.addresses.count {
                for address in observed.addresses where !areAllCompared || !wanted.isWanted(address) { touched.addresses.insert(address) }
            }
        }
        if seen.contains(.sets) {
            var standing = 0
            let usable = observed.sets.filter { $1.serves(as: $0) }
            for member in wanted.members {
                let stands = usable[member.set]?.entries.contains(member.entry) ?? false
                if stands { standing += 1 }
                if planner.isToStand(member) != stands { touched.members.insert(member) }
            }
            if standing < observed.sets.values.reduce(0, { $0 + $1.entries.count }) {
                for (key, set) in observed.sets {
                    for entry in set.entries {
                        let member = SetMember(key, entry)
                        if !wanted.isWanted(member), !planner.isAsWanted(member) { touched.members.insert(member) }
                    }
                }
            }
        }
        return touched
    }

    private var result: Plan {
        let comes = [start, removedMarks, earlyMembers, servers, realServers, members, addresses]
        let goes = [removedAddresses, removedMembers, removedRealServers, removedServers, lateRemovedMembers]
        // Put together in one piece: at the start there are tens of thousands.
        var operations: [Operation] = []
        operations.reserveCapacity((comes + goes).reduce(0) { $0 + $1.count })
        for part in comes + goes { operations += part }
        return Plan(operations, conflicts: conflicts)
    }

    private static func memberOrder(_ left: SetMember, _ right: SetMember) -> Bool {
        if left.set != right.set { return left.set < right.set }
        return left.entry < right.entry
    }
}

// MARK: What others hold

extension Planner {
    /// The link that holds an address instead of ours; nil where ours has it, or none.
    ///
    /// An address that ours has stays served although another link was given it later: taking the service away would be the greater harm.
    private func holder(of address: IPAddress) -> String? {
        // Others' are few, and ours many.
        guard let other = observed.otherAddresses[address] else { return nil }
        return observed.addresses.contains(address) ? nil : other
    }

    /// Whether an address can be bound to our link: no other link holds it, and no virtual server of others stands on it, which would
    /// look like ours from then on.
    private func isFree(_ address: IPAddress) -> Bool {
        holder(of: address) == nil && !wanted.virtualServerKeys(on: address).contains(where: standsInTheWay)
    }

    /// The virtual server as it is to stand now: none where it may be served from our link only and another one holds its address.
    private func server(_ key: VirtualServer.Key) -> VirtualServerState? {
        server(key, wanted.virtualServer(key), at: wanted.place(of: key))
    }

    /// The same of one whose server and place are at hand.
    private func server(_ key: VirtualServer.Key, _ server: VirtualServerState?, at place: WantedState.Place) -> VirtualServerState? {
        if let address = key.address, place == .ourLink, holder(of: address) != nil { return nil }
        return server
    }

    /// Whether an entry is to stand now.
    private func isWanted(_ member: SetMember) -> Bool { wanted.isWanted(member) && isToStand(member) }

    /// The same of one that somebody wants.
    private func isToStand(_ member: SetMember) -> Bool {
        switch (member.set.set, member.entry) {
        // The guard refuses what comes to the node's own ports on our addresses. It must not do that on somebody else's.
        case (.boundAddresses, .address(let address)): return observed.addresses.contains(address) || isFree(address)
        case (.clusterIP, .addressPort(let address, _, _)) where holder(of: address) != nil: return false
        // Those of a cluster address whose packets are not translated, or that is served with others.
        case (.externalIPLocal, .addressPort(let address, let port, let transport))
        where holder(of: address) != nil && wanted.place(of: .address(address, port: port, transport)) == .ourLink:
            return false
        case (.groupMark, .addressPortMark(let address, let port, let transport, _))
        where holder(of: address) != nil && wanted.place(of: .address(address, port: port, transport)) == .ourLink:
            return false
        // What stands at an entry of ours is ours: no entry must say that of what is not.
        case (_, .addressPort(let address, let port, let transport)), (_, .addressPortMark(let address, let port, let transport, _)):
            return !standsInTheWay(.address(address, port: port, transport))
        default: return true
        }
    }

    /// Whether a virtual server of others stands where one of ours is wanted.
    ///
    /// A cluster address is the cluster's: what stands there is taken over. Other addresses are named by people, who may name one that somebody
    /// else balances; and excluded ones are somebody else's by setting.
    private func standsInTheWay(_ key: VirtualServer.Key) -> Bool { standsInTheWay(key, at: wanted.place(of: key)) }

    private func standsInTheWay(_ key: VirtualServer.Key, at place: WantedState.Place) -> Bool {
        guard place == .anyLink || ownership.isExcluded(key.address), observed.virtualServers[key] != nil else {
            return false
        }
        return !ownership.remembered.contains(key) && !ownership.isTold(key, in: observed)
    }

    /// What was touched, with what depends on it: on an address what is served there, on an external virtual server its address and entries.
    private func withDependants(of touched: Touched) -> Touched {
        var touched = touched
        for case .address(let address, let port, let transport) in touched.virtualServers
        where wanted.place(of: .address(address, port: port, transport)) == .anyLink {
            if !observed.addresses.contains(address) { touched.addresses.insert(address) }
            for set in Ownership.addressSets {
                insert(SetMember(SetKey(set, address.family), .addressPort(address, port, transport)), into: &touched)
            }
            for member in wanted.members(of: .address(address, port: port, transport)) where member.entry.mark != nil {
                insert(member, into: &touched)
            }
        }
        for address in touched.addresses {
            for key in wanted.virtualServerKeys(on: address) {
                if !touched.base.contains(.virtualServers), (observed.virtualServers[key] != nil) != (server(key) != nil) {
                    touched.virtualServers.insert(key)
                }
                guard !touched.base.contains(.sets), case .address(_, let port, let transport) = key else { continue }
                for set in [ServiceSet.clusterIP, .externalIPLocal] {
                    insert(SetMember(SetKey(set, address.family), .addressPort(address, port, transport)), into: &touched)
                }
                for member in wanted.members(of: key) where member.entry.mark != nil { insert(member, into: &touched) }
            }
            if !touched.base.contains(.sets) {
                insert(SetMember(SetKey(.boundAddresses, address.family), .address(address)), into: &touched)
            }
        }
        return touched
    }

    private func insert(_ member: SetMember, into touched: inout Touched) {
        if !isAsWanted(member) { touched.members.insert(member) }
    }

    private func stands(_ member: SetMember) -> Bool {
        observed.sets[member.set].map { $0.serves(as: member.set) && $0.entries.contains(member.entry) } ?? false
    }
}

// MARK: Comparing

extension Planner {
    private mutating func compareBase(_ scope: ObservationScope) {
        let base = wanted.base
        if scope.contains(.sysctls) {
            for (name, wish) in base.sysctls.sorted(by: { $0.key < $1.key }) where !wish.isMet(by: observed.sysctls[name]) {
                // What is not needed and cannot be is no operation.
                if wish.isAdvised, observed.readOnlySysctls.contains(name) { continue }
                start.append(.setSysctl(name, to: wish.value))
            }
        }
        if scope.contains(.virtualServers) {
            let difference = base.timeouts.difference(to: observed.timeouts)
            if difference != ConnectionTimeouts() { start.append(.setTimeouts(difference)) }
        }
        if scope.contains(.sets) {
            for definition in base.sets where observed.sets[definition.key]?.serves(as: definition.key) != true {
                // A set of another type under this name cannot be used; making ours fails, and says so.
                start.append(.createSet(definition.holding(wanted.size(of: definition.key))))
            }
            if observed.hasLeftoverSet { start.append(.destroyLeftoverSet) }
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
                start += change.parts.map { .changeRules($0) }
            }
        }
    }

    private func isAsWanted(_ key: VirtualServer.Key) -> Bool { server(key) == observed.virtualServers[key] && !standsInTheWay(key) }

    private func isAsWanted(_ member: SetMember) -> Bool { isWanted(member) == stands(member) }

    private func isAsWanted(_ address: IPAddress) -> Bool { wanted.isWanted(address) == observed.addresses.contains(address) }

    private mutating func compare(_ key: VirtualServer.Key) {
        guard let server = server(key) else {
            if observed.virtualServers[key] != nil, ownership.owns(key, in: observed) { removedServers.append(.removeVirtualServer(key)) }
            return
        }
        if standsInTheWay(key) {
            conflicts.append(.othersVirtualServer(VirtualServer(key, server.configuration)))
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
        for realKey in wanted.base.turns.order(server.realServers.keys, of: key) {
            guard let configuration = server.realServers[realKey] else { continue }
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
        switch (isWanted(member), stands(member)) {
        case (true, false) where isOnTheNode(member): earlyMembers.append(.addMember(member))
        case (true, false): members.append(.addMember(member))
        case (false, true) where member.entry.mark != nil: removedMarks.append(.removeMember(member))
        case (false, true) where isOnTheNode(member): lateRemovedMembers.append(.removeMember(member))
        case (false, true): removedMembers.append(.removeMember(member))
        default: break
        }
    }

    /// Whether an entry speaks of an address that the node has anyway.
    private func isOnTheNode(_ member: SetMember) -> Bool {
        switch (member.set.set, member.entry) {
        case (.loopBack, _), (.boundAddresses, _): false
        case (_, .port): true
        case (_, .addressPort(let address, _, _)), (_, .addressPortMark(let address, _, _, _)),
            (_, .addressPortAddress(let address, _, _, _)),
            (_, .addressPortNet(let address, _, _, _)), (_, .address(let address)):
            holder(of: address) != nil
        }
    }

    /// Makes room where more is to be added than a set can hold.
    private mutating func growSets() {
        var added: [SetKey: Int] = [:]
        for case .addMember(let member) in earlyMembers + members { added[member.set, default: 0] += 1 }
        for (key, count) in added.sorted(by: { $0.key < $1.key }) {
            guard let standing = observed.sets[key], standing.serves(as: key) else { continue }
            // What goes goes later.
            let needed = standing.entries.count + count
            if standing.isTooSmall(for: needed) { start.append(.growSet(SetDefinition(key).holding(max(needed, wanted.size(of: key))))) }
        }
    }

    private mutating func compare(_ address: IPAddress) {
        switch (wanted.isWanted(address), observed.addresses.contains(address)) {
        case (true, false):
            if isFree(address) {
                addresses.append(.addAddress(address))
            } else if let link = holder(of: address),
                wanted.virtualServerKeys(on: address).contains(where: { wanted.place(of: $0) == .ourLink })
            {
                conflicts.append(.heldAddress(address, link: link))
            }
        case (false, true) where !ownership.isExcluded(address): removedAddresses.append(.removeAddress(address))
        default: break
        }
    }
}

extension ConnectionTimeouts {
    /// The timeouts to write so that all that are wanted (not 0) are as wanted; 0 for those that are already.
    package func difference(to observed: ConnectionTimeouts) -> ConnectionTimeouts {
        ConnectionTimeouts(
            tcp: tcp == observed.tcp ? 0 : tcp, tcpFin: tcpFin == observed.tcpFin ? 0 : tcpFin, udp: udp == observed.udp ? 0 : udp)
    }
}
