import Foundation
import Testing

extension LabTests {
    /// What is reached from outside the cluster: node ports, load balancer addresses and external addresses.
    @Suite @MainActor struct Exposed {
        private static let port = ServiceManifest.Port(number: 80, target: 8080, nodePort: 30080)
        private static let both = ["10.96.0.20", "fd00:10:96::20"]
        /// The node's own addresses on the wire, and what the client outside has there.
        private static let node = [("192.0.2.10", "192.0.2.100"), ("2001:db8:1::10", "2001:db8:1::100")]

        /// What the node may masquerade with.
        private static let nodesOwn = Topology.nodeAddresses.union(["192.0.2.78", "2001:db8:1::78"])

        private static func service(
            _ ports: [ServiceManifest.Port] = [.http], _ exposure: ServiceManifest.Exposure = .init()
        ) -> ServiceManifest {
            ServiceManifest(
                addresses: both, ports: ports, endpoints: Topology.endpoints4 + Topology.endpoints6, exposure: exposure)
        }

        /// Addresses and routes beyond those of the topology, gone when the test is over. `ip` lines without the verb: `address N … dev eth0`.
        private static let hosts = [
            "n1": ["address 192.0.2.78/24 dev eth0", "address 2001:db8:1::78/64 dev eth0 nodad"],
            "outside": [
                "address 192.0.2.110/24 dev eth0", "address 2001:db8:1::110/64 dev eth0 nodad",
                "route 203.0.113.0/24 via 192.0.2.10", "route 2001:db8:203::/64 via 2001:db8:1::10",
            ],
        ]

        private func with(_ service: ServiceManifest, _ body: (Scene) async throws -> Void) async throws {
            func change(_ verb: String) async throws {
                for (namespace, lines) in Self.hosts.sorted(by: { $0.key < $1.key }) {
                    let batch = lines.map { line in
                        let words = line.split(separator: " ", maxSplits: 1)
                        return "\(words[0]) \(verb) \(words[1])"
                    }
                    let force = verb == "del" ? "-force " : ""
                    let end = verb == "del" ? " 2>/dev/null || true" : ""
                    try await Program.script("ip \(force)-batch - <<'END'\(end)\n\(batch.joined(separator: "\n"))\nEND", in: namespace)
                }
            }
            try await Scene.with(.bridge, [service]) { scene in
                try await change("replace")
                try await body(scene)
            }
            try await change("del")
        }

        /// Every rule of both families is in force after one run, and `cleanup` removes all that the run made.
        @Test func oneRunMakesAllOfItAndCleanupRemovesIt() async throws {
            let exposure = ServiceManifest.Exposure(
                externalAddresses: ["192.0.2.78", "203.0.113.20", "2001:db8:1::78", "2001:db8:203::20"])
            try await with(Self.service([Self.port], exposure)) { scene in
                let balanced = ServiceManifest(
                    name: "balanced", addresses: ["10.96.0.21", "fd00:10:96::21"], endpoints: Topology.endpoints4 + Topology.endpoints6,
                    exposure: .init(
                        policy: "Local", loadBalancerAddresses: ["203.0.113.10", "2001:db8:203::10"],
                        sourceRanges: ["192.0.2.0/24", "2001:db8:1::/64"]))
                try scene.manifests.write(balanced)
                let once = try await scene.run("run", "--once")
                #expect(once.status == 0, "\(once.text)")
                for family in ["iptables", "ip6tables"] {
                    let rules = try await Program.script("\(Laboratory.tool(family, "save")) | grep -E '^-A (KUBE|IPVS-AGENT)-'", in: "n1")
                    #expect(rules.split(separator: "\n").count == 47, "\(rules)")
                }
                let again = try await scene.run("run", "--once")
                #expect(again.status == 0, "\(again.text)")
                let plan = try await scene.run("plan")
                #expect(plan.status == 0, "what stands reads back as what is wanted: \(plan.text)")

                let cleanup = try await scene.run("cleanup")
                #expect(cleanup.status == 0, "\(cleanup.text)")
                let left = try await Program.script(
                    """
                    ipvsadm -Sn
                    ipset save
                    \(Laboratory.tool("iptables", "save"))
                    \(Laboratory.tool("ip6tables", "save"))
                    ip -o link show type dummy
                    """, in: "n1")
                #expect(
                    !left.contains("KUBE-") && !left.contains("IPVS-AGENT-") && !left.contains("kube-ipvs0") && !left.contains("-A -t"),
                    "\(left)")
                let kept = try await Program.script("ip -o address show dev eth0", in: "n1")
                #expect(kept.contains("192.0.2.78/") && kept.contains("2001:db8:1::78/"), "the node's own addresses are its own: \(kept)")
            }
        }

