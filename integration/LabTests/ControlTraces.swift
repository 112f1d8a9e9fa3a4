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

        /// So is the server of `mh`, whose table is reckoned out place by place, and that of `dh`; with weights, for both families.
        @Test(arguments: zip(["mh", "mh port", "mh fallback", "dh"], [40_000, 40_100, 40_200, 40_300]))
        func hashingIsForetold(_ kind: String, _ firstPort: Int) async throws {
            let words = kind.split(separator: " ")
            var service = ServiceManifest(
                addresses: ["10.96.0.20", "fd00:10:96::20"], endpoints: Topology.endpoints4 + Topology.endpoints6)
            service.annotations = [
                "scheduler": String(words[0]), "weights": #"{"10.244.0.11": 5, "10.244.1.11": 2, "10.244.1.12": 3}"#,
            ]
            if words.count > 1 { service.annotations["scheduler-flags"] = String(words[1]) }
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                var taken: Set<String> = []
                for (place, source) in (Topology.clientSources.prefix(6) + ["fd00:10:244::20"]).enumerated() {
                    let isNew = source.contains(":")
                    let virtual = isNew ? "fd00:10:96::20" : "10.96.0.20"
                    let port = firstPort + place
                    let client = isNew ? "[\(source)]:\(port)" : "\(source):\(port)"
                    let foretold = try await Self.trace(client, isNew ? "[\(virtual)]:80" : "\(virtual):80", scene)
                    let seen = try await Self.live(client, isNew ? "[\(virtual)]:80" : "\(virtual):80", from: "client")
                    #expect(seen.status == 0, "\(seen.text)")
                    let server = try #require(seen.hop("scheduler")?.seen)
                    taken.insert(server)
                    #expect(foretold.contains("\(words[0]): \(server)"), "\(client) went to \(server): \(foretold)")
                    #expect(foretold.contains(words[0] == "dh" ? "256 buckets" : "4093 places"), "\(foretold)")
                }
                #expect(taken.count >= 2)
            }
        }

        /// Schedulers that compare counts: one connection after the other goes where it was foretold.
        @Test func countedSchedulersAreForetold() async throws {
            let schedulers = ["lc", "wlc", "sed", "nq", "fo", "ovf"]
            let services = schedulers.enumerated().map { place, scheduler in
                var service = ServiceManifest(name: scheduler, addresses: ["10.96.0.\(30 + place)"])
                service.annotations = ["scheduler": scheduler, "weights": #"{"10.244.0.11": 1, "10.244.1.11": 4, "10.244.1.12": 2}"#]
                return service
            }
            try await Scene.with(.bridge, services) { scene in
                _ = try await scene.startAgent()
                for (place, scheduler) in schedulers.enumerated() {
                    for _ in 0..<4 {
                        let seen = try await Self.live("10.244.0.20", "10.96.0.\(30 + place):80", from: "client")
                        #expect(seen.status == 0, "\(scheduler): \(seen.text)")
                        let server = try #require(seen.hop("scheduler")?.seen)
                        #expect(seen.hop("scheduler")?.happens.contains("\(scheduler): \(server)") == true, "\(seen.text)")
                    }
                }
            }
        }

        /// What the kernel does not show is not foretold.
        @Test(arguments: ["rr", "wrr"]) func turnsAreNotKnowable(_ scheduler: String) async throws {
            var service = ServiceManifest()
            service.annotations = ["scheduler": scheduler]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                let seen = try await Self.live("10.244.0.20", "10.96.0.20:80", from: "client")
                #expect(seen.status == 0, "\(seen.text)")
                #expect(seen.hop("scheduler")?.fate == "notKnowable")
                #expect(Topology.endpoints4.contains { seen.hop("scheduler")?.seen == "\($0):8080" })
            }
        }

        /// From everywhere, to a Service with endpoints here and elsewhere, and through a hairpin: the source that the server sees is the one
        /// foretold.
        @Test func everySourceIsForetold() async throws {
            let hairpin = ServiceManifest(name: "alone", addresses: ["10.96.0.21"], endpoints: [Topology.endpoints4[0]])
            try await Scene.with(.bridge, [ServiceManifest(), hairpin]) { scene in
                _ = try await scene.startAgent()
                for (client, namespace, virtual) in [
                    ("10.244.0.20", "client", "10.96.0.20"), ("192.0.2.10", "n1", "10.96.0.20"), ("192.0.2.100", "outside", "10.96.0.20"),
                    ("10.244.0.11", "web-1", "10.96.0.21"), ("10.244.0.12", "web-2", "10.96.0.21"),
                ] {
                    let answers = try await scene.ask(virtual, from: namespace, count: 1, "--bind", client)
                    // The node's own packets may be masqueraded to the address that they had.
                    let isMasqueraded = namespace == "n1" || answers.clients != [client]
                    let seen = try await Self.live(client, "\(virtual):80", from: namespace)
                    #expect(seen.status == 0, "\(client): \(seen.text)")
                    let source = try #require(seen.hop("source"))
                    #expect(source.happens.hasPrefix("masqueraded") == isMasqueraded, "\(client): \(answers.clients) \(seen.text)")
                    #expect(source.differs == false, "\(client): \(seen.text)")
                }
            }
        }

        /// A Local policy: outside goes to the endpoint here by address, a pod to all by mark. Ranges: who is not in them is dropped.
        @Test func policiesAreForetold() async throws {
            let external = "203.0.113.10"
            func service(_ ranges: [String]) -> ServiceManifest {
                ServiceManifest(
                    ports: [.http], endpoints: [Topology.endpoints4[0], Topology.endpoints4[2]],
                    exposure: .init(policy: "Local", loadBalancerAddresses: [external], sourceRanges: ranges))
            }
            try await Scene.with(.bridge, [service([])]) { scene in
                try await Program.script("ip route replace 203.0.113.0/24 via 192.0.2.10", in: "outside")
                _ = try await scene.startAgent()
                let outside = try await Self.live("192.0.2.100", "\(external):80", from: "outside")
                #expect(outside.status == 0, "\(outside.text)")
                #expect(outside.hop("scheduler")?.seen == "10.244.0.11:8080")
                #expect(outside.hop("source")?.happens.hasPrefix("unchanged") == true, "\(outside.text)")
                let inside = try await Self.live("10.244.0.20", "\(external):80", from: "client")
                #expect(inside.status == 0, "\(inside.text)")
                #expect(inside.hop("virtual server")?.happens.hasPrefix("fwmark ") == true, "\(inside.text)")
                #expect(inside.hop("mark") != nil)
                try scene.manifests.write(service(["198.51.100.0/24"]))
                try await eventually("the ranges are in force") {
                    try await Program.script("ipset list KUBE-LOAD-BALANCER-FW", in: "n1").contains(external)
                }
                let dropped = try await Self.live("192.0.2.100", "\(external):80", from: "outside")
                #expect(dropped.status == 1)
                #expect(dropped.items.allSatisfy { $0.differs != true }, "\(dropped.text)")
                #expect(dropped.hop("filter INPUT")?.fate == "ends", "\(dropped.text)")
                #expect(dropped.hop("answer")?.seen == "no answer")
            }
            try await Program.script("ip route del 203.0.113.0/24; true", in: "outside")
        }

        /// Each forwarding method, in a table of nobody's: who answers, and what the client gets.
        @Test(arguments: ["-g", "-i", "-m"]) func everyForwardingMethodIsForetold(_ method: String) async throws {
            try await Scene.with(.bridge) { scene in
                let virtual = "10.96.0.77"
                let tunnel =
                    method == "-i"
                    ? "modprobe ipip; ip link set tunl0 up; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/tunl0/rp_filter"
                    : "true"
                try await Program.script(
                    """
                    ip link add vip0 type dummy; ip addr add \(virtual)/32 dev vip0
                    ipvsadm -A -t \(virtual):8080 -s rr
                    ipvsadm -a -t \(virtual):8080 -r 10.244.0.11:8080 \(method)
                    """, in: "n1")
                if method != "-m" {
                    try await Program.script(
                        "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; ip addr add \(virtual)/32 dev lo; \(tunnel)", in: "web-1")
                }
                let seen = try await Self.live("10.244.0.20", "\(virtual):8080", from: "client", "--link", "vip0")
                #expect(seen.status == 0, "\(seen.text)")
                let name = ["-g": "direct", "-i": "tunnel ipip", "-m": "masquerade"][method] ?? ""
                #expect(seen.hop("forwarding")?.happens.hasPrefix(name) == true, "\(seen.text)")
                #expect(seen.hop("scheduler")?.seen == "10.244.0.11:8080")
                #expect(seen.hop("answer")?.seen == "answered", "\(seen.text)")
                #expect(seen.hop("way back")?.happens.contains(method == "-m" ? "this node" : "straight") == true)
                // Broken on the server's side: what was foretold of this node stays true, and no answer comes.
                if method != "-m" { try await Program.script("ip addr del \(virtual)/32 dev lo", in: "web-1") }
                try await Program.script("ipvsadm -e -t \(virtual):8080 -r 10.244.0.11:8080 \(method) -w 0", in: "n1")
                let refused = try await Self.live("10.244.0.20", "\(virtual):8080", from: "client", "--link", "vip0")
                #expect(refused.status == 1)
                #expect(refused.hop("answer")?.seen == "refused" && refused.hop("answer")?.differs == false, "\(refused.text)")
                try await Program.script("ipvsadm -C; ip link del vip0", in: "n1")
                try await Program.script("echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore", in: "web-1")
            }
        }

        /// A difference is told: the comparison is with the kernel, and not with itself.
        @Test func aDifferenceIsTold() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                _ = try await scene.startAgent()
                // A rule of somebody else, which is not read, takes the packet away before IPVS.
                let tool = Laboratory.tool("iptables", "restore")
                let rule = "*mangle\n-I PREROUTING -s 10.244.0.20 -d 10.96.0.20 -j DROP\nCOMMIT"
                try await Program.script("printf '\(rule)\n' | \(tool) --noflush", in: "n1")
                let seen = try await Self.live("10.244.0.20", "10.96.0.20:80", from: "client")
                #expect(seen.status == 1, "\(seen.text)")
                #expect(seen.hop("virtual server")?.differs == true, "\(seen.text)")
                try await Program.script(
                    "printf '*mangle\n-D PREROUTING -s 10.244.0.20 -d 10.96.0.20 -j DROP\nCOMMIT\n' | \(tool) --noflush", in: "n1")
                let other = try await Program.run(
                    Laboratory.control, "trace", "198.51.100.7", "10.96.0.20:80", "--netns", "n1", "--live")
                #expect(other.status == 1 && other.error.contains("--from"), "\(other.text)")
            }
        }

        /// What `trace --live` said.
        private struct Live {
            var status: Int32
            var items: [Hop]
            var text: String

            struct Hop: Decodable {
                var hop: String
                var fate: String
                var happens: String
                var seen: String?
                var differs: Bool?
            }

            func hop(_ name: String) -> Hop? { items.first { $0.hop == name } }
        }

        private static func live(_ client: String, _ virtual: String, from namespace: String, _ more: String...) async throws -> Live {
            struct Listing: Decodable { var items: [Live.Hop] }
            let arguments =
                [
                    Laboratory.control, "trace", client, virtual, "--netns", "n1", "--live", "--from", namespace, "-o", "json", "--timeout",
                    "2",
                ]
                + more
            let result = try await Program(arguments).result()
            guard let listing = try? JSONDecoder().decode(Listing.self, from: Data(result.output.utf8)) else {
                throw LabFailure("no trace: \(result.text)")
            }
            return Live(status: result.status, items: listing.items, text: result.text)
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

        /// Whether a packet is masqueraded: from a pod not, from outside the pods' range it is. Of the node's own packets the address does not
        /// tell: masqueraded on the way to another node they keep it.
        @Test func theSourceIsForetold() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                let agent = try await scene.startAgent()
                for (client, namespace) in [("10.244.0.20", "client"), ("192.0.2.100", "outside")] {
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
