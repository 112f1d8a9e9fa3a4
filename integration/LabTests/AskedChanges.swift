import Foundation
import Testing

extension Scene {
    /// Runs ipvsctl on n1 beside this scene's agent, which it may ask.
    func control(_ words: String..., changes: Bool = false) async throws -> Program.Result {
        let places =
            changes
            ? ["--runtime-directory", directory + "/run", "--snapshot-directory", directory + "/snapshots"]
            : ["--socket", directory + "/run/agent.sock"]
        return try await Program([Laboratory.control] + words + places, in: "n1").result()
    }
}

extension LabTests {
    /// What ipvsctl has a running agent do: it holds the writer's lock, so it is asked.
    @Suite @MainActor struct AskedChanges {
        private static let foreign = "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 192.0.2.9:80 -m -w 3\n"
        private static let web = "-t 10.96.0.40:80"
        private static func server(_ number: Int) -> String { "\(Topology.endpoints4[number]):8090" }

        private func play(_ body: (Scene, Program) async throws -> Void) async throws {
            var service = ServiceManifest.own
            service.annotations = ["scheduler": "wrr"]
            try await Scene.with(.bridge, [service]) { scene in
                scene.flags = ["--drain-timeout", "60s", "--state-directory", scene.directory + "/state"]
                _ = try await scene.startServers()
                try await body(scene, try await scene.startAgent())
            }
        }

