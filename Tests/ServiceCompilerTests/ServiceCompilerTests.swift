import Addresses
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import Testing

@Suite struct ServiceCompilerTests {
    @Test func aClusterAddressWithTwoEndpoints() {
        let result = compiler().compile(
            service(), slices: [slice([endpoint("10.244.0.2", node: "n1"), endpoint("10.244.1.2", node: "n2")])])
        #expect(result.problems == [])
        #expect(
            lines(result.share) == [
                "tcp 10.96.0.10:80 rr", "  10.244.0.2:8080 masquerade weight 1", "  10.244.1.2:8080 masquerade weight 1",
                "address 10.96.0.10", "KUBE-CLUSTER-IP 10.96.0.10,tcp:80", "KUBE-IPVS-IPS 10.96.0.10",
                "KUBE-LOOP-BACK 10.244.0.2,tcp:8080,10.244.0.2",
            ])
    }

    @Test func portsAreMatchedByNameAndProtocol() {
        let ports = [
            ServicePort(name: "dns", transport: .udp, port: 53), ServicePort(name: "dns-tcp", port: 53),
            ServicePort(name: "sctp", transport: .sctp, port: 99),
        ]
        let slices = [
            slice(
                [endpoint("10.244.1.3")],
                ports: [
                    EndpointPort(name: "dns", transport: .udp, port: 5353), EndpointPort(name: "dns-tcp", port: 5354),
                    EndpointPort(name: "dns", transport: .tcp, port: 1), EndpointPort(name: "sctp", transport: .sctp, port: 9),
                ])
        ]
        let servers = compiler().compile(service(ports: ports), slices: slices).share?.virtualServers ?? [:]
        #expect(servers[.address(ip("10.96.0.10"), port: 53, .udp)]?.realServers.keys.map(\.description) == ["10.244.1.3:5353"])
        #expect(servers[.address(ip("10.96.0.10"), port: 53, .tcp)]?.realServers.keys.map(\.description) == ["10.244.1.3:5354"])
        #expect(servers[.address(ip("10.96.0.10"), port: 99, .sctp)]?.realServers.keys.map(\.description) == ["10.244.1.3:9"])
    }

    @Test func eachFamilyHasItsOwnEndpoints() {
        let slices = [
            slice([endpoint("10.244.1.2")]), slice([endpoint("fd00:10:244:1::2", node: "n1")], family: .ipv6, name: "web-2"),
        ]
        let result = compiler().compile(service(["10.96.0.10", "fd00:10:96::a"]), slices: slices)
        #expect(
            lines(result.share) == [
                "tcp 10.96.0.10:80 rr", "  10.244.1.2:8080 masquerade weight 1",
                "tcp [fd00:10:96::a]:80 rr", "  [fd00:10:244:1::2]:8080 masquerade weight 1",
                "address 10.96.0.10", "address fd00:10:96::a",
                "KUBE-6-CLUSTER-IP fd00:10:96::a,tcp:80", "KUBE-6-IPVS-IPS fd00:10:96::a",
                "KUBE-6-LOOP-BACK fd00:10:244:1::2,tcp:8080,fd00:10:244:1::2",
                "KUBE-CLUSTER-IP 10.96.0.10,tcp:80", "KUBE-IPVS-IPS 10.96.0.10",
            ])
    }

    @Test func aFamilyThatTheKernelLacksIsLeftOut() {
        let compiler = ServiceCompiler(settings: CompilerSettings(), node: NodeFacts(name: "n1", families: [.ipv4]))
        let share = compiler.compile(service(["10.96.0.10", "fd00:10:96::a"]), slices: []).share
        #expect(share?.addresses == [ip("10.96.0.10")])
        #expect(compiler.base().rules[.ipv6] == nil)
        #expect(compiler.base().sets.allSatisfy { $0.key.family == .ipv4 })
    }

    @Test func whatIsNotOursIsLeftAlone() {
        let compiler = compiler()
        #expect(compiler.compile(service([]), slices: []).share == nil)
        #expect(compiler.compile(service([], type: .externalName), slices: []).share == nil)
        #expect(compiler.compile(service(proxyName: "other"), slices: []).share == nil)
    }

    @Test func affinityPersistsWholeAddresses() {
        let share = compiler().compile(service(["10.96.0.10", "fd00:10:96::a"], affinity: 600), slices: []).share
        let persistence = share?.virtualServers.sorted { $0.key < $1.key }.map(\.value.configuration.persistence)
        #expect(
            persistence == [
                .init(timeout: 600, granularity: .mask(.max)), .init(timeout: 600, granularity: .prefixLength(128)),
            ])
    }

    @Test(arguments: [
        // Ready ones; if none, those that serve while they terminate.
        ([endpoint("10.0.0.1"), endpoint("10.0.0.2", ready: false, serving: true, terminating: true)], ["10.0.0.1"]),
        ([endpoint("10.0.0.1", ready: false), endpoint("10.0.0.2", ready: false, serving: true, terminating: true)], ["10.0.0.2"]),
        ([endpoint("10.0.0.1", ready: false), endpoint("10.0.0.2", ready: false, serving: false, terminating: true)], []),
        // Of one endpoint that stands twice, the version that stays is believed.
        ([endpoint("10.0.0.1", ready: false, serving: true, terminating: true), endpoint("10.0.0.1")], ["10.0.0.1"]),
        // Hints count only if every ready endpoint has them and one matches.
        ([endpoint("10.0.0.1", zoneHints: ["a"]), endpoint("10.0.0.2", zoneHints: ["b"])], ["10.0.0.1"]),
        ([endpoint("10.0.0.1", zoneHints: ["a"]), endpoint("10.0.0.2")], ["10.0.0.1", "10.0.0.2"]),
        ([endpoint("10.0.0.1", zoneHints: ["b"]), endpoint("10.0.0.2", zoneHints: ["c"])], ["10.0.0.1", "10.0.0.2"]),
        (
            [endpoint("10.0.0.1", zoneHints: ["a"], nodeHints: ["n2"]), endpoint("10.0.0.2", zoneHints: ["a"], nodeHints: ["n1"])],
            ["10.0.0.2"]
        ),
    ])
    func chooses(endpoints: [Endpoint], expected: [String]) {
        let share = compiler().compile(service(), slices: [slice(endpoints)]).share
        let chosen = share?.virtualServers.values.flatMap { $0.realServers.keys.map { $0.address.description } }.sorted()
        #expect(chosen == expected)
    }

    @Test func localPolicyKeepsToThisNodeAndIgnoresHints() {
        let endpoints = [endpoint("10.0.0.1", node: "n1", zoneHints: ["b"]), endpoint("10.0.0.2", node: "n2", zoneHints: ["a"])]
        let share = compiler().compile(service(policy: .local), slices: [slice(endpoints)]).share
        #expect(share?.virtualServers.values.flatMap { $0.realServers.keys.map(\.address.description) } == ["10.0.0.1"])
        let elsewhere = compiler().compile(service(policy: .local), slices: [slice([endpoints[1]])]).share
        #expect(elsewhere?.virtualServers.values.map(\.realServers) == [[:]])
    }
}

