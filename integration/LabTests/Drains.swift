import Foundation
import Testing

/// Servers of a test's own, in the pods, so that they can be killed without harm to other tests.
extension Scene {
    struct OwnServers {
        static let (http, echo, datagram) = (UInt16(8090), UInt16(17), UInt16(5353))
        static let names = Topology.servers
        var programs: [Program]
    }

    /// One in each of the web pods, at ports of their own.
    func startServers() async throws -> OwnServers {
        let programs = try Topology.servers.map { name in
            try start(
                [
                    Laboratory.peer, "serve", "own-" + name, "--http", String(OwnServers.http), "--tcp", String(OwnServers.echo), "--udp",
                    String(OwnServers.datagram),
                ], in: name)
        }
        try await eventually("every server of the test's own listens") { programs.allSatisfy { $0.output == "ready\n" } }
        return OwnServers(programs: programs)
    }

    /// The line of a real server in the kernel's table; nil where it has none.
    func line(_ server: String, of virtualServer: String) async throws -> String? {
        try await table.first { $0.hasPrefix("-a \(virtualServer) -r \(server) ") }
    }

    /// Asks the agent over its socket.
    @discardableResult
    func tell(_ method: String, _ path: String, _ body: String? = nil) async throws -> String {
        let arguments =
            ["curl", "-sS", "--max-time", "10", "-X", method, "--unix-socket", directory + "/run/agent.sock", "http://agent" + path]
            + (body.map { ["-d", $0] } ?? [])
        let result = try await Program(arguments).result()
        guard result.status == 0 else { throw LabFailure("\(method) \(path): \(result.text)") }
        return result.output
    }
}

extension ServiceManifest {
    /// A Service whose backends are servers of the test's own.
    static var own: ServiceManifest {
        var service = ServiceManifest(name: "own", addresses: ["10.96.0.40"])
        service.ports = [
            Port(number: 80, target: Scene.OwnServers.http), Port(number: 7, target: Scene.OwnServers.echo),
            Port(number: 53, target: Scene.OwnServers.datagram, transport: "UDP"),
        ]
        return service
    }
}

extension LabTests {
    /// Real servers that go: their connections go on, and no new one comes.
    @Suite @MainActor struct Drains {
        private static let echo = "-t 10.96.0.40:7"
        private static func echoServer(_ number: Int) -> String { "\(Topology.endpoints4[number]):17" }

        /// The place of the server that a held connection has.
        private func server(of connection: Program) throws -> Int {
            let name = try #require(connection.output.split(separator: " ").first).dropFirst("own-".count)
            return try #require(Topology.servers.firstIndex(of: String(name)))
        }

        private func endpoints(without number: Int) -> [String] { Topology.endpoints4.filter { $0 != Topology.endpoints4[number] } }

