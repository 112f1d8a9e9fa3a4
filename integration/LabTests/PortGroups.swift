import Testing

extension LabTests {
    /// Several ports as one virtual server by firewall mark (the annotation `fwmark-group`), with real packets.
    @Suite @MainActor struct PortGroups {
        private static let addresses = ["10.96.0.20", "fd00:10:96::20"]
        private static let external = ["198.51.100.1", "2001:db8:51::1"]

        private static func service(grouped: Bool = true, policy: String = "Cluster") -> ServiceManifest {
            var service = ServiceManifest(
                addresses: addresses, ports: [.init(number: 8080, target: 8080), .echo],
                endpoints: Topology.endpoints4 + Topology.endpoints6,
                annotations: grouped ? ["fwmark-group": "shop"] : [:], exposure: .init(policy: policy, externalAddresses: external))
            service.affinitySeconds = 600
            return service
        }

        private func with(_ service: ServiceManifest, _ body: (Scene) async throws -> Void) async throws {
            try await Scene.with(.bridge, [service]) { scene in
                let routes = ["route replace 198.51.100.0/24 via 192.0.2.10", "route replace 2001:db8:51::/64 via 2001:db8:1::10"]
                try await Program.script("ip -batch - <<'END'\n\(routes.joined(separator: "\n"))\nEND", in: "outside")
                try await body(scene)
            }
            try await Program.script("ip route del 198.51.100.0/24; ip -6 route del 2001:db8:51::/64; true", in: "outside")
        }

        /// Neighbours have to find one another first.
        private func untilReached(_ scene: Scene, _ address: String, from client: String) async throws {
            try await eventually("\(client) reaches \(address)", within: .seconds(60)) {
                try await scene.ask(address, 8080, from: client, count: 1).failures == ""
            }
        }

        /// The server that a client has at the first port, and whether it has the same at the second.
        private func servers(
            _ scene: Scene, _ address: String, from client: String
        ) async throws -> (first: Set<String>, second: Set<String>) {
            try await untilReached(scene, address, from: client)
            let answers = try await scene.ask(address, 8080, from: client, count: 4)
            #expect(answers.failures == "", "\(client) to \(address): \(answers)")
            return (answers.servers, Set(try await scene.load(address, 7, from: client, connections: 4).keys))
        }

        /// Whether a line of the table is a virtual server by a mark of a group: from 0x1c000000 to 0x1dffffff.
        private static func isOfGroup(_ line: String) -> Bool {
            guard line.hasPrefix("-A -f "), let mark = UInt32(line.split(separator: " ")[2]) else { return false }
            return mark >> 25 == 0x0e
        }

        /// One client, two ports, one server: whoever the client is, masqueraded or not, and in both families. Without the group two virtual
        /// servers choose, each for itself.
        @Test func aClientHasOneServerAtAllPorts() async throws {
            try await with(Self.service()) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.table.contains { $0.hasPrefix("-A -f") && $0.hasSuffix("-s rr -p 600") })
                var chosen: Set<String> = []
                for (client, addresses) in [("client", Self.addresses), ("outside", Self.external), ("n1", Self.addresses)] {
                    for address in addresses {
                        let servers = try await servers(scene, address, from: client)
                        #expect(servers.first.count == 1 && servers.first == servers.second, "\(client) to \(address): \(servers)")
                        chosen.formUnion(servers.first)
                    }
                }
                // Pods keep their address, and new clients take turns.
                for source in Topology.clientSources.prefix(4) {
                    let answers = try await scene.ask("10.96.0.20", 8080, count: 2, "--bind", source)
                    #expect(answers.servers.count == 1 && answers.clients == [source], "\(answers)")
                    chosen.formUnion(answers.servers)
                }
                #expect(chosen.count > 1, "\(chosen)")
                let outside = try await scene.ask("198.51.100.1", 8080, from: "outside", count: 1)
                #expect(outside.clients.isSubset(of: Topology.nodeAddresses), "masqueraded, as without a group: \(outside)")
            }
        }

        /// `externalTrafficPolicy: Local`: outside keeps its address and gets the servers here, inside gets all, and both by the group. A restart
        /// does nothing; and out of the group again nothing of it stands.
        @Test func policiesHoldAndARestartDoesNothing() async throws {
            try await with(Self.service(policy: "Local")) { scene in
                let agent = try await scene.startAgent()
                for (client, sources) in [("outside", ["192.0.2.100", "2001:db8:1::100"]), ("client", [])] {
                    for (index, address) in Self.external.enumerated() {
                        try await untilReached(scene, address, from: client)
                        let answers = try await scene.ask(address, 8080, from: client, count: 3)
                        let echoed = Set(try await scene.load(address, 7, from: client, connections: 3).keys)
                        #expect(answers.failures == "" && answers.servers.count == 1 && answers.servers == echoed, "\(client): \(answers)")
                        guard !sources.isEmpty else { continue }
                        #expect(answers.clients == [sources[index]] && answers.servers.isSubset(of: ["web-1", "web-2"]), "\(answers)")
                    }
                }
                let table = try await scene.table
                // Of each family: two for cluster addresses, one for outside; and one by another kind of mark for inside.
                #expect(table.count(where: Self.isOfGroup) == 6 && table.count { $0.hasPrefix("-A -f") } == 8, "\(table)")
                agent.signal(15)
                _ = try await agent.result()
                let plan = try await scene.run("plan")
                #expect(plan.status == 0, "a restart finds all as it is wanted: \(plan.text)")
                _ = try await scene.startAgent("--drain-timeout", "0s")
                #expect(try await scene.table == table)
                try scene.manifests.write(Self.service(grouped: false, policy: "Local"))
                try await eventually("no virtual server of the group stands", within: .seconds(60)) {
                    try await scene.table.allSatisfy { !Self.isOfGroup($0) }
                }
                let entries = try await Program.script("ipset save IPVS-AGENT-GROUP-MARK | grep -c ^add || true", in: "n1")
                #expect(entries == "0\n")
                #expect(try await scene.run("plan").status == 0)
            }
        }
    }
}
