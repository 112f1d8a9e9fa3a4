/// What came of all requests, and how it is written.
struct ReachabilityMatrix {
    private struct Cell: Hashable {
        var one: ReachabilityCase
        var client: ReachabilityClient
        var variant: ReachabilityVariant
    }

    private var servers: [Cell: Set<String>] = [:]
    private var sources: [Cell: Set<String>] = [:]
    private var failures: [Cell: String] = [:]

    /// By client, the tags of requests of the last network that brought neither an answer nor a refusal.
    private(set) var unanswered: [ReachabilityClient: Set<String>] = [:]

    /// Takes what `lab-peer list` printed, in the place of what it printed before of the same requests.
    mutating func take(_ lines: [String], of client: ReachabilityClient, on network: Topology.Kind) {
        unanswered[client] = []
        for tag in Set(lines.map { String($0.prefix { $0 != " " }) }) {
            guard let cell = cell(tag, client, network) else { continue }
            (servers[cell], sources[cell], failures[cell]) = (nil, nil, nil)
        }
        for line in lines { take(line, of: client, on: network) }
    }

    private func cell(_ tag: String, _ client: ReachabilityClient, _ network: Topology.Kind) -> Cell? {
        let parts = tag.split(separator: "/").map(String.init)
        guard parts.count == 3, let number = Int(parts[0]), ReachabilityCase.all.indices.contains(number),
            let transport = ReachabilityVariant.Transport(rawValue: parts[2])
        else { return nil }
        let variant = ReachabilityVariant(network: network, isIPv6: parts[1] == "6", transport: transport)
        return Cell(one: ReachabilityCase.all[number], client: client, variant: variant)
    }

    /// Takes a line: `7/4/TCP web-1 client=…` or `7/4/TCP failed: Connection refused`.
    private mutating func take(_ line: String, of client: ReachabilityClient, on network: Topology.Kind) {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, let cell = cell(parts[0], client, network) else { return }
        if let answer = Answer(parts[1]) {
            servers[cell, default: []].insert(answer.server)
            sources[cell, default: []].insert(client.name(ofSource: answer.client))
        } else {
            failures[cell] = parts[1]
            if parts[1].contains("timed out") { unanswered[client, default: []].insert(parts[0]) }
        }
    }

    /// How many cells there are.
    var count: Int { Set(servers.keys).union(failures.keys).count }

    private func text(_ cell: Cell) -> String {
        let landed = servers[cell].map { found in
            let places = [("web-1", "here"), ("web-3", "there")].filter { found.contains($0.0) }.map(\.1)
            let others = found.subtracting(["web-1", "web-3"]).sorted()
            return (places + others).joined(separator: " and ") + ", sees " + (sources[cell] ?? []).sorted().joined(separator: " and ")
        }
        let failure = failures[cell].map { text in
            if text.contains("refused") { return "refused" }
            if text.contains("not permitted") { return "refused as it is sent" }
            return text.contains("timed out") ? "no answer" : text
        }
        return [landed, failure].compactMap(\.self).joined(separator: "; then ")
    }

    /// A cell of the document: what came of it in all networks, families and protocols.
    private func text(_ one: ReachabilityCase, _ client: ReachabilityClient) -> String {
        guard client.asks(for: one.entrance) else { return "–" }
        var groups: [(text: String, variants: [ReachabilityVariant])] = []
        for variant in ReachabilityVariant.all {
            let text = text(Cell(one: one, client: client, variant: variant))
            if let index = groups.firstIndex(where: { $0.text == text }) {
                groups[index].variants.append(variant)
            } else {
                groups.append((text, [variant]))
            }
        }
        if groups.count == 1 { return groups[0].text }
        return groups.map { "\(Self.name(of: $0.variants)): \($0.text.isEmpty ? "not tried" : $0.text)" }.joined(separator: "<br>")
    }

    /// Variants that have one thing in common, by that; others one by one.
    private static func name(of variants: [ReachabilityVariant]) -> String {
        let common: [(String, (ReachabilityVariant) -> Bool)] =
            Topology.Kind.allCases.map { kind in (kind.rawValue, { $0.network == kind }) }
            + [("IPv4", { !$0.isIPv6 }), ("IPv6", { $0.isIPv6 })]
            + ReachabilityVariant.Transport.allCases.map { transport in (transport.rawValue, { $0.transport == transport }) }
            + ReachabilityVariant.Transport.allCases.map { transport in ("not \(transport.rawValue)", { $0.transport != transport }) }
        for (name, belongs) in common where ReachabilityVariant.all.filter(belongs) == variants { return name }
        return variants.map(\.description).joined(separator: ", ")
    }

    var text: String {
        var lines = Self.introduction.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines[lines.count - 1] = "\(count) cells: \(ReachabilityVariant.all.count) variants of each. Written by `make reachability`."
        for entrance in ReachabilityCase.Entrance.allCases {
            lines += ["", "## By \(entrance.rawValue)", ""]
            let cases = ReachabilityCase.all.filter { $0.entrance == entrance }
            lines.append("| asked by | " + cases.map(Self.title).joined(separator: " | ") + " |")
            lines.append("| --- |" + cases.map { _ in " --- |" }.joined())
            for client in ReachabilityClient.allCases where client.asks(for: entrance) {
                lines.append("| \(client.rawValue) | " + cases.map { text($0, client) }.joined(separator: " | ") + " |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func title(_ one: ReachabilityCase) -> String {
        "\(one.isLocal ? "Local" : "Cluster"), endpoints \(one.hasEndpointHere ? "here and there" : "there only")"
    }

    private static let introduction = """
        # Who reaches what

        What came of real requests between two nodes in a real kernel: for each kind of entrance, each traffic policy and each kind of client,
        where requests land and whose address the server sees. *Here* is the node n1, which outside clients come in by; *there* is n2. Agents
        run on both, and a client on n2 is served by its own node, but for node ports, which all ask n1 for. Policy means
        `internalTrafficPolicy` at cluster addresses and `externalTrafficPolicy` elsewhere.

        Each cell was tried in both pod networks (a bridge, as of the CNI plug-in of that name; routed, a /32 for each pod), both families and
        with TCP, UDP and SCTP; where nothing else is said all of them came out alike. *No answer* is no answer for 1.5 seconds, *refused*
        an answer at once that says no.

        * A refusal is an ICMP message, of which SCTP takes no notice: it goes on asking.
        * Pods are told by the cluster's ranges (`--cluster-cidr`), and this node's by its Node document.
        * The second uplink has a route table of its own, chosen by source address; the main table does not know the way back to that client.
        * The balancer in front gives n1's node ports another address. One that keeps clients' addresses has to be on the way back, too.

        count
        """
}
