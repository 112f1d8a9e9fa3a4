import Addresses
import HealthModel
import IPVSModel
import Logging
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Telemetry

/// Real servers that go: first they take no new connections, and when those that they have are over, or their time is up, they are removed.
extension Reconciler {
    /// The longest deadline that is believed of what was remembered, as annotations may say at most.
    private static let longestDrain = Duration.seconds(24 * 3600)

    /// Applies what a change of what is asked for has touched.
    func apply(_ touched: Touched) async -> Round {
        var touched = touched
        touched.formUnion(followNodeAddresses())
        followWatching()
        beginDrains(&touched)
        return await execute(plan(touched))
    }

    /// Has real servers that stand and are not asked for any more rest, before they go.
    ///
    /// What counts is what stands, whatever made it so: an endpoint that left, a verdict, a hand, a Service that is gone; and after a restart what
    /// an earlier agent left. A virtual server that nobody asks for stays with its address and entries until the last of them has gone; and with
    /// one by mark, which has no address, those that lead to it.
    func beginDrains(_ touched: inout Touched) {
        defer { demand.forgetDeparted() }
        var began: [(VirtualServer.Key, RealServer.Key, Drain)] = []
        var leaving: [VirtualServer.Key] = []
        let ways = StandingMarks(touched.members, in: picture.state, masqueradeBit: masqueradeBit)
        // Those by mark first: what else stands for their sake follows.
        let keys = touched.virtualServers.filter { $0.address == nil } + touched.virtualServers.filter { $0.address != nil }
        for key in keys {
            guard let standing = picture.state.virtualServers[key] else {
                for realServer in drains[key].keys { drains.end(realServer, of: key) }
                _ = demand.rest([:], of: key)
                touched.formUnion(letGo(key))
                continue
            }
            let asked = demand.wanted.claimed(key)?.realServers ?? [:]
            let isAskedFor = !demand.wanted.claimants(of: key).isEmpty
            for (realServer, drain) in drains[key] where asked[realServer] != nil {
                drains.end(realServer, of: key)
                tellDrain(.drainCancelled, realServer, of: key, drain, "is asked for again")
            }
            for (realServer, configuration) in standing.realServers where asked[realServer] == nil && drains[key][realServer] == nil {
                guard let drain = drain(of: realServer, configuration, in: key, standing) else { continue }
                drains.begin(drain, of: realServer, in: key)
                began.append((key, realServer, drain))
            }
            touched.formUnion(demand.rest(drains.resting(key), of: key))
            let marks = isAskedFor ? [] : ways.marks(of: key).filter { !drains[$0].isEmpty && demand.wanted.claimants(of: $0).isEmpty }
            if isAskedFor || !marks.isEmpty { addressHolds.hold(key, by: marks) }
            if !isAskedFor, !drains[key].isEmpty || addressHolds.isHeld(key) {
                if demand.wanted.claimed(key) == nil { leaving.append(key) }
            } else {
                touched.formUnion(letGo(key))
            }
        }
        if !leaving.isEmpty {
            let members = StandingMembers(touched.members, in: picture.state, isKept: isKept)
            for key in leaving { touched.formUnion(demand.leave(leavingShare(of: key, members), of: key)) }
        }
        if !recordedDrains.isEmpty {
            for key in touched.virtualServers {
                for realServer in recordedDrains.removeValue(forKey: key)?.keys.map(\.self) ?? [] { drains.forget(realServer, of: key) }
            }
        }
        guard drains.hasUnwritten, !isPreviewing else { return }
        begunDrains += began.prefix(Self.mostDrainEvents - min(begunDrains.count, Self.mostDrainEvents))
        // Before the first of them has weight 0.
        writeJournal()
    }

    /// Tells of drains that have begun, once the kernel has been told: until then clients are sent to servers that may be dead, and whoever
    /// reads the log may be slow.
    func tellBegunDrains() {
        for (key, realServer, drain) in begunDrains { tellDrain(.drainBegan, realServer, of: key, drain, drain.reason) }
        begunDrains = []
    }

    private static let mostDrainEvents = 100

