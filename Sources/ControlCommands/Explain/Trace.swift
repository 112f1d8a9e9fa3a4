import IPVS
import Links
import NodeModel

/// The life of a client's first packet on this node, hop by hop, as the kernel's present state would treat it. Pure: what was seen in, hops out.
struct Trace {
    /// One hop.
    struct Hop: ListedItem, Hashable {
        static var kind: String { "TraceListing" }

        enum Fate: String, Encodable {
            case goesOn
            case ends
            /// The state of the kernel does not tell.
            case notKnowable
        }

        var hop: String
        var fate: Fate
        var happens: String

        var name: String { hop }

        static var columns: [ListedColumn<Hop>] {
            [
                .text("HOP") { $0.hop },
                .text("WHAT HAPPENS") { $0.happens }.toned { $0.fate == .ends ? .bad : $0.fate == .notKnowable ? .doubtful : .plain },
            ]
        }
    }

    var client: IPAddress
    /// 0 where none was said.
    var clientPort: UInt16
    var key: VirtualServer.Key
    var facts: NodeFactsRead
    /// The real servers in the kernel's own order.
    var servers: [ObservedRealServer]
    /// Templates of this client, from the connection table.
    var templates: [IPVSConnection]

    /// What the rules make of the packet.
    private struct Marking {
        var isMasqueraded = false
        var isDropped = false
        var hits: [String] = []
        var unread: [String] = []
    }

    var hops: [Hop] {
        guard case .address(let address, let port, let transport) = key else { return [] }
        var hops: [Hop] = []
        guard let view = facts.table else { return [Hop(hop: "route", fate: .notKnowable, happens: "links cannot be read")] }
        if view.state.addresses.contains(address) {
            hops.append(Hop(hop: "route", fate: .goesOn, happens: "\(address) is local: the dummy link holds it"))
        } else if let link = view.state.otherAddresses[address] {
            hops.append(Hop(hop: "route", fate: .goesOn, happens: "\(address) is local: \(link) holds it"))
        } else {
            hops.append(
                Hop(
                    hop: "route", fate: .ends,
                    happens: "no link holds \(address): the packet is forwarded or dropped, and IPVS does not see it"))
            return hops
        }
        let isLocal = view.links.addresses.contains { $0.address == client }
        let marking = walk(address, port, transport, view, isLocal: isLocal)
        let chain = isLocal ? "OUTPUT" : "PREROUTING"
        var text = marking.hits.isEmpty ? "no set holds it" : "hits " + marking.hits.joined(separator: ", ")
        text += marking.isMasqueraded ? "; marked to be masqueraded" : "; not marked"
        if !marking.unread.isEmpty { text += "; not evaluated: \(marking.unread.prefix(3).joined(separator: " | "))" }
        hops.append(
            Hop(
                hop: "rules, nat \(chain)", fate: facts.rules == nil ? .notKnowable : .goesOn,
                happens: facts.rules == nil ? "cannot be read" : text))
        guard let virtual = virtualServer(address, port, transport) else {
            hops.append(Hop(hop: "virtual server", fate: .ends, happens: "none: the packet goes to a socket of this node, or is refused"))
            return hops
        }
        hops.append(Hop(hop: "virtual server", fate: .goesOn, happens: "\(virtual.server.key), \(virtual.server.configuration)"))
        let candidates = servers.filter { $0.server.configuration.weight > 0 }
        hops.append(
            Hop(
                hop: "candidates", fate: candidates.isEmpty ? .ends : .goesOn,
                happens: candidates.isEmpty
                    ? (servers.isEmpty ? "none: the connection is refused" : "all have weight 0: the connection is refused")
                    : candidates.map { "\($0.server.key) (weight \($0.server.configuration.weight))" }.joined(separator: ", ")))
        guard !candidates.isEmpty else { return hops }
        let (choice, chosen) = choose(virtual.server.configuration, candidates)
        hops.append(choice)
        if choice.fate == .ends { return hops }
        return hops + afterwards(chosen.map { [$0] } ?? candidates, marking, isLocal: isLocal)
    }

    private func virtualServer(_ address: IPAddress, _ port: UInt16, _ transport: TransportProtocol) -> ObservedVirtualServer? {
        let all = (facts.servers ?? []).map(\.0)
        // Port 0 takes what no other takes (`ip_vs_service_find` in net/netfilter/ipvs/ip_vs_ctl.c).
        return all.first { $0.server.key == key } ?? all.first { $0.server.key == .address(address, port: 0, transport) }
    }