@Suite struct ServiceOptionsTests {
    private func compiled(_ annotations: [String: String], ports: [ServicePort] = [ServicePort(port: 80)]) -> ServiceCompiler.Result {
        let endpoints = [endpoint("10.0.0.1", zone: "a"), endpoint("10.0.0.2", zone: "b"), endpoint("10.0.0.3")]
        let slicePorts = ports.map { EndpointPort(name: $0.name, transport: $0.transport, port: 8080) }
        return compiler().compile(service(ports: ports, annotations: annotations), slices: [slice(endpoints, ports: slicePorts)])
    }

    @Test func schedulerAndFlags() {
        let result = compiled(["scheduler": "sh", "scheduler-flags": "port,fallback"])
        #expect(result.problems == [])
        #expect(result.share?.virtualServers.values.map(\.configuration.description) == ["sh (fallback,port)"])
        #expect(compiled(["scheduler": "mh"]).share?.virtualServers.values.map(\.configuration.description) == ["mh (port)"])
    }

    @Test func aSchedulersOwnNameDoesNotInheritTheDefaultsFlags() {
        let compiler = compiler {
            $0.scheduler = .sourceHashing
            $0.schedulerFlags = .port
        }
        let plain = compiler.compile(service(), slices: []).share?.virtualServers.values.map(\.configuration.description)
        #expect(plain == ["sh (port)"])
        let named = compiler.compile(service(annotations: ["scheduler": "wlc"]), slices: []).share
        #expect(named?.virtualServers.values.map(\.configuration.description) == ["wlc"])
    }

