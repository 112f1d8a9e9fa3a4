import Foundation
import Testing

extension LabTests {
    /// What ipvsctl foretells of a packet, beside what became of it.
    @Suite @MainActor struct ControlTraces {
        private static func trace(_ client: String, _ virtual: String, _ scene: Scene) async throws -> String {
            try await Program.run(Laboratory.control, "trace", client, virtual, "--netns", "n1").output
        }

        /// The server that `sh` takes is foretold for each client, with weights, one of them 0, and with the port in the hash.
        @Test(arguments: ["fallback", "fallback,port"]) func sourceHashingIsForetold(_ flags: String) async throws {
            var service = ServiceManifest()
            service.annotations = [
                "scheduler": "sh", "scheduler-flags": flags, "weights": #"{"10.244.0.11": 5, "10.244.1.11": 2, "10.244.1.12": 0}"#,
            ]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                var taken: Set<String> = []
                for source in Topology.clientSources.prefix(8) {
                    let answers = try await scene.ask("10.96.0.20", count: 1, "--bind", source)
                    let server = try #require(answers.servers.first)
                    taken.insert(server)
                    var client = source
                    if flags.contains("port") {
                        let lines = try await Program.script("ipvsadm -Lnc | grep ' \(source):'", in: "n1")
                        client = String(try #require(lines.split(separator: " ").first { $0.hasPrefix(source + ":") }))
                    }
                    let address = Topology.endpoints4[try #require(Topology.servers.firstIndex(of: server))]
                    let foretold = try await Self.trace(client, "10.96.0.20:80", scene)
                    #expect(foretold.contains("sh: \(address):8080"), "\(client) went to \(server): \(foretold)")
                }
                #expect(taken.count >= 2)
            }
        }

        @Test func aPersistentClientIsForetold() async throws {
            var service = ServiceManifest()
            service.affinitySeconds = 600
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                let server = try #require(try await scene.ask("10.96.0.20", count: 1).servers.first)
                let address = Topology.endpoints4[try #require(Topology.servers.firstIndex(of: server))]
                #expect(try await Self.trace("10.244.0.20", "10.96.0.20:80", scene).contains("the client has a template: \(address):8080"))
                #expect(try await Self.trace("10.244.0.99", "10.96.0.20:80", scene).contains("not knowable"))
            }
        }

        /// Whether a packet is masqueraded: from a pod not, from outside the pods' range it is.
        @Test func theSourceIsForetold() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                let agent = try await scene.startAgent()
                for (client, namespace) in [("10.244.0.20", "client"), ("192.0.2.10", "n1")] {
                    let answers = try await scene.ask("10.96.0.20", from: namespace, count: 1, "--bind", client)
                    let isMasqueraded = answers.clients != [client]
                    let foretold = try await Self.trace(client, "10.96.0.20:80", scene)
                    #expect(
                        foretold.contains("masqueraded: the real server sees") == isMasqueraded,
                        "\(client): \(answers.clients)\n\(foretold)")
                }
                agent.signal(SIGSTOP)
                try await Program.script("ip address delete 10.96.0.20/32 dev kube-ipvs0", in: "n1")
                #expect(try await Self.trace("10.244.0.20", "10.96.0.20:80", scene).contains("no link holds 10.96.0.20"))
                agent.signal(SIGCONT)
            }
        }
    }
}
