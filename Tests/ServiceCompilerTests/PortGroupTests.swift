import Addresses
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import TestSupport
import Testing

/// Several ports as one virtual server by firewall mark.
@Suite struct PortGroupTests {
    private static let ports = [ServicePort(name: "http", port: 80), ServicePort(name: "https", port: 443)]
    private static let endpointPorts = [EndpointPort(name: "http", port: 80), EndpointPort(name: "https", port: 443)]
    private static let here = endpoint("10.244.0.2", node: "n1")
    private static let there = endpoint("10.244.1.2", node: "n2")
    private static let bit: UInt32 = 0x4000

    /// What a Service comes to, with the marks that it would be given.
    private static func compile(
        _ endpoints: [Endpoint] = [here, there], ports: [ServicePort] = ports, slicePorts: [EndpointPort] = endpointPorts,
        addresses: [String] = ["10.96.0.10"], annotations: [String: String] = [:], previous: ServiceOptions? = nil, affinity: UInt32? = 600,
        _ change: (inout Service) -> Void = { _ in }
    ) -> (result: ServiceCompiler.Result, marks: [MarkPurpose: UInt32]) {
        let compiler = compiler()
        var service = service(
            addresses, ports: ports, affinity: affinity, annotations: ["fwmark-group": "shop"].merging(annotations) { $1 })
        change(&service)
        var book = MarkBook(.standard, masqueradeBit: 14)
        let marks = book.assign(compiler.marks(neededBy: service, previous: previous), to: service.name)
        let v6 = [slice([endpoint("fd00:10:244::2")], ports: slicePorts, family: .ipv6, name: "web-6")]
        let result = compiler.compile(
            service, slices: [slice(endpoints, ports: slicePorts)] + (addresses.count > 1 ? v6 : []), marks: marks, previous: previous)
        return (result, marks)
    }

    private static func servers(_ share: NodeShare?, _ mark: UInt32?, _ family: AddressFamily = .ipv4) -> [String]? {
        mark.flatMap { share?.virtualServers[.firewallMark($0, family)] }?.realServers.keys.map(\.description).sorted()
    }

    private static func entries(_ share: NodeShare?, _ set: ServiceSet) -> [String] {
        let members = share.map { Array($0.membersOfServers.values.joined()) } ?? []
        return members.filter { $0.set.set == set }.map(\.entry.description).sorted()
    }

    private static func hexadecimal(_ mark: UInt32?) -> String { mark.map { "0x" + String($0, radix: 16) } ?? "none" }

    @Test func portsAreOneVirtualServerThatPersists() throws {
        let (result, marks) = Self.compile(addresses: ["10.96.0.10", "fd00:10:96::a"])
        #expect(result.problems == [] && marks.count == 2)
        for (family, address, servers) in [
            (AddressFamily.ipv4, "10.96.0.10", ["10.244.0.2:0", "10.244.1.2:0"]), (.ipv6, "fd00:10:96::a", ["[fd00:10:244::2]:0"]),
        ] {
            let mark = try #require(marks[.group("shop", .cluster, family)])
            #expect(mark >> 25 == 0x1c00_0000 >> 25 && mark & Self.bit == 0, "\(Self.hexadecimal(mark))")
            // What nat marks for masquerading has the bit besides.
            for mark in [mark, mark | Self.bit] {
                #expect(Self.servers(result.share, mark, family) == servers)
                let configuration = result.share?.virtualServers[.firewallMark(mark, family)]?.configuration
                #expect(configuration?.persistence == .init(timeout: 600, granularity: .wholeAddress(family)))
                #expect(configuration?.scheduler == .roundRobin)
            }
            let entries = Self.entries(result.share, .groupMark).filter { $0.contains(address) }
            #expect(entries == [443, 80].map { "\(address),tcp:\($0) skbmark \(Self.hexadecimal(mark))" })
        }
        // Each port stands by itself besides: there packets go where marks cannot be set.
        #expect(result.share?.virtualServers[.address(ip("10.96.0.10"), port: 443, .tcp)]?.realServers.count == 2)
        #expect(result.share?.virtualServers.count == 8)
    }

