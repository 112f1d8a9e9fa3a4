import Foundation
import Testing

extension Scene {
    /// Where the policies of this scene are; an agent is told by `policyFlags`.
    var policies: String { directory + "/policies" }
    var policyFlags: [String] { ["--policies", policies, "--state-directory", directory + "/state"] }

    /// Writes a policy for the Service of the test's own.
    func writePolicy(_ spec: String) throws {
        try FileManager.default.createDirectory(atPath: policies, withIntermediateDirectories: true)
        let lines = spec.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        let text = """
            apiVersion: ipvs-agent.dev/v1alpha1
            kind: HealthPolicy
            metadata: {name: own}
            spec:
              services: [default/own]
            \(lines)

            """
        try Data(text.utf8).write(to: URL(filePath: policies + "/own.yaml"), options: .atomic)
    }

    /// The kinds of the events so far, in order; of those about this only, where something is given.
    func eventKinds(about: String = "") async throws -> [String] {
        var kinds: [String] = []
        for line in try await tell("GET", "/v1/events").split(separator: "\n") where line.contains(about) || about.isEmpty {
            if let match = line.firstMatch(of: #/"kind":"([a-zA-Z]+)"/#) { kinds.append(String(match.1)) }
        }
        return kinds
    }

    /// Has a program pause and go on, some times.
    func flap(_ program: Program, times: Int) async throws {
        for _ in 0..<times {
            program.signal(SIGCONT)
            try await Task.sleep(for: .milliseconds(1200))
            program.signal(SIGSTOP)
            try await Task.sleep(for: .milliseconds(1500))
        }
    }

    /// Waits until every backend that is probed has been judged.
    func untilJudged(_ count: Int) async throws {
        try await eventually("every backend is judged", within: .seconds(30)) {
            let text = try await tell("GET", "/v1/health")
            return text.contains("\"count\" : \(count)") && !text.contains("\"unknown\"")
        }
    }
}

extension LabTests {
    /// Backends that die in every way, and what clients see of it.
    @Suite @MainActor struct Health {
        private static let web = "-t 10.96.0.40:80"
        private static func server(_ number: Int) -> String { "\(web) -r \(Topology.endpoints4[number]):8090" }
        private static let quick = "interval: 500ms\ntimeout: 300ms\nrise: 2\nfall: 2\ndrain: {timeout: 20s}\n"
        private static let http = "check: {type: http, path: /, statuses: [200]}\n" + quick

        private func play(_ policy: String, _ body: (Scene, Scene.OwnServers, Program) async throws -> Void) async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                try scene.writePolicy(policy)
                scene.flags = scene.policyFlags
                let servers = try await scene.startServers()
                let agent = try await scene.startAgent()
                try await body(scene, servers, agent)
            }
        }

        @Test func backendsThatAreKilledUnderLoadAreDrainedAndNobodyElseNotices() async throws {
            try await play("check: {type: tcp}\n" + Self.quick) { scene, servers, _ in
                try await scene.untilJudged(8)
                let load = try scene.start(
                    [Laboratory.peer, "get", "10.96.0.40", "80", "--count", "1000000", "--timeout", "1000"], in: "client")
                var held: [Program] = []
                for _ in 0..<8 { held.append(try await scene.hold("10.96.0.40")) }
                for number in [0, 2] {
                    servers.programs[number].signal(SIGKILL)
                    try await scene.untilTable(has: Self.server(number) + " -m -w 1", false, within: .seconds(30))
                    // From here on no new connection comes to it.
                    let answers = try await scene.ask("10.96.0.40", count: 40)
                    #expect(answers.failures == "" && answers.list.count == 40, "\(answers.failures)")
                    #expect(!answers.servers.contains("own-" + Topology.servers[number]))
                }
                for connection in held {
                    let isDead = ["own-web-1", "own-web-3"].contains { connection.output.hasPrefix($0) }
                    #expect(connection.isRunning || isDead, "one to a healthy backend broke: \(connection.error)")
                    if !isDead { try await scene.release(connection) }
                }
                load.signal(SIGTERM)
                _ = try await load.result()
                try await scene.untilTable(has: Self.server(0), false, within: .seconds(30))
                // The order of things: it is found down, takes no new connections, and goes.
                let order = try await scene.eventKinds(about: "\(Topology.endpoints4[0]):8090")
                let places = ["backendDown", "drainBegan", "drainEnded"].map { order.lastIndex(of: $0) ?? -1 }
                #expect(places == places.sorted() && !places.contains(-1), "\(order)")
            }
        }

