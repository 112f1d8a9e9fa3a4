import Testing

extension LabTests {
    /// Which source address a server sees, on nodes with a bridge and on nodes with a link for each pod.
    @Suite @MainActor struct SourcesQemuRing {
        nonisolated static let addresses = ["10.96.0.20", "fd00:10:96::20"]
        private static let client = ["10.96.0.20": "10.244.0.20", "fd00:10:96::20": "fd00:10:244::20"]
        nonisolated static let service: ServiceManifest = {
            var service = ServiceManifest()
            service.addresses = addresses
            service.endpoints = Topology.endpoints4 + Topology.endpoints6
            return service
        }()

        @Test(arguments: Topology.Kind.allCases) func serversSeeWhoAsks(_ kind: Topology.Kind) async throws {
            try await Scene.with(kind, [Self.service]) { scene in
                _ = try await scene.startAgent()
                for address in Self.addresses {
                    let between = try await scene.ask(address, count: 8)
                    #expect(between.failures == "" && between.servers.count == 4)
                    #expect(between.clients == [Self.client[address] ?? ""], "from pods the address is preserved")

                    let outside = try await scene.ask(address, from: "outside", count: 8)
                    #expect(outside.failures == "" && outside.servers.count == 4)
                    #expect(outside.clients.isSubset(of: Topology.nodeAddresses), "from outside it is the node's: \(outside.clients)")

                    let node = try await scene.ask(address, from: "n1", count: 8)
                    #expect(node.failures == "" && node.servers.count == 4)
                    #expect(node.clients.isSubset(of: Topology.nodeAddresses), "from the node it is the node's: \(node.clients)")

                    let itself = try await scene.ask(address, from: "web-1", count: 8)
                    #expect(itself.failures == "" && itself.servers.count == 4, "a pod reaches all, itself too: \(itself)")
                    for answer in itself.list {
                        let own = Topology.endpoints4[0] == answer.client || Topology.endpoints6[0] == answer.client
                        #expect(own == (answer.server != "web-1"), "only to itself is it the node's: \(answer)")
                    }
                }
            }
        }

        /// An address on the dummy link would open every port of the node there.
        @Test func portsOfTheNodeAreNotOnClusterAddresses() async throws {
            try await Scene.with(.bridge, [Self.service]) { scene in
                let server = try scene.start([Laboratory.peer, "serve", "node", "--http", "9999"], in: "n1")
                try await eventually("the node's server listens") { server.output == "ready\n" }
                _ = try await scene.startAgent()
                for (own, cluster) in [("192.0.2.10", "10.96.0.20"), ("2001:db8:1::10", "fd00:10:96::20")] {
                    for client in ["client", "outside"] {
                        #expect(try await scene.ask(own, 9999, from: client).counts == ["node": 1])
                        let start = ContinuousClock.now
                        let refused = try await scene.ask(cluster, 9999, from: client)
                        #expect(refused.list == [])
                        #expect(refused.failures.contains("refused"), "\(refused.failures)")
                        #expect(ContinuousClock.now - start < .seconds(2), "refused at once, not after a time-out")
                    }
                }
            }
        }
    }
}
