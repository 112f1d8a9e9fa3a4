import Foundation
import Testing

extension LabTests {
    /// What probes through the kernel's balancing find, and what clients' own connections show.
    @Suite @MainActor struct Deaths {
        private static let web = "-t 10.96.0.40:80"
        private static func server(_ number: Int) -> String { "\(web) -r \(Topology.endpoints4[number]):8090" }

        /// The real server that a mark of its own leads to, as a line of the table; nil where there is none.
        private func marked(_ number: Int, in table: [String]) -> String? {
            table.first { $0.hasPrefix("-a -f ") && $0.contains(" -r \(Topology.endpoints4[number]):8090 ") }
        }

        @Test func whatOnlyForwardingLosesIsFoundByProbesThroughIt() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                try scene.writePolicy(
                    "check: {type: http, path: /, throughForwarding: true}\ninterval: 500ms\ntimeout: 400ms\nrise: 2\nfall: 2\n"
                        + "drain: {timeout: 2s}\n")
                // No sweep mends what this test breaks.
                scene.flags = scene.policyFlags + ["--ipvs-sync-period", "10m"]
                let servers = try await scene.startServers()
                let agent = try await scene.startAgent()
                // Each of the four backends at two ports, of which one speaks HTTP; and each both ways.
                try await scene.untilTable(has: Self.server(3) + " -m -w 1")
                try await eventually("the backends at port 80 are up both ways", within: .seconds(60)) {
                    try await scene.tell("GET", "/v1/health").matches(of: #/"port" : 8090,[^}]*"verdict" : "up"/#).count == 8
                }
                let table = try await scene.table
                let line = try #require(marked(1, in: table), "\(table)")
                let mark = line.split(separator: " ")[2]
                // Packets of probes do go that way. The kernel sums its counters up every two seconds (estimation_timer in ip_vs_est.c).
                try await eventually("connections to the mark are counted", within: .seconds(60)) {
                    let counters = try await Program.script("ipvsadm -Ln --stats -f \(mark) | tail -n 1", in: "n1")
                    return Int(counters.split(separator: " ").dropFirst(2).first ?? "") ?? 0 >= 2
                }

                // A restart finds the ways as they are.
                agent.signal(SIGKILL)
                _ = try await agent.result()
                _ = try await scene.startAgent()
                #expect(try await scene.table.filter { $0.contains("-f ") } == table.filter { $0.contains("-f ") })
                try await eventually("they are up again", within: .seconds(60)) {
                    try await scene.tell("GET", "/v1/health").matches(of: #/"port" : 8090,[^}]*"verdict" : "up"/#).count == 8
                }

                // Forwarding loses what goes to this one; directly it answers.
                try await Program.script("ipvsadm -e -f \(mark) -r \(Topology.endpoints4[1]):8090 -m -w 0", in: "n1")
                try await scene.untilTable(has: Self.server(1) + " -m -w 1", false, within: .seconds(30))
                let about = "backend " + Topology.endpoints4[1] + ":8090"
                try await eventually("the two ways are said to differ", within: .seconds(30)) {
                    try await scene.eventKinds(about: about).contains("pathsDisagree")
                }
                #expect(try await scene.ask("10.96.0.40", count: 12).counts.count == 3)
                try await Program.script("ipvsadm -e -f \(mark) -r \(Topology.endpoints4[1]):8090 -m -w 1", in: "n1")
                try await scene.untilTable(has: Self.server(1) + " -m -w 1", within: .seconds(30))
                try await eventually("and to agree again", within: .seconds(30)) {
                    try await scene.eventKinds(about: about).contains("pathsAgree")
                }

                // One that is dead is dead both ways.
                servers.programs[2].signal(SIGKILL)
                try await scene.untilTable(has: Self.server(2) + " -m -w 1", false, within: .seconds(30))
                try await eventually("both ways say so", within: .seconds(30)) {
                    let paths = try await scene.eventKinds(about: Topology.endpoints4[2] + ":8090").filter { $0.hasPrefix("paths") }
                    return try await scene.tell("GET", "/v1/health").matches(of: #/"port" : 8090,[^}]*"verdict" : "down"/#).count == 2
                        && paths.last != "pathsDisagree"
                }
                #expect(try await marked(2, in: scene.table)?.hasSuffix("-w 1") == true, "it is probed on")

                // Without the policy nothing is left of it.
                try FileManager.default.removeItem(atPath: scene.policies + "/own.yaml")
                try await scene.untilTable(has: "-f ", false)
            }
        }

        /// A real server that swallows what comes, and that nobody probes.
        @Test func whatDoesNotAnswerItsClientsIsEjectedAndTriedAgain() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                try scene.writePolicy("passive: {ejection: 5s, longestEjection: 10s}\ndrain: {timeout: 1s}\n")
                scene.flags = scene.policyFlags
                _ = try await scene.startServers()
                _ = try await scene.startAgent()
                let load = try scene.start(
                    [Laboratory.peer, "get", "10.96.0.40", "80", "--count", "1000000", "--timeout", "400"], in: "client")
                try await eventually("all four answer") {
                    Set(load.output.split(separator: "\n").compactMap { $0.split(separator: " ").first }).count == 4
                }
                let swallow = "iptables-\(Laboratory.hasNFTables ? "nft" : "legacy") -w 10 %@ INPUT -p tcp --dport 8090 -j DROP"
                try await Program.script(swallow.replacing("%@", with: "-I"), in: Topology.servers[2])
                try await eventually("it is ejected", within: .seconds(60)) { try await scene.eventKinds().contains("ejected") }
                try await scene.untilTable(has: Self.server(2) + " -m -w 1", false)
                #expect(try await scene.eventKinds().filter { $0 == "ejected" }.count == 1, "the others are not")
                // The others carry on, and the load loses nothing any more for as long as it is out.
                for number in [0, 1, 3] { #expect(try await scene.line("\(Topology.endpoints4[number]):8090", of: Self.web) != nil) }
                // It is tried again, found silent, and left out for longer; until it answers.
                try await eventually("it is tried again", within: .seconds(60)) {
                    try await scene.eventKinds().filter { $0 == "ejected" }.count >= 2
                }
                #expect(try await scene.tell("GET", "/v1/events").contains("left out for 10 s"))
                try await Program.script(swallow.replacing("%@", with: "-D"), in: Topology.servers[2])
                try await scene.untilTable(has: Self.server(2) + " -m -w 1", within: .seconds(60))
                try await eventually("it answers again", within: .seconds(30)) {
                    load.output.split(separator: "\n").suffix(8).contains { $0.hasPrefix("own-" + Topology.servers[2]) }
                }
                load.signal(SIGTERM)
                _ = try await load.result()
            }
        }

