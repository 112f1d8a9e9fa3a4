import Foundation
import Testing

extension LabTests {
    /// Traffic policies as clients see them, beyond what the matrix of `Reachability` shows.
    @Suite @MainActor struct Policies {
        private static let clusterAddresses = ["10.96.0.20", "fd00:10:96::20"]
        private static let balanced = ["203.0.113.10", "2001:db8:203::10"]
        private static let here = [Topology.endpoints4[0], Topology.endpoints6[0]]
        private static let there = [Topology.endpoints4[2], Topology.endpoints6[2]]
        private static let ports: [ServiceManifest.Port] = [
            .init(number: 80, target: 8080, nodePort: 30080), .init(number: 53, target: 53, transport: "UDP", nodePort: 30053),
        ]

        private static func service(
            _ endpoints: [String], internal inside: String = "Cluster", external outside: String = "Local", ranges: [String] = []
        ) -> ServiceManifest {
            ServiceManifest(
                addresses: clusterAddresses, ports: ports, endpoints: endpoints,
                exposure: .init(policy: outside, loadBalancerAddresses: balanced, sourceRanges: ranges), internalPolicy: inside)
        }

        private func with(_ service: ServiceManifest, _ body: (Scene) async throws -> Void) async throws {
            let routes = [
                "route replace 203.0.113.0/24 via 192.0.2.10", "route replace 2001:db8:203::/64 via 2001:db8:1::10",
            ].joined(separator: "\n")
            try await Scene.with(.bridge, [service]) { scene in
                try await Program.script("ip -batch - <<'END'\n\(routes)\nEND", in: "outside")
                try await body(scene)
            }
            try await Program.script(
                "ip route del 203.0.113.0/24; ip -6 route del 2001:db8:203::/64; true", in: "outside")
        }

        /// Whether a client got no answer at all: neither a server's nor a refusal.
        private func isDropped(_ scene: Scene, _ address: String, _ port: UInt16, by verb: String) async throws -> Bool {
            let start = ContinuousClock.now
            let answers = try await scene.ask(address, port, by: verb, from: "outside", count: 1, "--timeout", "700")
            return answers.list == [] && !answers.failures.contains("refused") && ContinuousClock.now - start >= .milliseconds(650)
        }

        @Test func withoutAnEndpointHereOutsideIsDroppedAndInsideIsServed() async throws {
            try await with(Self.service(Self.there)) { scene in
                _ = try await scene.startAgent()
                let entrances = zip(Self.balanced, ["192.0.2.10", "2001:db8:1::10"])
                for (external, node) in entrances {
                    for (address, tcp, udp) in [(external, 80 as UInt16, 53 as UInt16), (node, 30080, 30053)] {
                        #expect(try await isDropped(scene, address, tcp, by: "get"), "\(address)")
                        #expect(try await isDropped(scene, address, udp, by: "udp"), "\(address)")
                        for client in ["client", "n1"] {
                            let answers = try await scene.ask(address, tcp, from: client, count: 2)
                            #expect(answers.failures == "" && answers.servers == ["web-3"], "\(client) to \(address): \(answers)")
                            let datagrams = try await scene.ask(address, udp, by: "udp", from: client, count: 2)
                            #expect(datagrams.failures == "" && datagrams.servers == ["web-3"], "\(client) to \(address): \(datagrams)")
                        }
                    }
                }
                // One comes here: outside is served, by it alone, and inside by both.
                try scene.manifests.write(Self.service(Self.there + Self.here))
                for (external, _) in entrances {
                    try await eventually("the endpoint here serves") {
                        try await scene.ask(external, from: "outside", count: 1, "--timeout", "500").servers == ["web-1"]
                    }
                    #expect(try await scene.ask(external, from: "outside", count: 4).servers == ["web-1"])
                    for client in ["client", "n1"] {
                        #expect(try await scene.ask(external, from: client, count: 4).servers == ["web-1", "web-3"])
                    }
                }
                // And goes again.
                try scene.manifests.write(Self.service(Self.there))
                try await scene.untilTable(has: "-a -t 203.0.113.10:80 ", false)
                #expect(try await isDropped(scene, "203.0.113.10", 80, by: "get"))
            }
        }

        /// With a cluster address nobody waits for an answer that does not come.
        @Test(arguments: [false, true]) func withoutAnEndpointHereInsideIsRefusedAtOnce(_ hasOthers: Bool) async throws {
            try await with(Self.service(hasOthers ? Self.there : [], internal: "Local")) { scene in
                _ = try await scene.startAgent()
                for address in Self.clusterAddresses {
                    for (verb, port) in [("get", 80 as UInt16), ("udp", 53)] {
                        for client in ["client", "n1"] {
                            let answers = try await scene.ask(address, port, by: verb, from: client, count: 1, "--timeout", "8000")
                            // A datagram of the node itself fails as it is sent: there is no wire that an answer could come back by.
                            let refusal = client == "n1" && verb == "udp" ? "not permitted" : "refused"
                            #expect(answers.failures.contains(refusal), "\(client), \(verb) \(address): \(answers)")
                        }
                    }
                }
            }
        }

        /// A client keeps its server on the short way too, at the port that the server has.
        @Test func affinityHoldsForTrafficFromInside() async throws {
            var service = Self.service(Topology.endpoints4 + Topology.endpoints6)
            service.affinitySeconds = 300
            try await with(service) { scene in
                _ = try await scene.startAgent()
                var servers: Set<String> = []
                for address in Self.balanced {
                    for client in ["client", "n1"] {
                        let answers = try await scene.ask(address, from: client, count: 6)
                        #expect(answers.failures == "" && answers.servers.count == 1, "\(client): \(answers)")
                        servers.formUnion(answers.servers)
                    }
                }
                // Sixteen addresses do not all hash to one server.
                for source in Topology.clientSources {
                    servers.formUnion(try await scene.ask("203.0.113.10", from: "client", count: 1, "--bind", source).servers)
                }
                #expect(servers.count > 1)
            }
        }

