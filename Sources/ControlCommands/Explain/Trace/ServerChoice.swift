import IPVS

/// Which real server a connection would be given, as far as what the kernel shows tells it.
struct ServerChoice {
    enum Outcome {
        case one(ObservedRealServer)
        /// One of these; which, is not knowable.
        case several([ObservedRealServer])
        case none
    }

    var outcome: Outcome
    /// A sentence without its full stop.
    var reason: String

    /// What the virtual server does with the packet. Its real servers are in the kernel's own order, the templates are this client's.
    init(
        _ packet: TracedPacket, _ configuration: VirtualServer.Configuration, servers: [ObservedRealServer], templates: [IPVSConnection],
        expiresQuiescentTemplates: Bool
    ) {
        let candidates = servers.filter(\.isAvailable)
        if configuration.persistence != nil, let template = templates.first,
            let server = servers.first(where: { $0.server.key.address == template.realServer.address }),
            // `ip_vs_check_template` in ip_vs_conn.c.
            server.server.configuration.weight > 0 || !expiresQuiescentTemplates
        {
            self.init(.one(server), "the client has a template: \(server.server.key), for \(template.secondsLeft) s more")
            return
        }
        guard !candidates.isEmpty else {
            let why = servers.isEmpty ? "there is none" : "none takes connections: of weight 0, or over the threshold"
            self.init(.none, "\(why); the connection is refused")
            return
        }
        self = Self.scheduled(packet, configuration, servers, candidates)
    }

    private init(_ outcome: Outcome, _ reason: String) { (self.outcome, self.reason) = (outcome, reason) }

    private static func scheduled(
        _ packet: TracedPacket, _ configuration: VirtualServer.Configuration, _ servers: [ObservedRealServer],
        _ candidates: [ObservedRealServer]
    ) -> ServerChoice {
        let (scheduler, flags) = (configuration.scheduler, configuration.schedulerFlags)
        func hashed(_ server: ObservedRealServer?, _ size: String) -> ServerChoice {
            if let server {
                return ServerChoice(.one(server), "\(scheduler): \(server.server.key), if the kernel's table has \(size) (its default)")
            }
            return ServerChoice(
                .none,
                scheduler == .destinationHashing
                    ? "dh: the server that falls to the address takes none; it is refused"
                    : "\(scheduler): the client's server takes none, and without the flag fallback it is refused")
        }
        func counted(_ server: ObservedRealServer?) -> ServerChoice {
            guard let server else { return ServerChoice(.none, "\(scheduler): every server has more connections than its weight") }
            return ServerChoice(.one(server), "\(scheduler): \(server.server.key), as the connections are counted at this moment")
        }
        let only = candidates.count == 1 ? candidates[0] : nil
        if let only, servers.count == 1 || flags.contains(.fallback) {
            return ServerChoice(.one(only), "\(scheduler): \(only.server.key), the only one")
        }
        if [.sourceHashing, .maglevHashing].contains(scheduler), flags.contains(.port), packet.sourcePort == 0 {
            return ServerChoice(.several(candidates), "not knowable: \(scheduler) hashes the client's port too: name it as ADDRESS:PORT")
        }
        switch scheduler {
        case .sourceHashing:
            return hashed(
                SourceHashing(servers, flags: flags).server(for: packet.source, port: packet.sourcePort), "\(SourceHashing.size) buckets")
        case .destinationHashing:
            return hashed(
                DestinationHashing(servers: servers).server(for: packet.destination), "\(DestinationHashing.size) buckets")
        case .maglevHashing:
            guard MaglevHashing.isKnowable(servers) else {
                return ServerChoice(
                    .several(candidates),
                    "not knowable: mh gives a server of weight 0 the places of its weight before, which the kernel does not show")
            }
            return hashed(
                MaglevHashing(servers, flags: flags).server(for: packet.source, port: packet.sourcePort), "\(MaglevHashing.size) places")
        case .weightedFailover: return counted(LeastLoaded.failover(candidates))
        case .overflow: return counted(LeastLoaded.overflow(candidates))
        case .leastConnection: return counted(LeastLoaded.least(candidates, weighted: false) { $0.overhead })
        case .weightedLeastConnection: return counted(LeastLoaded.least(candidates, weighted: true) { $0.overhead })
        case .shortestExpectedDelay: return counted(LeastLoaded.least(candidates, weighted: true) { $0.delay })
        case .neverQueue:
            return counted(
                candidates.first { $0.connections.active == 0 } ?? LeastLoaded.least(candidates, weighted: true) { $0.delay })
        default:
            if let only { return ServerChoice(.one(only), "\(scheduler): \(only.server.key), the only one") }
            return ServerChoice(
                .several(candidates), "not knowable: \(scheduler) depends on the connections before and at the same moment")
        }
    }
}

/// The schedulers that compare counts (`ip_vs_lc.c`, `ip_vs_wlc.c`, `ip_vs_sed.c`, `ip_vs_fo.c`, `ip_vs_ovf.c`). Of equals, the first counts.
private enum LeastLoaded {
    /// Overheads are compared by their products with the other's weight, as the kernel does to do without divisions.
    static func least(
        _ servers: [ObservedRealServer], weighted: Bool, _ load: (ObservedRealServer) -> UInt64
    ) -> ObservedRealServer? {
        func weight(_ server: ObservedRealServer) -> UInt64 { weighted ? UInt64(max(server.server.configuration.weight, 0)) : 1 }
        return servers.dropFirst().reduce(servers.first) { least, next in
            least.map { load($0) &* weight(next) > load(next) &* weight($0) ? next : $0 }
        }
    }

    static func failover(_ servers: [ObservedRealServer]) -> ObservedRealServer? {
        servers.reduce(nil) { best, next in
            best.map { next.server.configuration.weight > $0.server.configuration.weight ? next : $0 } ?? next
        }
    }

    static func overflow(_ servers: [ObservedRealServer]) -> ObservedRealServer? {
        failover(servers.filter { UInt64($0.connections.active) <= UInt64(max($0.server.configuration.weight, 0)) })
    }
}

extension ObservedRealServer {
    /// `ip_vs_dest_conn_overhead` in include/net/ip_vs.h.
    fileprivate var overhead: UInt64 { UInt64(connections.active) << 8 + UInt64(connections.inactive) }
    /// `ip_vs_sed_dest_overhead`.
    fileprivate var delay: UInt64 { UInt64(connections.active) + 1 }
}
