import Foundation
import TestSupport
import Testing

extension LabTests {
    /// An agent that ends, however it ends, leaves all in force; the next one adopts it. Connections and requests go on all the while.
    @Suite @MainActor struct RestartQemuRing {
        private let service: ServiceManifest = {
            var service = ServiceManifest()
            service.addresses = ["10.96.0.20", "fd00:10:96::20"]
            service.endpoints = Topology.endpoints4 + Topology.endpoints6
            return service
        }()

        @Test(arguments: [SIGTERM, SIGKILL]) func trafficGoesOnThroughARestart(_ signal: Int32) async throws {
            try await Scene.with(.bridge, [service]) { scene in
                let agent = try await scene.startAgent()
                let traffic = try await Traffic(scene)
                let before = try await scene.table
                agent.signal(signal)
                let end = try await agent.result()
                #expect(end.status == (signal == SIGTERM ? 0 : 128 + SIGKILL))
                try await traffic.more()
                #expect(try await scene.table == before, "an agent that ends leaves all in force")
                try await adopts(scene)
                try await traffic.end()
                #expect(try await scene.table == before)
            }
        }

        /// Killed at a random moment of a stream of changes, again and again.
        @Test func trafficGoesOnWhenChangesAreCutShort() async throws {
            try await Scene.with(.bridge, [service]) { scene in
                var random = SeededGenerator(seed: 6)
                _ = try await scene.startAgent().signal(SIGKILL)
                let traffic = try await Traffic(scene)
                for round in 0..<4 {
                    let agent = try await scene.startAgent()
                    // Services come, change and go beside the one with the traffic.
                    for number in 0..<6 {
                        var other = ServiceManifest(name: "other-\(number)", addresses: ["10.96.1.\(number)", "fd00:10:96::1:\(number)"])
                        other.endpoints = service.endpoints.filter { _ in Bool.random(using: &random) }
                        if (number + round).isMultiple(of: 3) {
                            try? scene.manifests.remove(other.name + ".yaml")
                        } else {
                            try scene.manifests.write(other)
                        }
                        try await Task.sleep(for: .milliseconds(Int.random(in: 0..<60, using: &random)))
                    }
                    agent.signal(SIGKILL)
                    _ = try await agent.result()
                    try await traffic.more()
                }
                let last = try await scene.startAgent()
                last.signal(SIGTERM)
                _ = try await last.result()
                let plan = try await scene.run("plan")
                #expect(plan.status == 0, "what was cut short was made good: \(plan.text)")
                try await adopts(scene)
                try await traffic.end()
            }
        }

        /// Nothing is to do, says `plan`, and nothing does an agent that starts.
        private func adopts(_ scene: Scene) async throws {
            let plan = try await scene.run("plan")
            #expect(plan.status == 0, "\(plan.text)")
            #expect(plan.output == "Nothing to do: the kernel is as it should be.\n")
            let agent = try await scene.startAgent()
            #expect(!agent.error.contains(/operations=[^0]/), "\(agent.error)")
        }

        /// Connections that stand, from a pod and from outside, in both families, and requests in between.
        @MainActor private struct Traffic {
            let scene: Scene
            let connections: [Program]

            init(_ scene: Scene) async throws {
                self.scene = scene
                var connections: [Program] = []
                for address in ["10.96.0.20", "fd00:10:96::20"] {
                    for namespace in ["client", "outside"] { connections.append(try await scene.hold(address, from: namespace)) }
                }
                self.connections = connections
            }

            func more() async throws {
                for address in ["10.96.0.20", "fd00:10:96::20"] {
                    let answers = try await scene.ask(address, count: 8)
                    #expect(answers.failures == "")
                    #expect(answers.counts.count == 4)
                }
            }

            func end() async throws {
                try await more()
                for connection in connections { try await scene.release(connection) }
            }
        }
    }
}