        /// Source ranges hold for the node itself, too.
        @Test(arguments: ["Cluster", "Local"]) func sourceRangesHoldForThisNode(_ policy: String) async throws {
            let admitted = ["192.0.2.0/24", "2001:db8:1::/64"]
            let others = ["192.0.2.96/29", "2001:db8:1::100/128"]
            try await with(Self.service(Topology.endpoints4 + Topology.endpoints6, external: policy, ranges: admitted)) { scene in
                _ = try await scene.startAgent()
                for address in Self.balanced {
                    let answers = try await scene.ask(address, from: "n1", count: 4)
                    #expect(answers.failures == "" && answers.servers.count == 4, "\(answers)")
                }
                try scene.manifests.write(
                    Self.service(Topology.endpoints4 + Topology.endpoints6, external: policy, ranges: others))
                for address in Self.balanced {
                    try await eventually("the node is left out") {
                        try await scene.ask(address, from: "n1", count: 1, "--timeout", "300").list.isEmpty
                    }
                    let outside = try await scene.ask(address, from: "outside", count: 2)
                    #expect(outside.failures == "", "\(outside)")
                    let inside = try await scene.ask(address, from: "n1", count: 1, "--timeout", "500")
                    #expect(inside.list == [] && !inside.failures.contains("refused"), "dropped: \(inside)")
                    let cluster = try await scene.ask(address == Self.balanced[0] ? "10.96.0.20" : "fd00:10:96::20", from: "n1", count: 2)
                    #expect(cluster.failures == "", "its cluster address has no ranges")
                }
            }
        }

        /// Node's ports are not to be had at cluster addresses, in either family; the health check port and Services are.
        @Test func theNodesPortsAreNotReachedAtBoundAddresses() async throws {
            try await with(Self.service(Self.here, external: "Cluster")) { scene in
                let server = try scene.start([Laboratory.peer, "serve", "node", "--http", "9999"], in: "n1")
                try await eventually("the node's server listens") { server.output == "ready\n" }
                _ = try await scene.startAgent()
                for address in Self.clusterAddresses + Self.balanced {
                    for client in ["outside", "client"] {
                        let answers = try await scene.ask(address, 9999, from: client, count: 1)
                        #expect(answers.list == [] && answers.failures.contains("refused"), "\(client) to \(address): \(answers)")
                    }
                }
                for address in ["192.0.2.10", "2001:db8:1::10"] {
                    #expect(try await scene.ask(address, 9999, from: "outside").servers == ["node"])
                }
            }
        }

        @Test(arguments: [false, true]) func podsEgressIsMasqueradedWhereAsked(_ isAsked: Bool) async throws {
            try await with(Self.service(Self.here, external: "Cluster")) { scene in
                if isAsked { scene.flags = ["--masquerade-pod-egress"] }
                _ = try await scene.startAgent()
                let server = try scene.start([Laboratory.peer, "serve", "beyond", "--http", "8081", "--udp", "8053"], in: "outside")
                try await eventually("the server outside listens") { server.output == "ready\n" }
                let addresses = [("192.0.2.100", "10.244.0.20", "192.0.2.10"), ("2001:db8:1::100", "fd00:10:244::20", "2001:db8:1::10")]
                for (address, pod, node) in addresses {
                    let answers = try await scene.ask(address, 8081, count: 2)
                    #expect(answers.failures == "" && answers.clients == [isAsked ? node : pod], "\(answers)")
                    let datagrams = try await scene.ask(address, 8053, by: "udp", count: 2)
                    #expect(datagrams.failures == "" && datagrams.clients == [isAsked ? node : pod], "\(datagrams)")
                }
                // Pods see one another as they are.
                for (address, pod) in [("10.244.1.11", "10.244.0.20"), ("fd00:10:244:1::11", "fd00:10:244::20")] {
                    #expect(try await scene.ask(address, 8080).clients == [pod])
                }
            }
        }

        /// What others have in the table mangle stays where it is, whatever becomes of ours.
        @Test func othersRulesStay() async throws {
            try await with(Self.service(Self.here)) { scene in
                let rules = [
                    "-A PREROUTING -i eth0 -j MARK --set-xmark 0x100/0x100", "-A OTHERS -j RETURN", "-A OUTPUT -j OTHERS",
                ]
                try await Program.script(
                    "\(Laboratory.tool("iptables", "restore")) --noflush <<'END'\n*mangle\n:OTHERS - [0:0]\n\(rules.joined(separator: "\n"))\nCOMMIT\nEND",
                    in: "n1")
                func others() async throws -> [String] {
                    try await Program.script(
                        "\(Laboratory.tool("iptables", "save")) -t mangle | grep -v IPVS-AGENT | grep -e '^-A'", in: "n1"
                    )
                    .split(separator: "\n").map(String.init)
                }
                let before = try await others()
                #expect(try await scene.run("run", "--once").status == 0)
                #expect(try await others() == before)
                #expect(
                    try await scene.ask("203.0.113.10", from: "outside", count: 2).failures == "",
                    "a foreign bit of the mark is no hindrance")
                #expect(try await scene.ask("203.0.113.10", from: "client", count: 2).failures == "")
                #expect(try await scene.run("cleanup").status == 0)
                #expect(try await others() == before)
                try await Program.script(
                    "\(Laboratory.tool("iptables", "restore")) --noflush <<'END'\n*mangle\n-F\n-X OTHERS\nCOMMIT\nEND", in: "n1")
            }
        }
    }
}
