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
    }
}