        /// It accepts connections and never answers; it goes on later.
        @Test func aSlowBackendIsDownAndComesBack() async throws {
            try await play(Self.http) { scene, servers, _ in
                try await scene.untilJudged(8)
                servers.programs[1].signal(SIGSTOP)
                try await scene.untilTable(has: Self.server(1) + " -m -w 1", false, within: .seconds(30))
                let answers = try await scene.ask("10.96.0.40", count: 12)
                #expect(answers.failures == "" && answers.counts.count == 3, "\(answers.counts) \(answers.failures)")
                servers.programs[1].signal(SIGCONT)
                try await scene.untilTable(has: Self.server(1) + " -m -w 1", within: .seconds(30))
                #expect(try await scene.ask("10.96.0.40", count: 12).counts.count == 4)
            }
        }

        /// Its port answers, and what it says is an error.
        @Test func aHalfDeadBackendIsDown() async throws {
            try await play(Self.http) { scene, servers, _ in
                try await scene.untilJudged(8)
                servers.programs[3].signal(SIGUSR1)
                try await scene.untilTable(has: Self.server(3) + " -m -w 1", false, within: .seconds(30))
                #expect(try await scene.tell("GET", "/v1/health").contains("500"))
                #expect(try await scene.ask("10.96.0.40", count: 12).failures == "")
            }
        }

        @Test func whenAllAreDeadAllAreUsed() async throws {
            try await play("check: {type: tcp, port: 8090}\n" + Self.quick) { scene, servers, _ in
                try await scene.untilJudged(4)
                for server in servers.programs { server.signal(SIGKILL) }
                try await eventually("it is said", within: .seconds(30)) { try await scene.eventKinds().contains("panic") }
                let lines = try await scene.table.filter { $0.hasPrefix("-a \(Self.web) ") }
                #expect(lines.count == 4 && lines.allSatisfy { $0.hasSuffix("-w 1") }, "\(lines)")
                // One that comes back takes all.
                _ = try scene.start([Laboratory.peer, "serve", "back", "--http", "8090", "--tcp", "17"], in: "web-2")
                try await scene.untilTable(has: Self.server(0) + " -m -w 1", false, within: .seconds(30))
                #expect(try await scene.ask("10.96.0.40", count: 4).servers == ["back"])
            }
        }

        @Test func aBackendThatCannotBeReachedIsDown() async throws {
            try await play("check: {type: tcp}\n" + Self.quick) { scene, _, _ in
                try await scene.untilJudged(8)
                try await Cable.pull("web-2")
                try await scene.untilTable(has: Self.server(1) + " -m -w 1", false, within: .seconds(30))
                #expect(try await scene.ask("10.96.0.40", count: 12).failures == "")
                try await Cable.plug("web-2")
                try await scene.untilTable(has: Self.server(1) + " -m -w 1", within: .seconds(30))
            }
        }

        /// One that goes up and down faster than it is believed changes nothing.
        @Test func aFlappingBackendIsLeftOut() async throws {
            try await play("check: {type: http, path: /}\ninterval: 500ms\ntimeout: 450ms\nrise: 8\nfall: 3\ndrain: {timeout: 1s}\n") {
                scene, servers, _ in
                let about = "backend " + Topology.endpoints4[1] + ":8090"
                try await eventually("it is up", within: .seconds(60)) { try await scene.eventKinds(about: about).last == "backendUp" }
                servers.programs[1].signal(SIGSTOP)
                try await scene.untilTable(has: Self.server(1) + " -m -w 1", false, within: .seconds(30))
                try await scene.flap(servers.programs[1], times: 6)
                #expect(try await scene.eventKinds(about: about).last == "backendDown")
                #expect(try await scene.eventKinds(about: about).suffix(2) == ["backendUp", "backendDown"], "it was up once")
                servers.programs[1].signal(SIGCONT)
            }
        }

        /// A restart finds what is down as it was, and learns it anew before anything changes.
        @Test func whatIsDownIsStillDownAfterAKill() async throws {
            try await play(Self.http) { scene, servers, agent in
                try await scene.untilJudged(8)
                servers.programs[0].signal(SIGKILL)
                try await scene.untilTable(has: Self.server(0), false, within: .seconds(30))
                agent.signal(SIGKILL)
                _ = try await agent.result()
                let standing = try await scene.table
                _ = try await scene.startAgent()
                #expect(try await scene.table == standing, "nothing changes before the first verdict")
                try await scene.untilJudged(8)
                #expect(try await scene.table == standing)
                _ = try scene.start([Laboratory.peer, "serve", "back", "--http", "8090", "--tcp", "17"], in: "web-1")
                try await scene.untilTable(has: Self.server(0) + " -m -w 1", within: .seconds(30))
            }
        }
    }
}