    @Test func weightsByAddressThenZone() {
        let result = compiled(["weights": #"{"zone/a": 5, "zone/b": 7, "10.0.0.2": 0}"#])
        let weights = result.share?.virtualServers.values.flatMap { $0.realServers.sorted { $0.key < $1.key }.map(\.value.weight) }
        #expect(weights == [5, 0, 1])
        #expect(result.problems == [])
    }

    @Test func onePacketIsForUDPOnly() {
        let ports = [ServicePort(name: "u", transport: .udp, port: 53), ServicePort(name: "t", port: 53)]
        let servers = compiled(["one-packet": "true"], ports: ports).share?.virtualServers ?? [:]
        #expect(servers.filter { $0.value.configuration.onePacket }.keys.map(\.description) == ["udp 10.96.0.10:53"])
        #expect(compiled(["one-packet": "true"]).problems.count == 1)
    }

    @Test(arguments: [
        (["scheduler": "a name that is too long"], "is not a scheduler's name"), (["scheduler": ""], "is not a scheduler's name"),
        (["scheduler": "../x"], "is not a scheduler's name"), (["scheduler-flags": "sticky"], "is not a list of scheduler flags"),
        (["weights": "3"], "is not a JSON object of numbers"), (["weights": #"{"10.0.0.1": "3"}"#], "is not a JSON object of numbers"),
        (["weights": #"{"10.0.0.1": -1}"#], "is not a whole number"), (["weights": #"{"10.0.0.1": 1.5}"#], "is not a whole number"),
        (["weights": #"{"10.0.0.1": 2147483648}"#], "is not a whole number"),
        (["weights": #"{"nonsense": 1}"#], "neither an address nor zone/NAME"),
        (["one-packet": "yes"], "is neither \"true\" nor \"false\""), (["shceduler": "rr"], "is not known"),
        (["forwarding": "direct"], "packets keep their port"), (["forwarding": "drect"], "did you mean direct?"),
        (["scheduler": "wlcc"], "did you mean wlc?"), (["scheduler": "mine"], "is not a scheduler's name"),
        (["scheduler-flags": "fallbck"], "did you mean fallback?"), (["shceduler": "rr"], "did you mean scheduler?"),
        (["tunnel": "gue"], "is no tunnel"), (["tunnel": "gue:0"], "is no tunnel"), (["tunnel": "ipip+csum"], "is no tunnel"),
        (["tunnel": "gre"], "has no effect where"), (["drain-timeout": "25h"], "is not a length of time"),
        (["fwmark-group": "a"], "has no effect on a Service of one port"), (["fwmark-group": "a b"], "is no name of a group"),
    ])
    func whatIsWrongIsNamedAndHasNoEffect(annotations: [String: String], message: String) throws {
        let result = compiled(annotations)
        let problem = try #require(result.problems.first)
        #expect(problem.message.contains(message), "\(problem)")
        #expect(problem.place.hasPrefix("Service default/web, metadata.annotations[ipvs-agent.dev/"))
        #expect(lines(result.share) == lines(compiled([:]).share))
    }
}