    /// Has a virtual server that nobody asks for go, where nothing is waited for any more; and those with it that stood for its sake.
    private func letGo(_ key: VirtualServer.Key) -> Touched {
        guard key.address == nil || !addressHolds.isHeld(key) else { return Touched() }
        var touched = demand.leave(nil, of: key)
        for address in addressHolds.release(mark: key) {
            var rest: NodeShare?
            // What it has left itself, or another holds it: then only the entries go that led to this one.
            if addressHolds.isHeld(address) || !drains[address].isEmpty {
                rest = demand.wanted.share(of: NodeShare.Precedence.leaving(address).owner)
                let entries = rest?.membersOfServers[address]?.filter(isKept)
                rest?.membersOfServers[address] = entries
            }
            touched.formUnion(demand.leave(rest, of: address))
        }
        return touched
    }

    /// Whether an entry stays with the virtual server on an address that nobody asks for any more. By those with a mark it is known after a
    /// restart for whose sake the address stands, so they stay as long as that holds it. (Packets of a connection find it by their addresses,
    /// whatever their mark.)
    private func isKept(_ member: SetMember) -> Bool {
        guard let way = MarkedWay(member, masqueradeBit: masqueradeBit) else { return true }
        return addressHolds.isHeld(way.address, byAnyOf: way.marks)
    }

    private var masqueradeBit: Int { demand.compiler.settings.masqueradeBit }

    /// The drain of a real server that stands and is not asked for; nil where it is to go at once.
    private func drain(
        of realServer: RealServer.Key, _ configuration: RealServer.Configuration, in key: VirtualServer.Key, _ standing: VirtualServerState
    ) -> Drain? {
        // A flow without connections has no end that could be waited for, and would be fed to a server that is dead for ever.
        guard waitsForConnections, key.transport != .udp, !standing.configuration.onePacket else { return nil }
        let isAskedFor = !demand.wanted.claimants(of: key).isEmpty
        guard ownership.owns(key, in: picture.state) || isAskedFor && demand.wanted.place(of: key) == .ourLink else { return nil }
        // With the address its connections have gone.
        if let address = key.address, !picture.state.addresses.contains(address), picture.state.otherAddresses[address] == nil {
            return nil
        }
        let (owner, rule) = demand.drainRule(of: key)
        guard rule.timeout > .zero else { return nil }
        let reason = demand.reason(for: realServer, of: key)
        // Where clients are to stay at servers drained by hand, the kernel has them stay at every server of weight 0.
        let keepsSticky = demand.compiler.settings.keepsStickyClients && standing.configuration.persistence != nil
        guard !keepsSticky || reason.cause == .hand(.drain) else { return nil }
        let time = now()
        let record = recordedDrains[key]?[realServer]
        let left = record.map { min(wallClock().duration(to: $0.deadline), Self.longestDrain) } ?? rule.timeout
        var rested = configuration
        rested.weight = 0
        return Drain(
            owner: record?.owner ?? owner, reason: record?.reason ?? reason.words, began: time, deadline: time + left,
            waitFor: rule.waitFor,
            configuration: rested)
    }

    /// What keeps a virtual server that nobody asks for as it stands, with its address and the entries that lead to it.
    private func leavingShare(of key: VirtualServer.Key, _ members: StandingMembers) -> NodeShare? {
        guard let standing = picture.state.virtualServers[key] else { return nil }
        var share = NodeShare(precedence: .leaving(key))
        share.virtualServers[key] = VirtualServerState(standing.configuration)
        if let address = key.address, picture.state.addresses.contains(address) {
            share.addresses.insert(address)
            share.members.insert(SetMember(SetKey(.boundAddresses, address.family), .address(address)))
        }
        // They say how this virtual server is treated, and end with it, or when somebody else asks for it.
        share.membersOfServers[key] = members.leading(to: key)
        return share
    }

    // MARK: While they last

