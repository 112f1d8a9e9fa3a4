import Testing

/// Two nodes with pods and a client outside, built by `integration/topology`.
///
/// On n1: web-1, web-2 and client; on n2: web-3 and web-4. Each web pod serves HTTP on 8080, echoes on 7 and answers datagrams on 53.
/// Building takes seconds, so what stands is used again until a test asks for the other kind.
@MainActor final class Topology {
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case bridge
        case routed

        var testDescription: String { rawValue }
    }

    nonisolated static let servers = ["web-1", "web-2", "web-3", "web-4"]
    nonisolated static let endpoints4 = ["10.244.0.11", "10.244.0.12", "10.244.1.11", "10.244.1.12"]
    nonisolated static let endpoints6 = ["fd00:10:244::11", "fd00:10:244::12", "fd00:10:244:1::11", "fd00:10:244:1::12"]
    nonisolated static let podRanges = "10.244.0.0/16,fd00:10:244::/48"
    /// Addresses of the node n1 itself.
    nonisolated static let nodeAddresses: Set = ["192.0.2.10", "10.244.0.1", "2001:db8:1::10", "fd00:10:244::1"]
    /// Further addresses of the pod client, where it hangs on a bridge.
    nonisolated static let clientSources = (100..<116).map { "10.244.0.\($0)" }

    private static var standing: Topology?

    let kind: Kind
    private var programs: [Program] = []

    private init(_ kind: Kind) { self.kind = kind }

    static func up(_ kind: Kind) async throws -> Topology {
        if let standing, standing.kind == kind { return standing }
        if let old = standing.take() { try await old.down() }
        let topology = Topology(kind)
        try await topology.build()
        standing = topology
        return topology
    }

    private func build() async throws {
        let command = Laboratory.package + "/integration/topology"
        var pods: [[String]] = [[], []]
        for (index, name) in Self.servers.enumerated() { pods[index / 2] += [name, Self.endpoints4[index], Self.endpoints6[index]] }
        pods[0] += ["client", "10.244.0.20", "fd00:10:244::20"]
        try await Program.script(
            """
            \(command) up \(kind)
            \(command) pods n1 \(pods[0].joined(separator: " "))
            \(command) pods n2 \(pods[1].joined(separator: " "))
            """)
        if kind == .bridge {
            let lines = Self.clientSources.map { "addr add \($0)/24 dev eth0" }
            try await Program.script("ip -batch - <<'END'\n\(lines.joined(separator: "\n"))\nEND", in: "client")
        }
        let hasSCTP = try await Program.run("grep", "-q", "^SCTP ", "/proc/net/protocols").status == 0
        for name in Self.servers {
            let ports = ["--http", "8080", "--tcp", "7", "--udp", "53"] + (hasSCTP ? ["--sctp", "9"] : [])
            programs.append(try Program([Laboratory.peer, "serve", name] + ports, in: name))
        }
        try await eventually("every server listens") { programs.allSatisfy { $0.output == "ready\n" } }
    }

    private func down() async throws {
        for program in programs {
            program.signal(9)
            _ = try await program.result()
        }
        try await Program.script(Laboratory.package + "/integration/topology down")
    }
}
