import Testing

extension LabTests {
    /// `VirtualServer` documents and forwarding methods, with real packets.
    @Suite @MainActor struct VirtualServers {
        private static let address = "198.51.100.1"

        private static func document(_ spec: String, servers: [String]) -> String {
            let items = servers.map { "    - {\($0)}\n" }.joined()
            return
                "apiVersion: ipvs-agent.dev/v1alpha1\nkind: VirtualServer\nmetadata: {name: web}\nspec:\n  \(spec)\n  realServers:\n\(items)"
        }

        private static func spec(_ port: UInt16, _ scheduler: String = "rr") -> String {
            "address: \(address)\n  port: \(port)\n  protocol: tcp\n  scheduler: \(scheduler)"
        }

        private func with(_ text: String, _ body: (Scene) async throws -> Void) async throws {
            try await Scene.with { scene in
                try scene.manifests.write(text, to: "virtual-server.yaml")
                try await Program.script("ip route replace 198.51.100.0/24 via 192.0.2.10", in: "outside")
                try await body(scene)
            }
            try await Program.script("ip route del 198.51.100.0/24; true", in: "outside")
        }

        @Test func weightsMasqueradingAndTheGuard() async throws {
            let weights = [3, 1, 1, 0]
            let servers = zip(Topology.endpoints4, weights).map { "address: \($0), port: 8080, weight: \($1)" }
            try await with(Self.document(Self.spec(80, "wrr"), servers: servers)) { scene in
                let own = try scene.start([Laboratory.peer, "serve", "node", "--http", "9999"], in: "n1")
                try await eventually("the node's server listens") { own.output == "ready\n" }
                _ = try await scene.startAgent()
                for client in ["client", "outside"] {
                    let answers = try await scene.ask(Self.address, from: client, count: 10)
                    #expect(
                        answers.failures == "" && answers.counts == ["web-1": 6, "web-2": 2, "web-3": 2], "\(client): \(answers.counts)")
                    #expect(answers.clients.isSubset(of: Topology.nodeAddresses), "\(answers.clients)")
                    let guarded = try await scene.ask(Self.address, 9999, from: client)
                    #expect(guarded.list == [] && guarded.failures.contains("refused"), "\(guarded)")
                }
                #expect(try await scene.run("plan").status == 0, "all stands as it is asked for")
                // What is wrong leaves what is in force.
                try scene.manifests.write(Self.document(Self.spec(80, "wrrr"), servers: servers), to: "virtual-server.yaml")
                let plan = try await scene.run("plan")
                #expect(plan.text.contains("\"wrrr\" is no scheduler of Linux; did you mean wrr?"), "\(plan.text)")
                #expect(try await scene.table.contains("-A -t \(Self.address):80 -s wrr"))
                // And what goes leaves nothing.
                try scene.manifests.remove("virtual-server.yaml")
                try await scene.untilTable(has: Self.address, false)
                #expect(try await Program.script("ip -o address show to \(Self.address)", in: "n1") == "")
            }
        }