    private func choose(
        _ configuration: VirtualServer.Configuration, _ candidates: [ObservedRealServer]
    ) -> (Hop, ObservedRealServer?) {
        if configuration.persistence != nil {
            if let template = templates.first, let server = servers.first(where: { $0.server.key.address == template.realServer.address }) {
                return (
                    Hop(
                        hop: "scheduler", fate: .goesOn,
                        happens: "the client has a template: \(server.server.key), for \(template.secondsLeft) s more"), server
                )
            }
        }
        if candidates.count == 1, let only = candidates.first {
            return (Hop(hop: "scheduler", fate: .goesOn, happens: "\(configuration.scheduler): \(only.server.key), the only one"), only)
        }
        switch configuration.scheduler {
        case .sourceHashing:
            if configuration.schedulerFlags.contains(.port), clientPort == 0 {
                return (Hop(hop: "scheduler", fate: .notKnowable, happens: "sh hashes the client's port too: name it as ADDRESS:PORT"), nil)
            }
            let hashing = SourceHashing(servers, flags: configuration.schedulerFlags)
            guard let server = hashing.server(for: client, port: clientPort) else {
                return (
                    Hop(
                        hop: "scheduler", fate: .ends,
                        happens: "sh: the client's server takes none, and without the flag fallback it is refused"), nil
                )
            }
            return (
                Hop(
                    hop: "scheduler", fate: .goesOn,
                    happens: "sh: \(server.server.key), if the kernel's table has \(SourceHashing.size) buckets (its default)"), server
            )
        case .weightedFailover:
            let best = candidates.max { $0.server.configuration.weight < $1.server.configuration.weight }
            return (
                Hop(hop: "scheduler", fate: .goesOn, happens: "fo: \(best.map { "\($0.server.key)" } ?? ""), of the highest weight"), best
            )
        case .maglevHashing:
            return (
                Hop(
                    hop: "scheduler", fate: .notKnowable, happens: "mh: always the same one for this client; which, is not computed here"),
                nil
            )
        default:
            return (
                Hop(
                    hop: "scheduler", fate: .notKnowable,
                    happens: "\(configuration.scheduler): not knowable, it depends on the connections before and at the same moment"), nil
            )
        }
    }

    private func afterwards(_ servers: [ObservedRealServer], _ marking: Marking, isLocal: Bool) -> [Hop] {
        let methods = Set(servers.map(\.server.configuration.forwarding))
        guard methods.count == 1, let method = methods.first else {
            return [Hop(hop: "forwarding", fate: .notKnowable, happens: "differs among the candidates")]
        }
        var hops: [Hop] = []
        switch method {
        case .masquerade:
            hops.append(Hop(hop: "forwarding", fate: .goesOn, happens: "the destination becomes the real server's address and port"))
            let isTracked = facts.sysctls["net.ipv4.vs.conntrack"] == "1"
            if marking.isMasqueraded {
                hops.append(
                    Hop(
                        hop: "source", fate: .goesOn,
                        happens: isTracked
                            ? "masqueraded: the real server sees an address of this node"
                            : "marked, but net.ipv4.vs.conntrack is off: the rule does not act, and the real server sees the client"))
            } else {
                hops.append(Hop(hop: "source", fate: .goesOn, happens: "unchanged: the real server sees \(client)"))
            }
            hops.append(
                Hop(
                    hop: "way back", fate: .goesOn,
                    happens: marking.isMasqueraded && isTracked
                        ? "to this node, which gives the answer the virtual address"
                        : "has to lead through this node, which gives the answer the virtual address; else the client refuses it"))
        case .direct:
            hops.append(
                Hop(
                    hop: "forwarding", fate: .goesOn,
                    happens: "sent to the real server's link-layer address, unchanged: it must hold the virtual address"))
            hops.append(Hop(hop: "way back", fate: .goesOn, happens: "straight from the real server to the client"))
        case .tunnel(let tunnel):
            hops.append(
                Hop(
                    hop: "forwarding", fate: .goesOn,
                    happens: "wrapped (\(tunnel)) and sent to the real server, which must unwrap it and hold the virtual address"))
            hops.append(Hop(hop: "way back", fate: .goesOn, happens: "straight from the real server to the client"))
        case .local: hops.append(Hop(hop: "forwarding", fate: .goesOn, happens: "delivered to a socket of this node"))
        case .bypass: hops.append(Hop(hop: "forwarding", fate: .goesOn, happens: "passed on to the packet's own destination"))
        }
        return hops
    }

