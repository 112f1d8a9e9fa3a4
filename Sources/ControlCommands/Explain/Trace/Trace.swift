import IPVS
import NodeModel

/// What is foretold of a connection, in values that what really happens can be compared with.
struct TraceForecast: Hashable {
    enum End: Hashable {
        case served
        /// The client is told at once that nobody listens.
        case refused
        /// The client hears nothing.
        case dropped
        /// No virtual server takes it, but perhaps a socket of this node.
        case unbalanced
        /// It is not for this node.
        case elsewhere
        case notKnowable
    }

    var end: End
    /// The real server that takes it, or those of which one does.
    var servers: [RealServer.Key] = []
    var isMasqueraded: Bool?
    /// Whether the connection table remembers it: one-packet scheduling leaves nothing there.
    var isRemembered = true
}

/// The life of a client's first packet on this node, hop by hop, as the kernel's present state would treat it. Pure: what was seen in, hops out.
struct Trace {
    private(set) var hops: [TraceHop]
    private(set) var forecast: TraceForecast

    /// The whole way. Real servers are those of the virtual server that the approach leads to, in the kernel's own order; templates are this
    /// client's, from the connection table.
    init(_ approach: Approach, servers: [ObservedRealServer], templates: [IPVSConnection], _ facts: NodeFactsRead) {
        hops = approach.hops
        forecast = TraceForecast(end: approach.end ?? .served)
        guard approach.end == nil, let virtual = approach.virtual else { return }
        let candidates = servers.filter(\.isAvailable)
        let listed = candidates.prefix(20).map { "\($0.server.key) (weight \($0.server.configuration.weight))" }
        let more = candidates.count > listed.count ? " and \(candidates.count - listed.count) more" : ""
        hops.append(
            TraceHop(
                "candidates", candidates.isEmpty ? .ends : .goesOn,
                candidates.isEmpty ? "none of \(servers.count)" : listed.joined(separator: ", ") + more))
        let choice = ServerChoice(
            approach.packet, virtual.configuration, servers: servers, templates: templates,
            expiresQuiescentTemplates: facts.sysctls["net.ipv4.vs.expire_quiescent_template"] == "1")
        forecast.isRemembered = !virtual.configuration.onePacket
        let takers: [ObservedRealServer]
        switch choice.outcome {
        case .one(let server):
            takers = [server]
            hops.append(TraceHop("scheduler", choice.reason))
        case .several(let servers):
            takers = servers
            hops.append(TraceHop("scheduler", .notKnowable, choice.reason))
        case .none:
            hops.append(TraceHop("scheduler", .ends, choice.reason))
            forecast.end = .refused
            return
        }
        forecast.servers = takers.map(\.server.key)
        let departure = Departure(approach.packet, to: takers, facts)
        hops += departure.hops
        forecast.isMasqueraded = departure.isMasqueraded
    }

    /// The templates of a client at a virtual server, of all connections. A template has the client's address as far as persistence looks at it, and
    /// the virtual server's port or, where it takes every port, none (`ip_vs_sched_persist` in `net/netfilter/ipvs/ip_vs_core.c`).
    static func isTemplate(_ connection: IPVSConnection, of client: IPAddress, at virtual: VirtualServer) -> Bool {
        guard let persistence = virtual.configuration.persistence, connection.isTemplate else { return false }
        let length = persistence.granularity.prefixLength ?? client.family.bitWidth
        guard connection.client.address == IPPrefix(client, length: length)?.address ?? client else { return false }
        switch virtual.key {
        case .address(let address, let port, _): return connection.virtual.address == address && connection.virtual.port == port
        case .firewallMark(let mark, _): return connection.firewallMark == mark
        }
    }
}