        @Test func aThresholdIsKept() async throws {
            let servers = [
                "address: \(Topology.endpoints4[0]), port: 7, upperThreshold: 2", "address: \(Topology.endpoints4[1]), port: 7",
            ]
            try await with(Self.document(Self.spec(7), servers: servers)) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.load(Self.address, connections: 8) == ["web-1": 2, "web-2": 6])
            }
        }

        /// People's own rules set the mark; several ports are one virtual server, and a client keeps its server over all of them.
        @Test func aMarkJoinsPorts() async throws {
            let servers = Topology.endpoints4.map { "address: \($0), port: 0" }
            let spec = "firewallMark: 7\n  scheduler: rr\n  persistence: {timeout: 600}\n  drainTimeout: 0s"
            try await with(Self.document(spec, servers: servers)) { scene in
                try await Program.script(
                    """
                    ip address add \(Self.address)/32 dev lo
                    \(Laboratory.tool("iptables", "restore").replacing("-restore", with: "")) -t mangle -A PREROUTING -d \(Self.address) -p tcp \
                    -m multiport --dports 7,8080 -j MARK --set-mark 7
                    """, in: "n1")
                _ = try await scene.startAgent()
                var servers: Set<String> = []
                for source in Topology.clientSources.prefix(4) {
                    let answers = try await scene.ask(Self.address, 8080, count: 4, "--bind", source)
                    #expect(answers.failures == "" && answers.servers.count == 1 && answers.clients == [source], "\(answers)")
                    servers.formUnion(answers.servers)
                }
                #expect(servers.count == 4, "\(servers)")
                let one = try await scene.ask(Self.address, 8080, count: 1).servers
                #expect(try await Set(scene.load(Self.address, 7, connections: 4).keys) == one, "the other port goes to the same server")
                try scene.manifests.remove("virtual-server.yaml")
                try await scene.untilTable(has: "-f 7", false)
                try await Program.script(
                    """
                    ip address del \(Self.address)/32 dev lo
                    \(Laboratory.tool("iptables", "restore").replacing("-restore", with: "")) -t mangle -D PREROUTING -d \(Self.address) -p tcp \
                    -m multiport --dports 7,8080 -j MARK --set-mark 7
                    """, in: "n1")
            }
        }

        /// The server gets the packet as the client sent it, and answers past the balancer.
        @Test(arguments: [false, true]) func directRouting(_ isService: Bool) async throws {
            let here = Array(Topology.endpoints4.prefix(2))
            let servers = here.map { "address: \($0), port: 8080, forwarding: direct" }
            try await with(isService ? "" : Self.document(Self.spec(8080), servers: servers)) { scene in
                if isService {
                    try scene.manifests.write(
                        ServiceManifest(
                            ports: [.init(number: 8080, target: 8080)], endpoints: here, annotations: ["forwarding": "direct"],
                            exposure: .init(externalAddresses: [Self.address])))
                }
                for pod in ["web-1", "web-2"] { try await Program.script("ip address add \(Self.address)/32 dev lo", in: pod) }
                _ = try await scene.startAgent()
                #expect(try await scene.table.contains("-a -t \(Self.address):8080 -r 10.244.0.11:8080 -g -w 1"))
                let answers = try await scene.ask(Self.address, 8080, count: 4)
                #expect(answers.failures == "" && answers.counts == ["web-1": 2, "web-2": 2], "\(answers)")
                #expect(answers.clients == ["10.244.0.20"] && Set(answers.list.map(\.at)) == ["\(Self.address):8080"], "\(answers)")
                for pod in ["web-1", "web-2"] { try await Program.script("ip address del \(Self.address)/32 dev lo", in: pod) }
            }
        }

        nonisolated static let wrappings = [
            ("ipip", "type: ipip", "ip link add t0 type ipip local 10.244.1.11"),
            ("gre", "type: gre", "ip link add t0 type gre local 10.244.1.11"),
            ("gue:6080", "type: gue, port: 6080", "ip fou add port 6080 gue && ip link add t0 type ipip local 10.244.1.11"),
        ]

        /// The server on another node unwraps the packet, and answers the client outside itself.
        @Test(arguments: wrappings) func tunnels(_ word: String, _ field: String, _ command: String) async throws {
            let server = "address: \(Topology.endpoints4[2]), port: 8080, forwarding: tunnel, tunnel: {\(field)}"
            try await with(Self.document(Self.spec(8080), servers: [server])) { scene in
                try await Program.script("modprobe -a ipip ip_gre fou")
                try await Program.script(
                    "\(command) && ip address add \(Self.address)/32 dev t0 && ip link set t0 up && sysctl -qw net.ipv4.conf.t0.rp_filter=0",
                    in: "web-3")
                _ = try await scene.startAgent()
                let answers = try await scene.ask(Self.address, 8080, from: "outside", count: 3)
                #expect(answers.failures == "" && answers.counts == ["web-3": 3], "\(answers)")
                #expect(answers.clients == ["192.0.2.100"] && Set(answers.list.map(\.at)) == ["\(Self.address):8080"], "\(answers)")
                try await Program.script("ip link del t0; ip fou del port 6080 2>/dev/null || true", in: "web-3")
            }
        }
    }
}