        @Test func nodePortsAreServedAtTheNodesAddresses() async throws {
            try await with(Self.service([Self.port])) { scene in
                scene.flags = ["--nodeport-addresses", "192.0.2.0/24,2001:db8:1::/64"]
                _ = try await scene.startAgent()
                for (address, _) in Self.node {
                    for client in ["outside", "web-3", "client", "n1"] {
                        let answers = try await scene.ask(address, 30080, from: client, count: 8)
                        #expect(answers.failures == "" && answers.servers.count == 4, "\(client) to \(address): \(answers)")
                        #expect(answers.clients.isSubset(of: Self.nodesOwn), "masqueraded: \(client), \(answers.clients)")
                    }
                }
                // An address of the node that is in none of the ranges.
                for address in ["10.244.0.1", "fd00:10:244::1"] {
                    let refused = try await scene.ask(address, 30080)
                    #expect(refused.list == [] && refused.failures.contains("refused"), "\(refused.failures)")
                }
            }
        }

        /// Addresses come and go while the agent runs.
        @Test func nodePortsFollowTheNodesAddresses() async throws {
            try await with(Self.service([Self.port])) { scene in
                let agent = try await scene.startAgent("--ipvs-sync-period", "1h")
                for (address, length, shown) in [("192.0.2.77", 24, "192.0.2.77"), ("2001:db8:1::77", 64, "[2001:db8:1::77]")] {
                    let unserved = try await scene.ask(address, 30080, from: "outside", count: 1, "--timeout", "500")
                    #expect(unserved.list == [], "nobody has it yet")
                    try await Program.script("ip address add \(address)/\(length) dev eth0 \(length == 64 ? "nodad" : "")", in: "n1")
                    try await scene.untilTable(has: "-a -t \(shown):30080 ", within: .seconds(5))
                    try await eventually("it answers", within: .seconds(5)) {
                        try await scene.ask(address, 30080, from: "outside", count: 4).servers.count == 4
                    }
                    try await Program.script("ip address del \(address)/\(length) dev eth0", in: "n1")
                    try await scene.untilTable(has: "\(shown):30080", false, within: .seconds(5))
                    let gone = try await scene.ask(address, 30080, from: "outside", count: 1, "--timeout", "500")
                    #expect(gone.list == [])
                }
                for (address, _) in Self.node { #expect(try await scene.ask(address, 30080, from: "outside", count: 4).servers.count == 4) }
                #expect(!agent.error.contains("drift: "), "nothing of ours was changed: \(agent.error)")
            }
        }

        @Test func policyLocalKeepsTheClientsAddress() async throws {
            try await with(Self.service([Self.port], .init(policy: "Local"))) { scene in
                _ = try await scene.startAgent()
                for (address, client) in Self.node {
                    let answers = try await scene.ask(address, 30080, from: "outside", count: 6, "--bind", client)
                    #expect(answers.failures == "" && answers.counts == ["web-1": 3, "web-2": 3], "the node's own only: \(answers)")
                    #expect(answers.clients == [client])
                }
                // Inside the cluster all endpoints serve, and answers come back by this node.
                for address in ["192.0.2.10", "2001:db8:1::10"] {
                    for client in ["web-3", "client", "n1"] {
                        let answers = try await scene.ask(address, 30080, from: client, count: 8)
                        #expect(answers.failures == "" && answers.servers.count == 4, "\(client): \(answers)")
                        #expect(answers.clients.isSubset(of: Self.nodesOwn), "\(client): \(answers.clients)")
                    }
                }
                #expect(try await scene.ask("10.96.0.20", count: 4).servers.count == 4)
            }
        }

        @Test(arguments: ["Cluster", "Local"]) func sourceRangesSayWhoReachesALoadBalancersAddress(_ policy: String) async throws {
            let addresses = ["203.0.113.10", "2001:db8:203::10"]
            let exposure = ServiceManifest.Exposure(
                policy: policy, loadBalancerAddresses: addresses, sourceRanges: ["192.0.2.96/29", "2001:db8:1::100/128"])
            try await with(Self.service([.http], exposure)) { scene in
                _ = try await scene.startAgent()
                let bound = try await Program.script("ip -o address show dev kube-ipvs0", in: "n1")
                let clients = [("192.0.2.100", "192.0.2.110"), ("2001:db8:1::100", "2001:db8:1::110")]
                for (address, (allowed, other)) in zip(addresses, clients) {
                    #expect(bound.contains(address + "/"))
                    let answers = try await scene.ask(address, from: "outside", count: 4, "--bind", allowed)
                    #expect(answers.failures == "" && answers.servers.count == (policy == "Local" ? 2 : 4), "\(answers)")
                    if policy == "Local" {
                        #expect(answers.clients == [allowed])
                    } else {
                        #expect(answers.clients.isSubset(of: Self.nodesOwn), "\(answers.clients)")
                    }
                    let start = ContinuousClock.now
                    let dropped = try await scene.ask(address, from: "outside", count: 1, "--bind", other, "--timeout", "1000")
                    #expect(dropped.list == [] && !dropped.failures.contains("refused"), "\(dropped)")
                    #expect(ContinuousClock.now - start >= .milliseconds(900), "dropped, not answered")
                    // Ports that are no Service's are refused to all.
                    let refused = try await scene.ask(address, 9999, from: "outside", count: 1, "--bind", allowed)
                    #expect(refused.failures.contains("refused"), "\(refused.failures)")
                }
            }
        }

        /// An external address that the node has itself stays where it is; one that nobody has is bound to our link.
        @Test func externalAddressesAreBoundWhereNobodyHasThem() async throws {
            let (held, free) = (["192.0.2.78", "2001:db8:1::78"], ["203.0.113.20", "2001:db8:203::20"])
            try await with(Self.service([.http], .init(externalAddresses: held + free))) { scene in
                let server = try scene.start([Laboratory.peer, "serve", "node", "--http", "9999"], in: "n1")
                try await eventually("the node's server listens") { server.output == "ready\n" }
                _ = try await scene.startAgent()
                let bound = try await Program.script("ip -o address show dev kube-ipvs0", in: "n1")
                for address in held + free {
                    #expect(bound.contains(address + "/") == free.contains(address), "\(bound)")
                    let answers = try await scene.ask(address, from: "outside", count: 4)
                    #expect(answers.failures == "" && answers.servers.count == 4, "\(address): \(answers)")
                    #expect(answers.clients.isSubset(of: Self.nodesOwn), "masqueraded: \(answers.clients)")
                }
                for address in held {
                    #expect(try await scene.ask(address, 9999, from: "outside").servers == ["node"], "its other ports are the node's")
                }
                for address in free {
                    let refused = try await scene.ask(address, 9999, from: "outside")
                    #expect(refused.list == [] && refused.failures.contains("refused"), "\(refused.failures)")
                }
            }
        }
    }
}
