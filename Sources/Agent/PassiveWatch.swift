import HealthModel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceModel
import Telemetry

/// Judges real servers by the connections that clients make: one that gets new ones and sends nothing back, over two ticks of the kernel's
/// estimator, is left out for a while.
///
/// That shows only where the way back leads through this node, by masquerade. What is looked at are the counters of real servers, of Services whose
/// policy asks for it; connections are not looked at.
struct PassiveWatch {
    /// The estimator's tick (`est_timer` in `net/netfilter/ipvs/ip_vs_est.c`): counters stand still in between.
    static let tick = Duration.seconds(2)
    /// How many virtual servers are looked at in one go.
    static let atOnce = 20
    /// How many ticks in a row have to look alike.
    static let ticks = 2

    private struct Seen {
        var statistics: TrafficStatistics
        var silent = 0
    }

    /// A server that is left out, and how often it has been of late.
    struct Ejection {
        var until: ContinuousClock.Instant
        var count: Int
        var isOut = true
    }

    private var seen: [VirtualServer.Key: [RealServer.Key: Seen]] = [:]
    private(set) var ejections: [ObjectName: [RealServer.Key: Ejection]] = [:]
    private var round: [VirtualServer.Key] = []
    private var nextRound: ContinuousClock.Instant?

    /// When there is something to be done: to look, or to take one in again.
    func due(isWatching: Bool) -> ContinuousClock.Instant? {
        let ends = ejections.values.flatMap(\.values).filter(\.isOut).map(\.until)
        return ([isWatching ? nextRound : nil] + ends).compactMap(\.self).min()
    }

    func isOut(_ server: RealServer.Key, of name: ObjectName) -> Bool { ejections[name]?[server]?.isOut ?? false }

    /// Begins to watch where that has not begun.
    mutating func begin(at now: ContinuousClock.Instant) { if nextRound == nil { nextRound = now + Self.tick } }

    /// Ends watching, since nobody asks for it any more.
    mutating func end() { (seen, round, nextRound) = ([:], [], nil) }

    /// The next virtual servers to look at; none before the round's time.
    mutating func next(of watched: [VirtualServer.Key], at now: ContinuousClock.Instant) -> [VirtualServer.Key] {
        if round.isEmpty {
            guard let due = nextRound, due <= now else { return [] }
            round = watched
            seen = seen.filter { watched.contains($0.key) }
            nextRound = now + Self.tick
        }
        let keys = Array(round.suffix(Self.atOnce))
        round.removeLast(keys.count)
        if !round.isEmpty { nextRound = now } else if let due = nextRound, due <= now { nextRound = now + Self.tick }
        return keys
    }

    /// Takes in what a virtual server's real servers have done, and returns those that do not answer.
    mutating func saw(_ servers: [RealServer.Key: ObservedRealServer], of key: VirtualServer.Key) -> [RealServer.Key] {
        var silent: [RealServer.Key] = []
        let before = seen[key] ?? [:]
        var after: [RealServer.Key: Seen] = [:]
        for (realServer, found) in servers where found.server.configuration.forwarding == .masquerade {
            var now = Seen(statistics: found.statistics)
            if let last = before[realServer] {
                // Counters can jump back: a server that is removed and added again comes with old ones, or none.
                let isAsked = found.statistics.connections > last.statistics.connections
                let answers = found.statistics.outgoingPackets != last.statistics.outgoingPackets
                now.silent = isAsked && !answers ? last.silent + 1 : answers ? 0 : last.silent
                if now.silent >= Self.ticks {
                    silent.append(realServer)
                    now.silent = 0
                }
            }
            after[realServer] = now
        }
        seen[key] = after
        return silent
    }

    /// Leaves a server out, for twice as long as the last time where that is not long ago. Nil where it is out already.
    mutating func eject(
        _ server: RealServer.Key, of name: ObjectName, by policy: HealthPolicy.PassiveDetection, at now: ContinuousClock.Instant
    ) -> Duration? {
        let last = ejections[name]?[server]
        guard last?.isOut != true else { return nil }
        let count = last.map { now - $0.until < policy.longestEjection ? $0.count + 1 : 1 } ?? 1
        let duration = min(policy.ejection * (1 << min(count - 1, 16)), policy.longestEjection)
        ejections[name, default: [:]][server] = Ejection(until: now + duration, count: count)
        return duration
    }

    /// Takes in again those whose time is over, and forgets what is long ago.
    mutating func takeOver(at now: ContinuousClock.Instant) -> [ObjectName: [RealServer.Key]] {
        var over: [ObjectName: [RealServer.Key]] = [:]
        for (name, servers) in ejections {
            for (server, ejection) in servers where ejection.until <= now {
                if ejection.isOut {
                    ejections[name]?[server]?.isOut = false
                    over[name, default: []].append(server)
                } else if now - ejection.until > .seconds(24 * 3600) {
                    ejections[name]?[server] = nil
                }
            }
            if ejections[name]?.isEmpty == true { ejections[name] = nil }
        }
        return over
    }
}

extension Reconciler {
    /// The virtual servers whose policy asks to be judged by their connections.
    private var watchedServers: [VirtualServer.Key] {
        demand.backends.watching.flatMap { wanted.share(of: $0.description)?.virtualServers.keys.map(\.self) ?? [] }
    }

    var passiveDue: ContinuousClock.Instant? { passive.due(isWatching: !demand.backends.watching.isEmpty) }

    /// Looks at some counters, and at whose time is over.
    func watchPassively() async -> Round {
        let time = now()
        var touched: Set<ObjectName> = []
        for (name, servers) in passive.takeOver(at: time) {
            touched.insert(name)
            for server in servers {
                events.post(.readmitted, about: "backend \(server), Service \(name)", "tried again, of Service \(name)")
            }
        }
        let keys = passive.next(of: watchedServers, at: time)
        if !keys.isEmpty, let seen = try? await kernel.traffic(of: keys) {
            for key in keys {
                guard let owner = wanted.claimants(of: key).first, let name = ObjectName(owner),
                    let policy = demand.backends.passive(of: name)
                else { continue }
                for server in passive.saw(seen[key] ?? [:], of: key) {
                    guard let duration = passive.eject(server, of: name, by: policy, at: now()) else { continue }
                    touched.insert(name)
                    events.post(
                        .ejected, about: "backend \(server), Service \(name)",
                        "gets connections of Service \(name) and sends nothing back: left out for \(duration.inWords)")
                }
            }
        }
        guard !touched.isEmpty else { return Round() }
        let out = passive.ejections.mapValues { Set($0.filter(\.value.isOut).keys) }.filter { !$0.value.isEmpty }
        return await apply(demand.take(ejected: out, touching: touched))
    }
}