    /// Looks at some of the virtual servers that have real servers at rest, and lets go those whose time has come.
    func drainOn() async -> Round {
        let began = now()
        let keys = drains.next(at: began)
        var seen: [VirtualServer.Key: [RealServer.Key: ObservedRealServer]]?
        do throws(KernelFailure) {
            if !keys.isEmpty { seen = try await kernel.traffic(of: keys) }
        } catch {
            // Deadlines count all the same.
            logger.debug("cannot look at the connections of \(keys.count) virtual servers: \(error)")
        }
        let time = now()
        var touched = Touched()
        for key in keys {
            let before = drains[key].count
            for (realServer, drain) in drains[key] {
                var drain = drain
                if let seen {
                    guard let found = seen[key]?[realServer] else {
                        // Somebody has removed it.
                        drains.end(realServer, of: key)
                        tellDrain(.drainEnded, realServer, of: key, drain, "it is gone")
                        continue
                    }
                    drain.connections = found.connections
                    drains.saw(found.connections, of: realServer, in: key)
                }
                guard let why = drain.end(at: time) else { continue }
                drains.end(realServer, of: key)
                tellDrain(.drainEnded, realServer, of: key, drain, why)
            }
            guard drains[key].count != before else { continue }
            touched.formUnion(demand.rest(drains.resting(key), of: key))
            if drains[key].isEmpty { touched.formUnion(letGo(key)) }
        }
        drains.looked(for: now() - began, at: now())
        guard !touched.isEmpty else { return Round() }
        let round = await execute(plan(touched))
        writeJournal()
        return round
    }

    private func tellDrain(
        _ kind: AgentEvent.Kind, _ realServer: RealServer.Key, of key: VirtualServer.Key, _ drain: Drain, _ why: String
    ) {
        guard !isPreviewing else { return }
        var message = why
        if kind == .drainBegan {
            message = "takes no new connections: \(why); waits for those it has for \((drain.deadline - drain.began).inWords) at most"
        } else if kind == .drainEnded {
            let left = drain.connections.map { ", with \($0.active) active and \($0.inactive) other connections" } ?? ""
            message = "removed: \(why)\(left)"
        }
        logger.info("drain of \(realServer) of \(key): \(message)")
        let service = ObjectName(drain.owner).map { ", Service \($0)" } ?? ""
        events.post(kind, about: "real server \(realServer) of \(key)\(service)", message)
    }

    /// What is remembered of a drain; nil where there is none.
    func record(of name: DrainName) -> DrainRecord? {
        guard let drain = drains[name.virtualServer][name.realServer] else { return nil }
        let (time, moment) = (now(), wallClock())
        return DrainRecord(
            virtualServer: name.virtualServer, realServer: name.realServer, began: moment.advanced(by: drain.began - time),
            deadline: moment.advanced(by: drain.deadline - time), owner: drain.owner, reason: drain.reason)
    }
}

/// Entries of sets that stand, by the virtual server that they lead to.
private struct StandingMembers {
    private var byServer: [VirtualServer.Key: Set<SetMember>] = [:]
    private var byPort: [UInt16: Set<SetMember>] = [:]
    private let boundAddresses: Set<IPAddress>

    init(_ members: Set<SetMember>, in state: NodeState, isKept: (SetMember) -> Bool) {
        boundAddresses = state.addresses
        for member in members where state.sets[member.set]?.entries.contains(member.entry) == true {
            switch member.entry {
            case .addressPort(let address, let port, let transport), .addressPortNet(let address, let port, let transport, _),
                .addressPortAddress(let address, let port, let transport, _), .addressPortMark(let address, let port, let transport, _):
                if isKept(member) { byServer[.address(address, port: port, transport), default: []].insert(member) }
            case .port(let port): byPort[port, default: []].insert(member)
            case .address: break
            }
        }
    }

    func leading(to key: VirtualServer.Key) -> Set<SetMember> {
        guard case .address(let address, let port, let transport) = key else { return [] }
        let own = byServer[key] ?? []
        // Node ports stand for every address of the node itself.
        guard !boundAddresses.contains(address) else { return own }
        return own.union((byPort[port] ?? []).filter { $0.set.family == address.family && $0.set.set.portTransport == transport })
    }
}

extension ServiceSet {
    /// Of sets of node ports: of which protocol.
    fileprivate var portTransport: TransportProtocol? {
        switch self {
        case .nodePortTCP, .nodePortLocalTCP: .tcp
        case .nodePortUDP, .nodePortLocalUDP: .udp
        default: nil
        }
    }
}

extension Moment {
    /// The time from this moment to another; negative where that was before.
    func duration(to other: Moment) -> Duration { .milliseconds(other.millisecondsSince1970 - millisecondsSince1970) }
}
