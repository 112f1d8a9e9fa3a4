import Testing

extension LabTests {
    /// `sessionAffinity: ClientIP`.
    @Suite @MainActor struct Affinity {
        @Test func aClientStaysWithItsServer() async throws {
            var service = ServiceManifest()
            service.affinitySeconds = 600
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.table.contains("-A -t 10.96.0.20:80 -s rr -p 600"))
                var used: [String] = []
                for source in Topology.clientSources.prefix(4) {
                    let answers = try await scene.ask("10.96.0.20", count: 4, "--bind", source)
                    #expect(answers.failures == "" && answers.servers.count == 1, "\(answers.counts)")
                    used += answers.servers
                }
                // New clients take turns.
                #expect(Set(used).count == 4, "\(used)")
            }
        }

        @Test func silenceEndsIt() async throws {
            var service = ServiceManifest(ports: [.datagram])
            service.affinitySeconds = 2
            try await Scene.with(.bridge, [service]) { scene in
                // The flow has to be forgotten before its client can be.
                scene.flags = ["--ipvs-udp-timeout", "1s"]
                _ = try await scene.startAgent()
                let first = try await scene.ask("10.96.0.20", 53, by: "udp", count: 3)
                #expect(first.list.count == 3 && first.servers.count == 1)
                try await eventually("the kernel has forgotten the client") {
                    try await Program.script("grep -c 0AF40014 /proc/net/ip_vs_conn || true", in: "n1") == "0\n"
                }
                let second = try await scene.ask("10.96.0.20", 53, by: "udp", count: 3)
                #expect(second.servers.count == 1 && second.servers != first.servers, "round robin has moved on")
            }
        }
    }
}
