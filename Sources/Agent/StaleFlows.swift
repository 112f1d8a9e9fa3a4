import Addresses
import IPVSModel
import Logging
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import Telemetry

/// When flows are to be looked at whose server may be gone.
///
/// A flow of UDP has no end that the kernel could see: as long as packets come, connection tracking remembers where they went, and IPVS does
/// not translate them anew (`ip_vs_update_conntrack` leaves an entry alone that is confirmed). IPVS itself ends a connection whose server is gone
/// with the next packet (`expire_nodest_conn`), and its entry with it; what it had forgotten before that is ended here. Nothing is
/// remembered for it: what is stale is found by comparing, so that a kill loses nothing.
struct StaleFlows {
    /// The time between two looks, at least: a look passes all flows.
    static let interval = Duration.seconds(1)
    /// So long is waited where flows cannot be seen.
    private static let pause = Duration.seconds(60)
    /// The most virtual servers that are remembered to be gone, until the next look.
    private static let mostGone = 10_000

    private(set) var due: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?
    var isUnderWay = false
    /// Virtual servers that have been removed since the last look.
    private(set) var gone: Set<VirtualServer.Key> = []
    /// Why flows could not be seen the last time, which is told once.
    var failure: KernelFailure?
    var ended = 0
    /// What there is to be counted, until it is taken.
    private(set) var news = News()
    private var began: ContinuousClock.Instant?
    /// The real servers of virtual servers whose marks people's own rules set: such flows name no virtual server.
    private(set) var markedServers: Set<RealServer.Key> = []

    /// What looks came to.
    struct News: Equatable {
        /// Seconds that each look took from beginning to end.
        var looks: [Double] = []
        var ended: [AddressFamily: UInt64] = [:]
    }

    mutating func takeNews() -> News? {
        guard news != News() else { return nil }
        defer { news = News() }
        return news
    }

    mutating func note(ended flows: some Sequence<TrackedFlow>) {
        for flow in flows {
            ended += 1
            news.ended[flow.destination.address.family, default: 0] += 1
        }
    }

    func isDue(at now: ContinuousClock.Instant) -> Bool { isUnderWay || due.map { $0 <= now } ?? false }

    /// Notes what operations have taken from under flows.
    mutating func note(_ operation: Operation, at now: ContinuousClock.Instant) {
        switch operation {
        case .removeRealServer(_, let key) where key.isWithoutConnections: lookSoon(at: now)
        case .removeVirtualServer(let key) where key.isWithoutConnections:
            if gone.count < Self.mostGone { gone.insert(key) }
            lookSoon(at: now)
        default: break
        }
    }

    mutating func lookSoon(at now: ContinuousClock.Instant) { due = min(due ?? .max(now), max(now, (last ?? now) + Self.interval)) }

    mutating func begin(at now: ContinuousClock.Instant, marked: Set<RealServer.Key>) {
        (isUnderWay, due, last, ended, began, markedServers) = (true, nil, now, 0, now, marked)
    }

    mutating func end(at now: ContinuousClock.Instant) {
        (isUnderWay, gone) = (false, [])
        if let began { news.looks.append((now - began) / .seconds(1)) }
        began = nil
    }

    /// Tries again later what could not be done.
    mutating func pause(at now: ContinuousClock.Instant) { (isUnderWay, due) = (false, now + Self.pause) }
}

extension ContinuousClock.Instant {
    /// Later than anything that is waited for.
    fileprivate static func max(_ now: Self) -> Self { now + .seconds(1 << 40) }
}

extension VirtualServer.Key {
    /// Whether its flows are remembered for as long as packets come: UDP, and SCTP, which may change its addresses.
    fileprivate var isWithoutConnections: Bool { transport == .udp || transport == .sctp }
}

extension Reconciler {
    /// Looks at one slice of the flows, and has those forgotten whose server is gone.
    func endStaleFlows() async {
        if !staleFlows.isUnderWay {
            staleFlows.begin(at: now(), marked: serversOfOthersMarks)
            await kernel.beginFlows()
        }
        do throws(KernelFailure) {
            guard let flows = try await kernel.nextFlows() else {
                staleFlows.end(at: now())
                staleFlows.failure = nil
                if staleFlows.ended > 0 { logger.info("ended \(staleFlows.ended) flows whose server is gone") }
                return
            }
            let stale = flows.filter(isStale)
            guard !stale.isEmpty else { return }
            let failures = await kernel.end(stale)
            // A failure does not say whose it is; those that fail come last, or all fail.
            staleFlows.note(ended: stale.prefix(stale.count - failures.count))
            if let failure = failures.first { throw failure }
        } catch {
            if staleFlows.failure != error { logger.warning("flows whose server is gone cannot be ended: \(error)") }
            staleFlows.failure = error
            staleFlows.pause(at: now())
        }
    }

    /// Whether a flow goes to a virtual server of ours by a real server that it does not have.
    private func isStale(_ flow: TrackedFlow) -> Bool {
        let key = VirtualServer.Key.address(flow.destination.address, port: flow.destination.port, flow.transport)
        guard let standing = picture.state.virtualServers[key] else { return staleFlows.gone.contains(key) }
        guard ownership.owns(key, in: picture.state) else { return false }
        let server = RealServer.Key(flow.server.address, port: flow.server.port)
        if standing.realServers[server] != nil || isServedByMark(key, server) { return false }
        // Where the destination is not translated, the virtual server itself is what answers.
        let isTranslated = standing.realServers.values.allSatisfy { $0.forwarding == .masquerade }
        return isTranslated || flow.server != flow.destination
    }

    /// Whether packets to a virtual server may have gone by one that a mark leads to, and to this real server of it.
    private func isServedByMark(_ key: VirtualServer.Key, _ server: RealServer.Key) -> Bool {
        func isAmong(_ servers: [RealServer.Key: RealServer.Configuration]?) -> Bool {
            servers?[server] != nil || servers?[RealServer.Key(server.address, port: 0)] != nil
        }
        for member in wanted.members(of: key) {
            guard let mark = member.entry.mark else { continue }
            // With the bit that asks for masquerading, the mark is another virtual server's.
            for mark in [mark, mark | 1 << UInt32(demand.compiler.settings.masqueradeBit)]
            where isAmong(picture.state.virtualServers[.firewallMark(mark, key.family)]?.realServers) {
                return true
            }
        }
        return staleFlows.markedServers.contains(server)
            || staleFlows.markedServers.contains(RealServer.Key(server.address, port: 0))
    }

    /// Walks the table once for each look, which walks all flows anyway.
    private var serversOfOthersMarks: Set<RealServer.Key> {
        var servers: Set<RealServer.Key> = []
        for (key, state) in picture.state.virtualServers {
            guard case .firewallMark(let mark, _) = key, ownership.firewallMarks?.contains(mark) != true else { continue }
            servers.formUnion(state.realServers.keys)
        }
        return servers
    }
}
