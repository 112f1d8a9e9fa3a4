import Testing

extension LabTests {
    /// Both families, and the other protocols than TCP.
    @Suite @MainActor struct FamiliesQemuRing {
        private let dual: ServiceManifest = {
            var service = ServiceManifest()
            service.addresses = ["10.96.0.20", "fd00:10:96::20"]
            service.endpoints = Topology.endpoints4 + Topology.endpoints6
            return service
        }()

        @Test func aServiceHasBothFamilies() async throws {
            try await Scene.with(.bridge, [dual]) { scene in
                _ = try await scene.startAgent()
                for address in dual.addresses {
                    let answers = try await scene.ask(address, count: 8)
                    #expect(answers.failures == "")
                    #expect(answers.counts == ["web-1": 2, "web-2": 2, "web-3": 2, "web-4": 2], "\(address)")
                }
            }
        }

        @Test func anIPv6ServiceStandsAlone() async throws {
            var service = dual
            service.addresses = ["fd00:10:96::20"]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.ask("fd00:10:96::20", count: 8).counts.values.allSatisfy { $0 == 2 })
                #expect(try await !scene.table.contains { $0.contains("10.96.0.20") })
            }
        }

        /// A flow of datagrams, one client port, stays with its server; flows take turns.
        @Test func datagramsFlow() async throws {
            var service = dual
            service.ports = [.datagram]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                for address in dual.addresses {
                    let flows = try await scene.ask(address, 53, by: "udp", count: 8)
                    #expect(flows.failures == "")
                    #expect(flows.counts == ["web-1": 2, "web-2": 2, "web-3": 2, "web-4": 2], "\(address)")
                    let flow = try await scene.ask(address, 53, by: "udp", count: 8, "--same-port")
                    #expect(flow.list.count == 8 && flow.servers.count == 1, "\(flow)")
                }
            }
        }

        @Test func onePacketSchedulesEachDatagram() async throws {
            var service = ServiceManifest()
            service.ports = [.datagram]
            service.annotations = ["one-packet": "true"]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.table.contains("-A -u 10.96.0.20:53 -s rr -o"))
                // Each datagram is for another server. IPVS expects no answers to such, and translates none.
                _ = try await scene.ask("10.96.0.20", 53, by: "udp", count: 8, "--same-port", "--timeout", "200")
                // Without one-packet scheduling one flow stays with one server. The kernel brings these counters up to date every two
                // seconds.
                var lines: [String] = []
                let deadline = ContinuousClock.now + .seconds(20)
                var connections: [Int] = []
                repeat {
                    lines = try await Program.run("ipvsadm", "-Ln", "--stats", in: "n1").lines.filter {
                        $0.contains("->") && $0.contains(":53 ")
                    }
                    connections = lines.compactMap { Int($0.split(separator: " ").dropFirst(2).first ?? "") }
                } while !(connections.count == 4 && connections.allSatisfy { $0 > 0 }) && ContinuousClock.now < deadline
                #expect(connections.count == 4 && connections.allSatisfy { $0 > 0 }, "\(lines)")
            }
        }

        @Test func streamsOfSCTP() async throws {
            let hasSCTP = try await Program.run("grep", "-q", "^SCTP ", "/proc/net/protocols").status == 0
            try #require(hasSCTP, "the rings' kernels have SCTP")
            var service = dual
            service.ports = [.sctp]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                let answers = try await scene.ask("10.96.0.20", 9, by: "sctp", count: 8)
                #expect(answers.failures == "")
                #expect(answers.counts == ["web-1": 2, "web-2": 2, "web-3": 2, "web-4": 2])
            }
        }
    }
}