        private func write(_ text: String, _ scene: Scene) throws -> String {
            let path = scene.directory + "/lines"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        /// What no Service asks for is made, changed and taken away by the agent, and all that the agent wants stays.
        @Test func theAgentMakesChangesWhereItServesNothing() async throws {
            try await play { scene, agent in
                let before = try await scene.table
                let file = try write(Self.foreign, scene)
                let applied = try await scene.control("apply", "-f", file, changes: true)
                #expect(applied.status == 0 && applied.output.contains("add virtual server tcp 192.0.2.1:80"), "\(applied.text)")
                #expect(try await scene.line("192.0.2.9:80", of: "-t 192.0.2.1:80")?.hasSuffix("-w 3") == true)
                #expect(try await scene.control("apply", "-f", file, changes: true).output == "Nothing to do.\n")
                let weighed = try await scene.control("set", "weight", "192.0.2.1:80", "192.0.2.9:80", "7", changes: true)
                #expect(weighed.status == 0, "\(weighed.text)")
                #expect(try await scene.line("192.0.2.9:80", of: "-t 192.0.2.1:80")?.hasSuffix("-w 7") == true)
                // The agent goes on as if nothing had been: a change of its own Services comes, and what is not its own stays.
                var service = ServiceManifest.own
                service.annotations = ["scheduler": "wrr"]
                service.endpoints.removeLast()
                try scene.manifests.write(service)
                try await scene.untilTable(has: "\(Self.web) -r \(Self.server(Topology.endpoints4.count - 1))", false)
                #expect(try await scene.table.contains { $0.hasPrefix("-A -t 192.0.2.1:80") })
                service.endpoints = Topology.endpoints4
                try scene.manifests.write(service)
                try await scene.untilTable(has: "\(Self.web) -r \(Self.server(Topology.endpoints4.count - 1))")
                // A restore of the other alone takes away what was made here, and nothing of the agent's.
                let other = try write("-A -t 192.0.2.2:80 -s rr\n", scene)
                let restored = try await scene.control("restore", other, changes: true)
                #expect(restored.status == 0 && restored.error.contains("left alone: tcp 10.96.0.40:80"), "\(restored.text)")
                let table = try await scene.table
                #expect(!table.contains { $0.contains("192.0.2.1:80") } && table.contains { $0.contains("-t 192.0.2.2:80") }, "\(table)")
                let flushed = try await scene.control("flush", "--yes", changes: true)
                #expect(flushed.status == 0, "\(flushed.text)")
                #expect(try await Set(scene.table) == Set(before))
                #expect(agent.isRunning)
                #expect(try await scene.eventKinds().contains("changedByHand"))
            }
        }

        /// What a Service asks for is refused, whose it is named, and nothing of the list done; with force it is done until the next look.
        @Test func whatTheAgentManagesIsRefused() async throws {
            try await play { scene, _ in
                let before = try await scene.table
                let file = try write(Self.foreign + "-A -t 10.96.0.40:80 -s rr\n", scene)
                let refused = try await scene.control("apply", "-f", file, changes: true)
                #expect(refused.status == 1 && refused.error.contains("default/own"), "\(refused.text)")
                #expect(refused.error.contains("nothing was changed"), "\(refused.text)")
                #expect(try await scene.table == before)
                let forced = try await scene.control("apply", "-f", file, "--force", changes: true)
                #expect(forced.status == 0 && forced.error.contains("puts it back"), "\(forced.text)")
                #expect(forced.output.contains("update virtual server tcp 10.96.0.40:80"), "\(forced.text)")
                try await eventually("the agent puts back what it wants", within: .seconds(120)) {
                    try await Set(before).isSubset(of: scene.table)
                }
                #expect(try await scene.table.contains { $0.hasPrefix("-A -t 192.0.2.1:80") }, "what nobody asks for stays")
            }
        }

        /// A weight of a Service's real server is said by hand: at once, or step by step, and kept until it is taken back.
        @Test func aWeightIsReachedStepByStep() async throws {
            try await play { scene, agent in
                func weight() async throws -> Int? {
                    try await scene.line(Self.server(0), of: Self.web)?.split(separator: " ").last.flatMap { Int($0) }
                }
                #expect(try await weight() == 1)
                let said = try await scene.control("set", "weight", "own", Self.server(0), "40", "--over", "6s", changes: true)
                #expect(said.status == 0, "\(said.text)")
                var weights: [Int] = []
                try await eventually("the weight is reached", within: .seconds(60)) {
                    if let weight = try await weight(), weights.last != weight { weights.append(weight) }
                    return try await scene.eventKinds(about: Self.server(0)).contains("handReached")
                }
                try await eventually("the table has it") { try await weight() == 40 }
                // On the way all weights are multiplied by 100.
                #expect(weights.contains { $0 > 100 && $0 < 4000 }, "\(weights)")
                agent.signal(SIGKILL)
                _ = try await agent.result()
                _ = try await scene.startAgent()
                #expect(try await weight() == 40, "it is kept")
                let ready = try await scene.control("ready", "default/own/\(Self.server(0))", "--wait")
                #expect(ready.status == 0 && ready.output.contains("it takes new connections"), "\(ready.text)")
                try await eventually("it is as configured") { try await weight() == 1 }
            }
        }

        /// A real server is taken out while somebody is on it: who waits is told when it is empty, and whoever looks sees who said so, and why.
        @Test func whatIsTakenOutByHandIsSeenAndWaitedFor() async throws {
            var (own, other) = (ServiceManifest.own, ServiceManifest(name: "other", addresses: ["10.96.0.41"]))
            (own.labels, other.labels) = (["app": "own", "tier": "front"], ["app": "other"])
            try await Scene.with(.bridge, [own, other]) { scene in
                // Nothing goes down however slow the machine is: this is about what people say.
                try scene.writePolicy("check: {type: tcp}\ninterval: 2s\ntimeout: 2s\nrise: 1\nfall: 100\ndrain: {timeout: 900s}\n")
                scene.flags = scene.policyFlags
                _ = try await scene.startServers()
                let agent = try await scene.startAgent()
                try await scene.untilJudged(8)
                let connection = try await scene.hold("10.96.0.40")
                let name = try #require(connection.output.split(separator: " ").first).dropFirst("own-".count)
                let address = Topology.endpoints4[try #require(Topology.servers.firstIndex(of: String(name)))]
                let endpoint = "default/own/\(address):17"

                let late = try await scene.control("drain", endpoint, "--wait", "--timeout", "2", "--reason", "new disk")
                #expect(late.status == 1 && late.error.contains("1 connection left on 1 real server; it goes on draining"), "\(late.text)")
                let waiting = try scene.start(
                    [
                        Laboratory.control, "drain", endpoint, "--wait", "--timeout", "200", "--reason", "new disk", "--expires", "5000",
                        "--socket", scene.directory + "/run/agent.sock",
                    ], in: "n1")
                try await eventually("it is said") { waiting.output.contains("endpoint \(endpoint): drain") }
                try await scene.untilTable(has: "-t 10.96.0.40:7 -r \(address):17 -m -w 0")

                let drains = try await scene.control("get", "drains", "-l", "app=own,tier in (front)")
                let line = try #require(drains.lines.first { $0.contains("\(address):17") }, "\(drains.text)")
                #expect(line.contains("tcp 10.96.0.40:7") && line.contains("drain by ipvsctl, \"new disk\", until 20"), "\(line)")
                #expect(try await scene.control("get", "drains", "-l", "app!=own").lines.count == 1)
                let health = try await scene.control("get", "health", "--address", address)
                #expect(health.lines.contains { $0.hasPrefix("\(address):17 ") && $0.contains("drain by ipvsctl") }, "\(health.text)")
                #expect(health.lines.contains { $0.hasPrefix("\(address):8090 ") && $0.contains(" up ") && !$0.contains("by ipvsctl") })
                #expect(try await scene.control("get", "health", "--down").lines.count == 1, "nothing is down")
                let described = try await scene.control("desc", "svc", "10.96.0.40:7")
                #expect(described.output.contains("Labels:          app=own,tier=front"), "\(described.text)")
                #expect(described.lines.contains { $0.hasPrefix("\(address):17 ") && $0.contains("drain by ipvsctl") }, "\(described.text)")

                // Labels choose virtual servers and real servers; without the agent they are not known, and that is no empty listing.
                let chosen = try await scene.control("get", "services", "-l", "app=other", "-o", "name")
                #expect(chosen.lines == ["tcp-10.96.0.41-7", "tcp-10.96.0.41-80"], "\(chosen.text)")
                #expect(try await scene.control("get", "servers", "-l", "!tier", "--port", "80", "-o", "name").lines.count == 4)
                let alone = try await scene.control("get", "services", "-l", "app=other", "--no-agent")
                #expect(
                    alone.status == 1 && alone.output == "" && alone.error.contains("labels are known to the agent alone"), "\(alone.text)")

                #expect(waiting.isRunning)
                try await scene.release(connection)
                let result = try await waiting.result(within: .seconds(150))
                #expect(result.status == 0 && result.output.contains("no connections are left"), "\(result.text)")
                // It is gone from the table, and what was said of it is still to be seen.
                try await scene.untilTable(has: "-t 10.96.0.40:7 -r \(address):17", false)
                let after = try await scene.control("get", "drains")
                #expect(after.lines.contains { $0.contains("\(address):17 ") && $0.contains("drain by ipvsctl") }, "\(after.text)")
                let gone = try await scene.control("desc", "svc", "10.96.0.40:7")
                #expect(gone.output.contains("By hand:         \(address):17: drain by ipvsctl, \"new disk\""), "\(gone.text)")
                let ready = try await scene.control("ready", endpoint, "--wait")
                #expect(ready.status == 0 && ready.output.contains("it takes new connections"), "\(ready.text)")
                #expect(try await scene.control("get", "drains").lines.count == 1)

                // Changes of the table by way of the agent, taken back by way of it.
                let before = try await Set(scene.table)
                let lines = try write(Self.foreign.replacing("192.0.2.1", with: "192.0.2.3"), scene)
                let applied = try await scene.control("apply", "-f", lines, changes: true)
                #expect(applied.status == 0 && applied.output.hasPrefix("snapshot 20"), "\(applied.text)")
                let back = try await scene.control("rollback", changes: true)
                #expect(back.status == 0 && back.output.contains("remove virtual server tcp 192.0.2.3:80"), "\(back.text)")
                #expect(try await Set(scene.table) == before)
                #expect(try await scene.control("rollback", "--list", changes: true).lines.count == 2)
                let times = try await scene.control("set", "timeouts", "--tcp", "901", "--udp", "301", changes: true)
                #expect(times.status == 0, "\(times.text)")
                #expect(try await Program.script("ipvsadm -l --timeout", in: "n1").contains("901 120 301"))
                let listed = try await Program.run(Laboratory.control, "get", "timeouts", "-o", "json", in: "n1")
                #expect(listed.output.contains("901") && listed.output.contains("301"), "\(listed.text)")
                #expect(try await scene.control("set", "timeouts", "--tcp", "900", "--udp", "300", changes: true).status == 0)
                #expect(agent.isRunning)
            }
        }
    }
}