    /// Outside and inside, by policy: each has the endpoints that it would have without a group.
    @Test func policiesHold() {
        let (result, marks) = Self.compile { service in
            service.type = .loadBalancer
            service.externalTrafficPolicy = .local
            service.loadBalancerAddresses = [ip("203.0.113.1")]
        }
        let all = ["10.244.0.2:0", "10.244.1.2:0"]
        let (cluster, local) = (marks[.group("shop", .cluster, .ipv4)], marks[.group("shop", .local, .ipv4)])
        let inside = marks[.insideGroup("shop", .ipv4)]
        #expect(result.problems == [] && Set([cluster, local, inside]).count == 3)
        #expect(Self.servers(result.share, cluster) == all && Self.servers(result.share, cluster.map { $0 | Self.bit }) == all)
        #expect(Self.servers(result.share, local) == ["10.244.0.2:0"])
        #expect(Self.servers(result.share, local.map { $0 | Self.bit }) == nil, "what comes from outside keeps its address")
        #expect(Self.servers(result.share, inside) == all)
        let short = inside.flatMap { result.share?.virtualServers[.firewallMark($0, .ipv4)] }
        #expect(short?.configuration.persistence?.timeout == 600, "no port changes, so that persistence is right here")
        #expect(Self.entries(result.share, .insideMark) == [443, 80].map { "203.0.113.1,tcp:\($0) skbmark \(Self.hexadecimal(inside))" })
        #expect(
            Self.entries(result.share, .groupMark)
                == [443, 80].map { "10.96.0.10,tcp:\($0) skbmark \(Self.hexadecimal(cluster))" }
                + [443, 80].map { "203.0.113.1,tcp:\($0) skbmark \(Self.hexadecimal(local))" })
    }

    /// The same policy everywhere: one virtual server for all addresses. Node ports are other ports than the endpoints', and stay by themselves.
    @Test func nodePortsAreNotGrouped() {
        var compiler = compiler()
        compiler.node.addresses = [ip("192.0.2.10")]
        var service = service(
            ports: [
                ServicePort(name: "http", port: 80, nodePort: 30080), ServicePort(name: "https", port: 443, nodePort: 30443),
            ], annotations: ["fwmark-group": "shop"], type: .loadBalancer)
        service.externalAddresses = [ip("198.51.100.1")]
        var book = MarkBook(.standard, masqueradeBit: 14)
        for policy in TrafficPolicy.allCases {
            service.externalTrafficPolicy = policy
            let marks = book.assign(compiler.marks(neededBy: service), to: service.name)
            #expect(marks.count == (policy == .cluster ? 1 : 5))
            let share = compiler.compile(service, slices: [slice([Self.here], ports: Self.endpointPorts)], marks: marks).share
            for port in [30080, 30443] as [UInt16] {
                let members = share?.membersOfServers[.address(ip("192.0.2.10"), port: port, .tcp)] ?? []
                #expect(!members.contains { $0.set.set == .groupMark })
                let inside = members.compactMap { $0.set.set == .insideMark ? $0.entry.mark : nil }
                let own = policy == .local ? marks[.insidePort(port - 30000, .tcp, .ipv4)] : nil
                #expect(inside == (own.map { [$0] } ?? []))
                if let mark = inside.first {
                    #expect(Self.servers(share, mark) == ["10.244.0.2:\(port - 30000)"], "the short way of a node port has its ports")
                }
            }
            #expect(Self.entries(share, .groupMark).count == 4)
        }
    }

    @Test(arguments: [
        (ports, [EndpointPort(name: "http", port: 8080), endpointPorts[1]], "let them listen at 80 and give it targetPort 80"),
        (ports, [endpointPorts[0], EndpointPort(name: "https", port: 8443)], "endpoints of port 443 (https) have 8443"),
        ([ports[0]], endpointPorts, "has no effect on a Service of one port"),
    ])
    func whatCannotBeOneIsServedOneByOne(ports: [ServicePort], slicePorts: [EndpointPort], message: String) {
        let (result, _) = Self.compile(ports: ports, slicePorts: slicePorts)
        #expect(result.problems.count == 1)
        #expect(result.problems.first?.message.contains(message) == true, "\(result.problems)")
        #expect(result.problems.first?.place == "Service default/web, metadata.annotations[ipvs-agent.dev/fwmark-group]")
        #expect(result.share == Self.compile(ports: ports, slicePorts: slicePorts) { $0.annotations = [:] }.result.share)
    }

    /// A virtual server for both ports would send clients of one to a server that has only the other.
    @Test func whoLacksAPortIsLeftOut() {
        let compiler = compiler()
        let service = service(ports: Self.ports, annotations: ["fwmark-group": "shop"])
        var book = MarkBook(.standard, masqueradeBit: 14)
        let marks = book.assign(compiler.marks(neededBy: service), to: service.name)
        func compile(_ http: [Endpoint], _ https: [Endpoint]) -> ServiceCompiler.Result {
            compiler.compile(
                service,
                slices: [
                    slice(http, ports: [Self.endpointPorts[0]], name: "a"), slice(https, ports: [Self.endpointPorts[1]], name: "b"),
                ], marks: marks)
        }
        let some = compile([Self.here, Self.there], [Self.there])
        #expect(some.problems.map(\.message) == ["10.244.0.2 lacks some of the ports, and gets no clients of the group"])
        #expect(Self.servers(some.share, marks[.group("shop", .cluster, .ipv4)]) == ["10.244.1.2:0"])
        let none = compile([Self.here], [Self.there])
        #expect(none.problems.map(\.message) == ["no endpoint has all of the ports; they are served one by one"])
        #expect(Self.entries(none.share, .groupMark) == [] && none.share?.virtualServers.count == 2)
        let empty = compile([], [])
        #expect(empty.problems == [] && Self.servers(empty.share, marks[.group("shop", .cluster, .ipv4)]) == [], "refused, as one by one")
    }

    @Test func optionsAreThoseOfTheService() throws {
        let ports = Self.ports + [ServicePort(name: "quic", transport: .udp, port: 443)]
        let slicePorts = Self.endpointPorts + [EndpointPort(name: "quic", transport: .udp, port: 443)]
        let (result, marks) = Self.compile(
            ports: ports, slicePorts: slicePorts,
            annotations: [
                "forwarding": "direct", "scheduler": "mh", "weights": #"{"10.244.0.2": 5}"#, "one-packet": "true",
            ], affinity: nil)
        let mark = try #require(marks[.group("shop", .cluster, .ipv4)])
        let server = try #require(result.share?.virtualServers[.firewallMark(mark, .ipv4)])
        #expect(server.configuration == .init(scheduler: .maglevHashing, schedulerFlags: [], onePacket: true), "no port parts a client")
        #expect(server.realServers.values.map(\.weight).sorted() == [1, 5])
        #expect(server.realServers.values.allSatisfy { $0.forwarding == .direct })
        #expect(result.share?.virtualServers[.firewallMark(mark | Self.bit, .ipv4)] == nil, "nobody is masqueraded")
        #expect(Self.entries(result.share, .groupMark).count == 3)
    }

    /// A name that is wrong leaves the group that was, and no mark is none.
    @Test func whatIsWrongLeavesTheGroupThatWas() throws {
        let good = Self.compile()
        let bad = Self.compile(annotations: ["fwmark-group": "My Shop"], previous: good.result.options)
        #expect(bad.marks == good.marks && bad.result.share == good.result.share)
        #expect(bad.result.problems.first?.message.contains("is no name of a group") == true)
        let new = Self.compile(annotations: ["fwmark-group": "My Shop"])
        #expect(new.marks == [:] && new.result.problems.count == 1)
        let unmarked = compiler().compile(
            service(ports: Self.ports, annotations: ["fwmark-group": "shop"]),
            slices: [slice([Self.here], ports: Self.endpointPorts)])
        #expect(unmarked.problems.map(\.message) == ["no mark is left (--firewall-marks); the ports are served one by one"])
        #expect(unmarked.share?.virtualServers.count == 2)
    }

    @Test(arguments: ["a", "shop-1", String(repeating: "a", count: 63)]) func whatIsAName(name: String) {
        #expect(Self.compile(annotations: ["fwmark-group": name]).result.problems == [])
    }

    @Test(arguments: ["", "-a", "a-", "A", "a.b", "a b", "a/b", String(repeating: "a", count: 64), "ä"]) func whatIsNone(name: String) {
        #expect(Self.compile(annotations: ["fwmark-group": name]).result.problems.count == 1)
    }

    /// Marks of groups, of ports and of probes are told by their first bits, in any field and with any bit for masquerading.
    @Test(arguments: 0..<200 as Range<UInt64>) func theBitsTellGroups(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let length = Int.random(in: 1...16, using: &random)
        let field = try #require(MarkField("0x\(String(UInt32(1) << UInt32(32 - length), radix: 16))/\(length)"))
        let bit = (0..<32).filter { $0 != 32 - length }.randomElement(using: &random) ?? 0
        var settings = CompilerSettings()
        (settings.firewallMarks, settings.masqueradeBit) = (field, bit)
        let compiler = ServiceCompiler(settings: settings, node: NodeFacts(name: "n1"))
        let rule = try #require(compiler.base().rules[.ipv4]?.tables["mangle"]?.chains["IPVS-AGENT-POSTROUTING"]?.first)
        let words = try #require(rule.split(separator: " ").first { $0.contains("/0x") }).split(separator: "/")
        let (value, mask) = (try #require(UInt32(words[0].dropFirst(2), radix: 16)), try #require(UInt32(words[1].dropFirst(2), radix: 16)))
        var book = MarkBook(field, masqueradeBit: bit)
        var paths = ProbePaths(field, masqueradeBit: bit)
        for number in 0..<50 {
            let name = ObjectName(namespace: "default", name: "s\(number)-\(seed)")
            let purposes: Set<MarkPurpose> = [
                .group("a", .cluster, .ipv4), .group("a", .local, .ipv4), .insideGroup("a", .ipv4), .insidePort(80, .tcp, .ipv4),
            ]
            let marks = book.assign(purposes, to: name)
            #expect(marks.count == 4)
            for (purpose, mark) in marks {
                let isGroup = if case .group = purpose { true } else { false }
                #expect((mark & mask == value) == isGroup && field.contains(mark) && mark & 1 << UInt32(bit) == 0)
                // The bit for masquerading changes nothing of what a mark is.
                #expect(((mark | 1 << UInt32(bit)) & mask == value) == isGroup)
            }
            let backend = RealServer.Key(IPAddress(ipv4: UInt32.random(in: 1 ... .max, using: &random)), port: 80)
            let probe = try #require(paths.mark(to: backend))
            paths.join(backend, mark: probe)
            #expect(probe & mask != value && field.contains(probe))
        }
    }
}
