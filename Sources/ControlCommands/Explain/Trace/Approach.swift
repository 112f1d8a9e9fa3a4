import IPVS
import Links
import NodeModel

/// A packet's way from where it enters, or is made, to the virtual server that takes it: tables of rules, the route, the table of IPVS.
///
/// What comes from elsewhere passes mangle and nat, is found to be for this node, passes the filter's INPUT, and then meets IPVS. What the node
/// itself sends meets IPVS right after nat, before the filter (`ip_vs_ops4` in `net/netfilter/ipvs/ip_vs_core.c`).
struct Approach {
    private(set) var hops: [TraceHop] = []
    private(set) var packet: TracedPacket
    /// What becomes of it before a virtual server takes it; nil where one does.
    private(set) var end: TraceForecast.End?
    private(set) var virtual: VirtualServer?

    init(_ packet: TracedPacket, _ facts: NodeFactsRead) {
        self.packet = packet
        guard let view = facts.table else {
            hops = [TraceHop("route", .notKnowable, "links cannot be read")]
            end = .notKnowable
            return
        }
        let held = view.links.addresses.map(\.address)
        self.packet.isFromHere = held.contains(packet.source)
        if !self.packet.isFromHere { self.packet.arrival = Self.link(towards: packet.source, view.links) }
        let surroundings = RuleMatch.Surroundings(sets: view.state.sets) { held.contains($0) || $0.isLoopback }
        if self.packet.isFromHere {
            guard route(view) else { return }
            guard rules("mangle", "OUTPUT", facts, surroundings), rules("nat", "OUTPUT", facts, surroundings) else { return }
        } else {
            guard rules("mangle", "PREROUTING", facts, surroundings), rules("nat", "PREROUTING", facts, surroundings), route(view),
                rules("filter", "INPUT", facts, surroundings)
            else { return }
        }
        tellMark()
        find(facts)
    }

    /// Whether the packet is for this node.
    private mutating func route(_ view: NodeView) -> Bool {
        let address = packet.destination
        if view.state.addresses.contains(address) {
            hops.append(TraceHop("route", "\(address) is local: the dummy link holds it"))
        } else if let link = view.state.otherAddresses[address] {
            hops.append(TraceHop("route", "\(address) is local: \(link) holds it"))
        } else {
            hops.append(
                TraceHop("route", .ends, "no link holds \(address): the packet is forwarded or dropped, and IPVS does not see it"))
            end = .elsewhere
            return false
        }
        return true
    }

    /// Whether the packet comes through one table's rules.
    private mutating func rules(
        _ table: String, _ chain: String, _ facts: NodeFactsRead, _ surroundings: RuleMatch.Surroundings
    ) -> Bool {
        guard let tables = facts.rules?[packet.destination.family] else {
            if table == "nat" { hops.append(TraceHop("\(table) \(chain)", .notKnowable, "rules cannot be read")) }
            return true
        }
        guard let rules = tables.tables[table], rules.jumps.contains(where: { $0.chain == chain }) else { return true }
        let walk = RuleWalk(packet, through: chain, of: rules, in: surroundings)
        packet = walk.packet
        let hop = TraceHop(walk, "\(table) \(chain)")
        hops.append(hop)
        switch walk.verdict {
        case .dropped: end = .dropped
        case .refused: end = .refused
        case .goesOn, .masqueraded: break
        }
        return end == nil
    }

    private mutating func tellMark() {
        guard packet.mark != 0 else { return }
        hops.append(TraceHop("mark", "the packet has the mark 0x\(String(packet.mark, radix: 16))"))
    }

    /// The virtual server that takes it: by the whole mark first, then by address, then by a port of 0 (`ip_vs_service_find` in
    /// `net/netfilter/ipvs/ip_vs_ctl.c`).
    private mutating func find(_ facts: NodeFactsRead) {
        let all = (facts.servers ?? []).map(\.0.server)
        let family = packet.destination.family
        var keys: [VirtualServer.Key] = []
        if packet.mark != 0 { keys.append(.firewallMark(packet.mark, family)) }
        keys.append(.address(packet.destination, port: packet.destinationPort, packet.transport))
        keys.append(.address(packet.destination, port: 0, packet.transport))
        virtual = keys.lazy.compactMap { key in all.first { $0.key == key } }.first
        if let virtual {
            hops.append(TraceHop("virtual server", "\(virtual.key), \(virtual.configuration)"))
        } else {
            hops.append(TraceHop("virtual server", .ends, "none: the packet goes to a socket of this node, or is refused"))
            end = .unbalanced
        }
    }

    /// The link whose network an address is in. What comes from farther away may come by any.
    private static func link(towards address: IPAddress, _ links: NodeLinks) -> String? {
        let near = links.addresses.filter { IPPrefix($0.address, length: $0.prefixLength)?.contains(address) ?? false }
        return near.max { $0.prefixLength < $1.prefixLength }.flatMap { links.link($0.linkIndex)?.name }
    }
}

extension TraceHop {
    /// What a walk through rules came to.
    init(_ walk: RuleWalk, _ hop: String) {
        var parts: [String] = []
        if !walk.chains.isEmpty { parts.append("through \(walk.chains.joined(separator: ", "))") }
        parts.append(walk.sets.isEmpty ? "no set holds it" : "in \(walk.sets.joined(separator: ", "))")
        switch walk.verdict {
        case .dropped: parts.append("dropped")
        case .refused: parts.append("refused")
        case .masqueraded: parts.append("masqueraded")
        case .goesOn: break
        }
        if !walk.unread.isEmpty { parts.append("not evaluated: \(walk.unread.prefix(3).joined(separator: " | "))") }
        self.init(hop, [.dropped, .refused].contains(walk.verdict) ? .ends : .goesOn, parts.joined(separator: "; "))
    }

    init(_ hop: String, _ happens: String) { self.init(hop, .goesOn, happens) }
}
