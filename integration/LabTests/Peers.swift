import Testing

/// What a server said of a request.
struct Answer: Hashable {
    /// The server's name.
    var server: String
    /// The client's address and port as the server saw them.
    var client: String
    var clientPort: String
    /// The address and port that the server was asked at.
    var at: String

    /// Reads `web-1 client=10.244.0.20:40312 server=10.244.0.11:8080`.
    init?(_ line: String) {
        guard let match = line.wholeMatch(of: #/(\S+) client=\[?([0-9a-f.:]+?)\]?:(\d+) server=(\S+)/#) else { return nil }
        (server, client, clientPort, at) = (String(match.1), String(match.2), String(match.3), String(match.4))
    }
}

/// What came of a client's requests.
struct Answers {
    var list: [Answer]
    /// What went wrong; empty where nothing did.
    var failures: String

    /// How many answers came from each server.
    var counts: [String: Int] { list.reduce(into: [:]) { $0[$1.server, default: 0] += 1 } }
    var servers: Set<String> { Set(list.map(\.server)) }
    var clients: Set<String> { Set(list.map(\.client)) }
}

extension Scene {
    /// Sends requests one after the other from a pod, a node or `outside`, by `get`, `udp` or `sctp` with further options of `lab-peer`.
    func ask(
        _ address: String, _ port: UInt16 = 80, by verb: String = "get", from namespace: String = "client", count: Int = 1,
        _ more: String...
    ) async throws -> Answers {
        let result = try await Program(
            [Laboratory.peer, verb, address, String(port), "--count", String(count)] + more, in: namespace
        ).result(within: .seconds(60))
        return Answers(
            list: result.lines.compactMap(Answer.init), failures: result.status == 0 ? "" : "status \(result.status) \(result.error)")
    }

    /// Opens connections that stay open, and returns how many each server took.
    func load(_ address: String, _ port: UInt16 = 7, from namespace: String = "client", connections: Int) async throws -> [String: Int] {
        let program = try start(
            [Laboratory.peer, "load", address, String(port), "--concurrency", String(connections)], in: namespace)
        try await eventually("\(connections) connections stand") { program.output.hasSuffix("open\n") || !program.isRunning }
        var counts: [String: Int] = [:]
        for line in program.output.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let count = Int(words[0]) { counts[String(words[1])] = count }
        }
        return counts
    }

    /// A connection that exchanges a line every 100 ms until it is told to end.
    func hold(_ address: String, _ port: UInt16 = 7, from namespace: String = "client") async throws -> Program {
        let program = try start(
            [Laboratory.peer, "hold", address, String(port), "--seconds", "300", "--interval", "100"], in: namespace)
        try await eventually("a connection stands") {
            guard program.isRunning else { throw LabFailure("no connection: \(program.error)") }
            return program.output.contains("\n")
        }
        return program
    }

    /// Ends such a connection, and expects that every line came back.
    func release(_ connection: Program, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        connection.signal(15)
        let result = try await connection.result()
        #expect(result.status == 0, "\(result.error)", sourceLocation: sourceLocation)
        #expect(result.output.contains("held "), sourceLocation: sourceLocation)
    }
}