        /// Every failure of a constant load is accounted for: it falls between a death and the drain.
        @Test func aConstantLoadFailsOnlyBetweenDeathAndDrain() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                try scene.writePolicy(
                    "check: {type: tcp}\ninterval: 500ms\ntimeout: 300ms\nrise: 2\nfall: 2\ndrain: {timeout: 20s}\n")
                scene.flags = scene.policyFlags
                let servers = try await scene.startServers()
                _ = try await scene.startAgent()
                try await scene.untilJudged(8)
                var held: [Program] = []
                for _ in 0..<8 { held.append(try await scene.hold("10.96.0.40")) }
                let load = try scene.start(
                    [Laboratory.peer, "get", "10.96.0.40", "80", "--count", "1000000", "--timeout", "1000"], in: "client")
                @MainActor func answers() -> [Substring] { load.output.split(separator: "\n") }
                @MainActor func failures() -> Int { load.error.split(separator: "\n").count }
                /// Waits until so many more have been answered: what was under way before is over by then.
                @MainActor func untilAnswered(_ more: Int) async throws {
                    let before = answers().count
                    try await eventually("\(more) more are answered", within: .seconds(60)) { answers().count >= before + more }
                }
                try await untilAnswered(40)
                #expect(failures() == 0, "before anything died: \(load.error)")
                for number in [0, 2] {
                    let before = failures()
                    servers.programs[number].signal(SIGKILL)
                    try await eventually("a client meets the dead one", within: .seconds(30)) { failures() > before }
                    try await scene.untilTable(has: Self.server(number) + " -m -w 1", false, within: .seconds(30))
                    try await untilAnswered(2)
                    let (lost, answered) = (failures(), answers().count)
                    try await untilAnswered(60)
                    #expect(failures() == lost, "after the drain nothing fails: \(load.error.suffix(500))")
                    let name = "own-" + Topology.servers[number] + " "
                    #expect(!answers()[answered...].contains { $0.hasPrefix(name) })
                    let reasons = load.error.split(separator: "\n")
                    #expect(reasons.allSatisfy { $0.contains("refused") || $0.contains("reset") }, "\(load.error)")
                }
                load.signal(SIGTERM)
                _ = try await load.result()
                for connection in held {
                    let isDead = ["own-web-1", "own-web-3"].contains { connection.output.hasPrefix($0) }
                    #expect(connection.isRunning || isDead, "one to a healthy backend broke: \(connection.error)")
                    if !isDead { try await scene.release(connection) }
                }
                // What happened, in its order: down, no new connections, gone; the second death after the first.
                try await scene.untilTable(has: Self.server(2), false, within: .seconds(30))
                let events = try await scene.tell("GET", "/v1/events").split(separator: "\n")
                var order: [Int] = []
                for number in [0, 2] {
                    for kind in ["backendDown", "drainBegan"] {
                        order.append(
                            events.firstIndex { $0.contains(Topology.endpoints4[number] + ":8090") && $0.contains("\"\(kind)\"") } ?? -1)
                    }
                }
                #expect(order == order.sorted() && !order.contains(-1), "\(order)")
            }
        }
    }
}