        @Test func aLongConnectionOutlivesItsEndpointAndNoNewOneComes() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                scene.flags = ["--drain-timeout", "60s"]
                _ = try await scene.startServers()
                _ = try await scene.startAgent()
                let connection = try await scene.hold("10.96.0.40")
                let number = try server(of: connection)
                var service = ServiceManifest.own
                service.endpoints = endpoints(without: number)
                try scene.manifests.write(service)
                try await scene.untilTable(has: "\(Self.echo) -r \(Self.echoServer(number)) -m -w 0")
                let counts = try await scene.load("10.96.0.40", connections: 12)
                #expect(counts.count == 3 && counts["own-" + Topology.servers[number]] == nil, "\(counts)")
                // Where nothing is held it goes by itself.
                try await scene.untilTable(has: "-t 10.96.0.40:80 -r \(Topology.endpoints4[number]):8090", false)
                #expect(try await scene.tell("GET", "/v1/drains").contains(#""realServer" : "\#(Self.echoServer(number))""#))
                try await Task.sleep(for: .seconds(2))
                #expect(connection.isRunning)
                try await scene.release(connection)
                try await scene.untilTable(has: Self.echoServer(number), false)
                #expect(try await scene.tell("GET", "/v1/events").contains("it has nothing left to wait for"))
            }
        }

        @Test func whenItsTimeIsUpItGoes() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                scene.flags = ["--drain-timeout", "3s"]
                _ = try await scene.startServers()
                _ = try await scene.startAgent()
                let connection = try await scene.hold("10.96.0.40")
                let number = try server(of: connection)
                var service = ServiceManifest.own
                service.endpoints = endpoints(without: number)
                try scene.manifests.write(service)
                try await scene.untilTable(has: "\(Self.echo) -r \(Self.echoServer(number)) -m -w 0")
                try await scene.untilTable(has: Self.echoServer(number), false, within: .seconds(10))
                #expect(try await scene.tell("GET", "/v1/events").contains("its time is up"))
                // Its connection ends with it (`expire_nodest_conn`), instead of hanging until a time-out.
                let result = try await connection.result()
                #expect(result.status == 1)
            }
        }

        @Test func aKilledAgentLeavesADrainThatTheNextOneGoesOnWith() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                scene.flags = ["--drain-timeout", "60s"]
                _ = try await scene.startServers()
                let first = try await scene.startAgent()
                let connection = try await scene.hold("10.96.0.40")
                let number = try server(of: connection)
                // With the Service all of its virtual servers go.
                try scene.manifests.remove("own.yaml")
                let began = ContinuousClock.now
                try await scene.untilTable(has: "\(Self.echo) -r \(Self.echoServer(number)) -m -w 0")
                try await scene.untilTable(has: "10.96.0.40:80", false)
                first.signal(SIGKILL)
                _ = try await first.result()
                let standing = try await scene.table
                _ = try await scene.startAgent()
                #expect(try await scene.table == standing)
                #expect(try await Program.run("ip", "address", "show", "dev", "kube-ipvs0", in: "n1").output.contains("10.96.0.40"))
                // The guard stands as well: a port of the node's own is not reached at its address.
                let refused = try await scene.ask("10.96.0.40", 8080, "--timeout", "1000")
                #expect(refused.failures != "")
                #expect(connection.isRunning)
                try await scene.untilTable(has: "10.96.0.40", false, within: .seconds(20))
                let lasted = ContinuousClock.now - began
                #expect(lasted > .seconds(58), "its deadline was kept: \(lasted)")
                #expect(try await !Program.run("ip", "address", "show", "dev", "kube-ipvs0", in: "n1").output.contains("10.96.0.40"))
                _ = try await connection.result()
            }
        }

        /// From inside the cluster the address of a Service with `externalTrafficPolicy: Local` leads to a virtual server by mark. Nothing of the
        /// address's own goes on here, where no endpoint is: what is held is held for the sake of that.
        @Test func aConnectionFromInsideOutlivesItsServiceAndAKilledAgent() async throws {
            let (address, set) = ("198.51.100.1", "IPVS-AGENT-INSIDE-MARK")
            var service = ServiceManifest.own
            service.endpoints = Array(Topology.endpoints4[2...])
            service.exposure = .init(policy: "Local", externalAddresses: [address])
            try await Scene.with(.bridge, [service]) { scene in
                func isBound() async throws -> Bool {
                    try await Program.run("ip", "address", "show", "dev", "kube-ipvs0", in: "n1").output.contains(" \(address)/32")
                }
                func entries() async throws -> [Substring] {
                    try await Program.script("ipset save \(set) | grep ^add || true", in: "n1").split(separator: "\n")
                }
                scene.flags = ["--drain-timeout", "100s"]
                _ = try await scene.startServers()
                let first = try await scene.startAgent()
                #expect(try await entries().count == 3)
                let fromPod = try await scene.hold(address)
                let fromNode = try await scene.hold(address, from: "n1")
                try scene.manifests.remove("own.yaml")
                // Where nothing is held all goes by itself; of the rest, what leads to it stands.
                try await scene.untilTable(has: "-A -t \(address):80 ", false)
                try await eventually("one entry is left") { try await entries().count == 1 }
                first.signal(SIGKILL)
                _ = try await first.result()
                let standing = try await scene.table
                #expect(standing.contains { $0.hasPrefix("-a -f ") && $0.hasSuffix(" -m -w 0") }, "\(standing)")
                #expect(standing.count { $0.hasPrefix("-A ") } == 2, "\(standing)")
                _ = try await scene.startAgent()
                #expect(try await scene.table == standing)
                #expect(try await isBound())
                #expect(try await entries().count == 1)
                let newcomer = try await Program(
                    [Laboratory.peer, "hold", address, "7", "--seconds", "1", "--timeout", "1000"], in: "client"
                ).result()
                #expect(newcomer.status != 0, "nobody new gets in: \(newcomer.text)")
                try await Task.sleep(for: .seconds(2))
                try await scene.release(fromPod)
                try await Task.sleep(for: .seconds(2))
                #expect(try await isBound(), "the other goes on")
                try await scene.release(fromNode)
                try await eventually("nothing stands any more") { try await scene.table.allSatisfy { !$0.hasPrefix("-A ") } }
                #expect(try await !isBound())
                #expect(try await entries() == [])
            }
        }

        /// The flow of a client that never pauses: kube-proxy leaves it at the server that is gone.
        @Test func aFlowMovesToAnotherServer() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                _ = try await scene.startServers()
                _ = try await scene.startAgent()
                let client = try scene.start(
                    [Laboratory.peer, "udp", "10.96.0.40", "53", "--count", "100000", "--same-port", "--timeout", "500"], in: "client")
                try await eventually("the flow stands") { client.output.split(separator: "\n").count > 20 }
                let first = try #require(client.output.split(separator: " ").first)
                let number = try #require(Topology.servers.firstIndex(of: String(first.dropFirst("own-".count))))
                var service = ServiceManifest.own
                service.endpoints = endpoints(without: number)
                try scene.manifests.write(service)
                let gone = "-u 10.96.0.40:53 -r \(Topology.endpoints4[number]):5353"
                try await scene.untilTable(has: gone, false)
                try await eventually("another server answers", within: .seconds(3)) {
                    client.output.split(separator: "\n").last.map { !$0.hasPrefix(first) && $0.contains("client=") } ?? false
                }
                client.signal(SIGTERM)
                let result = try await client.result()
                #expect(result.error.split(separator: "\n").count <= 3, "few were lost: \(result.error.suffix(300))")
            }
        }

        /// What connection tracking remembers of a server that went while no agent ran, IPVS having forgotten it.
        @Test func whatIsRememberedOfAServerThatIsGoneEnds() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                _ = try await scene.startServers()
                let first = try await scene.startAgent()
                #expect(try await scene.ask("10.96.0.40", 53, by: "udp", count: 8).list.count == 8)
                func remembered(_ number: Int) async throws -> Int {
                    let text = try await Program.script(
                        "grep -c 'dst=10.96.0.40.*src=\(Topology.endpoints4[number]) ' /proc/net/nf_conntrack || true", in: "n1")
                    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
                }
                try #require(try await remembered(1) > 0)
                first.signal(SIGKILL)
                _ = try await first.result()
                var service = ServiceManifest.own
                service.endpoints = endpoints(without: 1)
                try scene.manifests.write(service)
                _ = try await scene.startAgent()
                try await eventually("what was remembered of it has ended") { try await remembered(1) == 0 }
                #expect(try await remembered(2) > 0, "and nothing of the others")
            }
        }

        @Test func whatIsDrainedByHandStaysSoAcrossARestart() async throws {
            try await Scene.with(.bridge, [.own]) { scene in
                scene.flags = ["--drain-timeout", "60s", "--state-directory", scene.directory + "/state"]
                _ = try await scene.startServers()
                let first = try await scene.startAgent()
                let answer = try await scene.tell(
                    "PUT", "/v1/admin/address/\(Topology.endpoints4[0])", #"{"state":"drain","owner":"ann","reason":"disk"}"#)
                #expect(answer.contains(#""state" : "drain""#), "\(answer)")
                try await scene.untilTable(has: "-t 10.96.0.40:80 -r \(Topology.endpoints4[0]):8090", false)
                first.signal(SIGTERM)
                _ = try await first.result()
                _ = try await scene.startAgent()
                #expect(try await scene.ask("10.96.0.40", count: 12).counts.count == 3)
                #expect(try await scene.tell("GET", "/v1/admin").contains(#""owner" : "ann""#))
                try await scene.tell("DELETE", "/v1/admin/address/\(Topology.endpoints4[0])")
                try await scene.untilTable(has: "-t 10.96.0.40:80 -r \(Topology.endpoints4[0]):8090")
                #expect(try await scene.ask("10.96.0.40", count: 12).counts.count == 4)
            }
        }

        /// By default a sticky client of a server that rests is given another; where it is asked for, it stays with one drained by hand.
        @Test(arguments: [false, true]) func stickyClients(areKept: Bool) async throws {
            var service = ServiceManifest.own
            service.affinitySeconds = 600
            try await Scene.with(.bridge, [service]) { scene in
                scene.flags = [
                    "--drain-timeout", "60s", "--keep-sticky-clients", String(areKept), "--state-directory", scene.directory + "/state",
                ]
                _ = try await scene.startServers()
                _ = try await scene.startAgent()
                let connection = try await scene.hold("10.96.0.40")
                let number = try server(of: connection)
                let own = "own-" + Topology.servers[number]
                try await scene.tell("PUT", "/v1/admin/address/\(Topology.endpoints4[number])", #"{"state":"drain"}"#)
                try await scene.untilTable(has: "\(Self.echo) -r \(Self.echoServer(number)) -m -w 0")
                let counts = try await scene.load("10.96.0.40", connections: 4)
                #expect(counts.count == 1 && (counts[own] != nil) == areKept, "\(counts), held by \(own)")
                #expect(connection.isRunning)
                try await scene.release(connection)
            }
        }

        /// A SYN to a server that is just dying is sent again by its client, and another server answers it: the server is removed, and with
        /// it the connection that was being made (`expire_nodest_conn`).
        @Test func aConnectionThatWasBeingMadeIsAnsweredByAnother() async throws {
            var service = ServiceManifest.own
            service.annotations = ["drain-timeout": "0"]
            service.endpoints = [Topology.endpoints4[1]]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startServers()
                _ = try await scene.startAgent()
                // It is dead as a machine without power is: nothing comes back.
                try await Cable.pull(Topology.servers[1])
                let client = try scene.start(
                    [Laboratory.peer, "get", "10.96.0.40", "80", "--timeout", "8000"], in: "client")
                try await eventually("the SYN is on its way") {
                    try await Program.script("grep -c SYN_RECV /proc/net/ip_vs_conn || true", in: "n1") != "0\n"
                }
                var other = service
                other.endpoints = [Topology.endpoints4[2]]
                try scene.manifests.write(other)
                let result = try await client.result()
                try await Cable.plug(Topology.servers[1])
                #expect(result.status == 0 && result.output.hasPrefix("own-web-3 "), "\(result.text)")
            }
        }
    }
}
