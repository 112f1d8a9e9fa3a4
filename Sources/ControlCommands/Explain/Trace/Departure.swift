import IPVS
import Links
import NodeModel

/// What becomes of a packet that a virtual server has taken: where it is sent, from whom it seems to come, and how the answer comes back.
struct Departure {
    private(set) var hops: [TraceHop] = []
    /// Whether the real server sees another source than the client; nil where that differs among the candidates.
    private(set) var isMasqueraded: Bool?

    init(_ packet: TracedPacket, to servers: [ObservedRealServer], _ facts: NodeFactsRead) {
        let methods = Set(servers.map(\.server.configuration.forwarding))
        guard methods.count == 1, let method = methods.first else {
            hops = [TraceHop("forwarding", .notKnowable, "differs among the candidates")]
            return
        }
        switch method {
        case .masquerade:
            let parts = servers.contains { $0.server.key.port != 0 } ? "address and port" : "address"
            hops.append(TraceHop("forwarding", "masquerade: the destination becomes the real server's \(parts)"))
            leave(packet, servers, facts, isTranslated: true)
        case .direct:
            hops.append(
                TraceHop(
                    "forwarding",
                    "direct: sent to the real server's link-layer address, unchanged; it must be on the same network and hold \(packet.destination) without answering ARP for it"
                ))
            leave(packet, servers, facts, isTranslated: false)
        case .tunnel(let tunnel):
            isMasqueraded = false
            hops.append(
                TraceHop(
                    "forwarding",
                    "tunnel \(tunnel): wrapped and sent to the real server, which must unwrap it, hold \(packet.destination), and not filter strictly by the reverse path"
                ))
            hops.append(TraceHop("source", "unchanged: the real server sees \(packet.source)"))
            hops.append(TraceHop("way back", "straight from the real server to the client, not by this node"))
        case .local:
            isMasqueraded = false
            hops.append(TraceHop("forwarding", "local: delivered to a socket of this node"))
            hops.append(TraceHop("way back", "from this node to the client"))
        case .bypass:
            isMasqueraded = false
            hops.append(TraceHop("forwarding", "bypass: passed on to the packet's own destination"))
        }
    }

    /// Through POSTROUTING, as the packet is by then. Without `net.ipv4.vs.conntrack` nat does not act on what IPVS sends.
    private mutating func leave(
        _ packet: TracedPacket, _ servers: [ObservedRealServer], _ facts: NodeFactsRead, isTranslated: Bool
    ) {
        let isTracked = facts.sysctls["net.ipv4.vs.conntrack"] == "1"
        var verdicts: [Bool: [ObservedRealServer]] = [:]
        var shown: (nat: RuleWalk, mangle: RuleWalk?)?
        for server in servers {
            var packet = packet
            if isTranslated {
                packet.destination = server.server.key.address
                // One without a port of its own gets the packet at the port that it came to.
                if server.server.key.port != 0 { packet.destinationPort = server.server.key.port }
            }
            let (mangle, nat) = Self.postrouting(packet, facts)
            if shown == nil, let nat { shown = (nat, mangle) }
            verdicts[nat?.verdict == .masqueraded, default: []].append(server)
        }
        let isUnread = facts.rules?[packet.destination.family] == nil
        if let shown {
            let chains = (shown.mangle?.chains ?? []) + shown.nat.chains
            let sets = shown.nat.sets
            let passed = chains.isEmpty ? "no chain of ours" : "through \(chains.joined(separator: ", "))"
            hops.append(TraceHop("POSTROUTING", passed + (sets.isEmpty ? "" : "; in \(sets.joined(separator: ", "))")))
        }
        switch (verdicts[true], verdicts[false]) {
        case _ where isUnread:
            hops.append(TraceHop("source", .notKnowable, "rules cannot be read"))
        case (_?, _) where !isTracked:
            isMasqueraded = false
            hops.append(
                TraceHop(
                    "source",
                    "a rule would masquerade it, but net.ipv4.vs.conntrack is off: it does not act, and the real server sees \(packet.source)"
                ))
        case (let masqueraded?, let others?):
            let names = masqueraded.prefix(5).map { "\($0.server.key)" }.joined(separator: ", ")
            hops.append(
                TraceHop(
                    "source", .notKnowable,
                    "masqueraded where it goes to \(names); otherwise unchanged (\(others.count) of the candidates)"))
        case (_?, nil):
            isMasqueraded = true
            hops.append(TraceHop("source", "masqueraded: the real server sees an address of this node"))
        default:
            isMasqueraded = false
            hops.append(TraceHop("source", "unchanged: the real server sees \(packet.source)"))
        }
        hops.append(TraceHop("way back", Self.wayBack(isMasqueraded, isTranslated: isTranslated, packet)))
    }

    private static func wayBack(_ isMasqueraded: Bool?, isTranslated: Bool, _ packet: TracedPacket) -> String {
        if !isTranslated {
            return isMasqueraded == true
                ? "to this node, from \(packet.destination), which is this node's own: the answer is lost"
                : "straight from the real server to the client, not by this node"
        }
        if isMasqueraded == true || packet.isFromHere { return "to this node, which gives the answer the virtual address" }
        return "has to lead through this node, which gives the answer the virtual address; else the client refuses it"
    }

    private static func postrouting(_ packet: TracedPacket, _ facts: NodeFactsRead) -> (mangle: RuleWalk?, nat: RuleWalk?) {
        guard let view = facts.table, let tables = facts.rules?[packet.destination.family]?.tables else { return (nil, nil) }
        let held = view.links.addresses.map(\.address)
        let surroundings = RuleMatch.Surroundings(sets: view.state.sets) { held.contains($0) || $0.isLoopback }
        let mangle = tables["mangle"].map { RuleWalk(packet, through: "POSTROUTING", of: $0, in: surroundings) }
        let nat = tables["nat"].map { RuleWalk(mangle?.packet ?? packet, through: "POSTROUTING", of: $0, in: surroundings) }
        return (mangle, nat)
    }
}