    // MARK: Rules

    /// Walks our chains in the table nat as the packet filter would, as far as they match sets, addresses and jumps.
    private func walk(
        _ address: IPAddress, _ port: UInt16, _ transport: TransportProtocol, _ view: NodeView, isLocal: Bool
    ) -> Marking {
        var marking = Marking()
        guard let nat = facts.rules?[address.family]?.tables["nat"] else { return marking }
        var budget = 1000
        func matches(_ words: [String]) -> Bool? {
            var index = 0
            var isNegated = false
            var isKnown = true
            while index < words.count {
                func value(_ offset: Int = 1) -> String { index + offset < words.count ? words[index + offset] : "" }
                var isMet = true
                switch words[index] {
                case "!":
                    isNegated = true
                    index += 1
                    continue
                case "-m":
                    index += 2
                    continue
                case "--comment":
                    index += 2
                    continue
                case "--match-set":
                    isMet = holds(value(1), value(2), address, port, transport, view)
                    if isMet != isNegated { marking.hits.append((isNegated ? "not " : "") + value(1)) }
                    index += 3
                case "-s":
                    isMet = prefix(value())?.contains(client) ?? false
                    index += 2
                case "-d":
                    isMet = prefix(value())?.contains(address) ?? false
                    index += 2
                case "-p":
                    isMet = value() == transport.description
                    index += 2
                case "--dst-type":
                    isMet = value() == "LOCAL"
                    index += 2
                case "--src-type":
                    isMet = (value() == "LOCAL") == isLocal
                    index += 2
                case "-j", "-g": return isKnown ? true : nil
                default:
                    isKnown = false
                    index += 1
                    continue
                }
                if isMet == isNegated { return false }
                isNegated = false
            }
            return isKnown ? true : nil
        }
        /// True where the packet's walk is over.
        func run(_ chain: String) -> Bool {
            for rule in nat.chains[chain] ?? [] {
                budget -= 1
                guard budget > 0 else { return true }
                let words = rule.split(separator: " ").map(String.init)
                guard let result = matches(words) else {
                    marking.unread.append(rule)
                    continue
                }
                guard result, let jump = words.lastIndex(where: { $0 == "-j" || $0 == "-g" }), jump + 1 < words.count else { continue }
                switch words[jump + 1] {
                case "ACCEPT": return true
                case "RETURN": return false
                case "DROP", "REJECT":
                    marking.isDropped = true
                    return true
                case "MARK": marking.isMasqueraded = marking.isMasqueraded || rule.contains("0x4000")
                case let next: if run(next) { return true }
                }
            }
            return false
        }
        _ = run("KUBE-SERVICES")
        var seen: Set<String> = []
        marking.hits = marking.hits.filter { seen.insert($0).inserted }
        return marking
    }

    private func prefix(_ text: String) -> IPPrefix? {
        IPPrefix(text) ?? IPAddress(text).flatMap { IPPrefix($0, length: $0.family.bitWidth) }
    }

    private func holds(
        _ name: String, _ directions: String, _ address: IPAddress, _ port: UInt16, _ transport: TransportProtocol, _ view: NodeView
    ) -> Bool {
        guard let key = SetKey(name: name), let set = view.state.sets[key] else { return false }
        // `src,dst` looks the client's address up with the destination's port.
        let first = directions.hasPrefix("src") ? client : address
        switch key.type {
        case .hashAddress: return set.entries.contains(.address(first))
        case .hashAddressPort: return set.entries.contains(.addressPort(first, port, transport))
        case .bitmapPort: return set.entries.contains(.port(port))
        case .hashAddressPortAddress:
            let last = directions.hasSuffix("src") ? client : address
            return set.entries.contains(.addressPortAddress(first, port, transport, last))
        case .hashAddressPortNet:
            return set.entries.contains { entry in
                guard case .addressPortNet(first, port, transport, let net) = entry else { return false }
                return net.contains(client)
            }
        }
    }
}
