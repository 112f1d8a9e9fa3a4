import Addresses
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import Testing

/// Where inside and outside traffic goes, by policy.
@Suite struct TrafficPolicyTests {
    static let here = endpoint("10.244.0.2", node: "n1")
    static let there = endpoint("10.244.1.2", node: "n2")
    static let hereTerminating = endpoint("10.244.0.2", ready: false, serving: true, terminating: true, node: "n1")
    static let hereNotReady = endpoint("10.244.0.2", ready: false, node: "n1")
    static let mark: UInt32 = 0x1000_0001

    /// Compiles a Service with every kind of entrance, and says where each leads.
    static func compile(
        internal inside: TrafficPolicy = .cluster, external outside: TrafficPolicy = .cluster, endpoints: [Endpoint],
        transport: TransportProtocol = .tcp, affinity: UInt32? = nil, hasMark: Bool = true, kernel: KernelVersion = KernelVersion(6, 1)
    ) -> NodeShare {
        var compiler = compiler()
        compiler.node.addresses = [ip("192.0.2.10")]
        compiler.node.kernel = kernel
        let port = ServicePort(transport: transport, port: 80, nodePort: 30080)
        var service = service(ports: [port], affinity: affinity, policy: inside, type: .loadBalancer)
        service.externalTrafficPolicy = outside
        service.externalAddresses = [ip("198.51.100.1")]
        service.loadBalancerAddresses = [ip("203.0.113.1")]
        let slices = [slice(endpoints, ports: [EndpointPort(transport: transport, port: 8080)])]
        let marks = compiler.marks(neededBy: service)
        #expect(marks.isEmpty == (outside == .cluster))
        let share = compiler.compile(
            service, slices: slices, marks: hasMark ? Dictionary(uniqueKeysWithValues: marks.map { ($0, mark) }) : [:]
        ).share
        return share ?? NodeShare(precedence: .init(created: nil, owner: ""))
    }

    static func servers(_ share: NodeShare, _ address: String, _ port: UInt16 = 80, _ transport: TransportProtocol = .tcp) -> [String] {
        (share.virtualServers[.address(ip(address), port: port, transport)]?.realServers.keys.map(\.address.description) ?? ["none"])
            .sorted()
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var what: String
        var inside = TrafficPolicy.cluster
        var outside = TrafficPolicy.cluster
        var endpoints: [Endpoint]
        /// At the cluster address; at the others from outside; at the others from inside (nil where that is the same virtual server).
        var cluster: [String]
        var external: [String]
        var short: [String]?
        var drops = false
        var testDescription: String { what }
    }

    @Test(arguments: [
        Row(
            what: "Cluster takes all", endpoints: [here, there], cluster: ["10.244.0.2", "10.244.1.2"],
            external: ["10.244.0.2", "10.244.1.2"]),
        Row(
            what: "an external policy leaves the cluster address alone", outside: .local, endpoints: [here, there],
            cluster: ["10.244.0.2", "10.244.1.2"], external: ["10.244.0.2"], short: ["10.244.0.2", "10.244.1.2"]),
        Row(
            what: "an internal policy leaves the others alone", inside: .local, endpoints: [here, there], cluster: ["10.244.0.2"],
            external: ["10.244.0.2", "10.244.1.2"]),
        Row(
            what: "the short way is not the internal policy's", inside: .local, outside: .local, endpoints: [here, there],
            cluster: ["10.244.0.2"], external: ["10.244.0.2"], short: ["10.244.0.2", "10.244.1.2"]),
        Row(
            what: "no endpoint here", inside: .local, outside: .local, endpoints: [there], cluster: [], external: [], short: ["10.244.1.2"],
            drops: true),
        Row(
            what: "the cluster address of a Service with an external policy keeps all", outside: .local, endpoints: [there],
            cluster: ["10.244.1.2"], external: [], short: ["10.244.1.2"], drops: true),
        Row(
            what: "terminating here, ready there: chosen apart", outside: .local, endpoints: [hereTerminating, there],
            cluster: ["10.244.1.2"], external: ["10.244.0.2"], short: ["10.244.1.2"]),
        Row(
            what: "the same inside", inside: .local, endpoints: [hereTerminating, there], cluster: ["10.244.0.2"], external: ["10.244.1.2"]),
        Row(
            what: "not ready is no endpoint", outside: .local, endpoints: [hereNotReady, there], cluster: ["10.244.1.2"], external: [],
            short: ["10.244.1.2"], drops: true),
        Row(what: "no endpoints at all", outside: .local, endpoints: [], cluster: [], external: [], short: [], drops: true),
        Row(what: "no endpoints at all, Cluster", endpoints: [], cluster: [], external: []),
    ])
    func leadsTo(row: Row) {
        for transport in TransportProtocol.allCases {
            let share = Self.compile(internal: row.inside, external: row.outside, endpoints: row.endpoints, transport: transport)
            #expect(Self.servers(share, "10.96.0.10", 80, transport) == row.cluster)
            let entrances: [(String, UInt16)] = [("198.51.100.1", 80), ("203.0.113.1", 80), ("192.0.2.10", 30080)]
            for (address, port) in entrances {
                #expect(Self.servers(share, address, port, transport) == row.external, "\(address)")
                let members = share.membersOfServers[.address(ip(address), port: port, transport)] ?? []
                let drop = SetMember(SetKey(.noLocalEndpoint, .ipv4), .addressPort(ip(address), port, transport))
                #expect(members.contains(drop) == row.drops)
                let marked = SetMember(SetKey(.insideMark, .ipv4), .addressPortMark(ip(address), port, transport, Self.mark))
                #expect(members.contains(marked) == (row.short != nil))
            }
            let short = share.virtualServers[.firewallMark(Self.mark, .ipv4)]
            #expect(short?.realServers.keys.map(\.address.description).sorted() == row.short)
            #expect(short.map { $0.realServers.keys.allSatisfy { $0.port == 8080 } } ?? true)
        }
    }

    struct Hints: Sendable, CustomTestStringConvertible {
        var what: String
        var zone: String? = "a"
        var endpoints: [Endpoint]
        var chosen: [String]
        var testDescription: String { what }
    }

    /// KEP-2433, and hints for nodes beside those for zones.
    @Test(arguments: [
        Hints(
            what: "this node before this zone",
            endpoints: [
                endpoint("10.0.0.1", node: "n1", zoneHints: ["a"], nodeHints: ["n1"]),
                endpoint("10.0.0.2", node: "n2", zoneHints: ["a"], nodeHints: ["n2"]),
            ], chosen: ["10.0.0.1"]),
        Hints(
            what: "no hint at this node: the zone's",
            endpoints: [
                endpoint("10.0.0.1", zoneHints: ["a"], nodeHints: ["n2"]), endpoint("10.0.0.2", zoneHints: ["b"], nodeHints: ["n3"]),
            ], chosen: ["10.0.0.1"]),
        Hints(
            what: "one without a node hint: the zone's",
            endpoints: [
                endpoint("10.0.0.1", zoneHints: ["a"], nodeHints: ["n2"]), endpoint("10.0.0.2", zoneHints: ["a"]),
                endpoint("10.0.0.3", zoneHints: ["b"], nodeHints: ["n1"]),
            ], chosen: ["10.0.0.1", "10.0.0.2"]),
        Hints(
            what: "one without a zone hint: all", endpoints: [endpoint("10.0.0.1", zoneHints: ["a"]), endpoint("10.0.0.2")],
            chosen: ["10.0.0.1", "10.0.0.2"]),
        Hints(
            what: "no zone matches: all",
            endpoints: [endpoint("10.0.0.1", zoneHints: ["b"]), endpoint("10.0.0.2", zoneHints: ["c"])], chosen: ["10.0.0.1", "10.0.0.2"]),
        Hints(
            what: "a node without a zone takes all", zone: nil,
            endpoints: [endpoint("10.0.0.1", zoneHints: ["a"]), endpoint("10.0.0.2", zoneHints: ["b"])], chosen: ["10.0.0.1", "10.0.0.2"]),
        Hints(
            what: "what is not ready needs no hint",
            endpoints: [
                endpoint("10.0.0.1", zoneHints: ["a"]), endpoint("10.0.0.2", zoneHints: ["b"]), endpoint("10.0.0.3", ready: false),
            ], chosen: ["10.0.0.1"]),
        Hints(
            what: "a hint at several zones",
            endpoints: [endpoint("10.0.0.1", zoneHints: ["b", "a"]), endpoint("10.0.0.2", zoneHints: ["c"])],
            chosen: ["10.0.0.1"]),
        Hints(
            what: "only terminating ones are left: hints do not count",
            endpoints: [
                endpoint("10.0.0.1", ready: false, serving: true, terminating: true, zoneHints: ["a"]),
                endpoint("10.0.0.2", ready: false, serving: true, terminating: true, zoneHints: ["b"]),
            ], chosen: ["10.0.0.1", "10.0.0.2"]),
    ])
    func hintsLeadTo(hints: Hints) {
        let share = compiler(zone: hints.zone).compile(service(), slices: [slice(hints.endpoints)]).share
        #expect(share.map { Self.servers($0, "10.96.0.10") } == hints.chosen)
    }

    /// Node ports by protocol: TCP and UDP by their number alone, SCTP with the address.
    @Test(arguments: [
        (TransportProtocol.tcp, TrafficPolicy.cluster, ["KUBE-NODE-PORT-TCP 30080"]),
        (.tcp, .local, ["KUBE-NODE-PORT-LOCAL-TCP 30080", "KUBE-NODE-PORT-TCP 30080"]),
        (.udp, .cluster, ["KUBE-NODE-PORT-UDP 30080"]),
        (.udp, .local, ["KUBE-NODE-PORT-LOCAL-UDP 30080", "KUBE-NODE-PORT-UDP 30080"]),
        (.sctp, .cluster, ["KUBE-NODE-PORT-SCTP-HASH 192.0.2.10,sctp:30080"]),
        (.sctp, .local, ["KUBE-NODE-PORT-LOCAL-SCTP-HASH 192.0.2.10,sctp:30080", "KUBE-NODE-PORT-SCTP-HASH 192.0.2.10,sctp:30080"]),
    ])
    func nodePortsHaveTheirEntries(transport: TransportProtocol, policy: TrafficPolicy, expected: [String]) {
        let share = Self.compile(external: policy, endpoints: [Self.here], transport: transport, hasMark: false)
        let members = share.membersOfServers[.address(ip("192.0.2.10"), port: 30080, transport)] ?? []
        #expect(members.map(\.description).sorted() == expected)
    }

    /// A virtual server by mark with persistence would send each packet to the port that it came to.
    @Test func affinityTakesTheShortWayByHash() {
        let share = Self.compile(external: .local, endpoints: [Self.here, Self.there], affinity: 600)
        let short = share.virtualServers[.firewallMark(Self.mark, .ipv4)]?.configuration
        #expect(short?.persistence == nil && short?.scheduler == .maglevHashing && short?.schedulerFlags == [])
        #expect(share.virtualServers[.address(ip("203.0.113.1"), port: 80, .tcp)]?.configuration.persistence?.timeout == 600)
        let old = Self.compile(external: .local, endpoints: [Self.here], affinity: 600, kernel: KernelVersion(4, 17))
        #expect(old.virtualServers[.firewallMark(Self.mark, .ipv4)]?.configuration.scheduler == .sourceHashing)
        let plain = Self.compile(external: .local, endpoints: [Self.here])
        #expect(plain.virtualServers[.firewallMark(Self.mark, .ipv4)]?.configuration == .init(scheduler: .roundRobin))
    }

    @Test func withoutAMarkThereIsNoShortWay() {
        let share = Self.compile(external: .local, endpoints: [Self.there], hasMark: false)
        #expect(share.virtualServers.keys.allSatisfy { $0.address != nil })
        #expect(!share.membersOfServers.values.joined().contains { $0.set.set == .insideMark })
    }

    /// Somebody may name a cluster address as an external one, too: it keeps its internal policy.
    @Test func aClusterAddressNamedAsExternalKeepsItsPolicy() {
        let compiler = compiler()
        var service = service(policy: .cluster)
        service.externalTrafficPolicy = .local
        service.externalAddresses = [ip("10.96.0.10")]
        let marks = compiler.marks(neededBy: service)
        let share = compiler.compile(
            service, slices: [slice([Self.there])], marks: Dictionary(uniqueKeysWithValues: marks.map { ($0, Self.mark) })
        ).share
        #expect(share?.virtualServers.keys.map(\.description) == ["tcp 10.96.0.10:80"])
        #expect(share?.virtualServers.values.first?.realServers.count == 1)
        #expect(share?.membersOfServers.values.joined().map(\.set.set) == [.externalIPLocal])
    }

    @Test func whoNeedsAMark() {
        var compiler = compiler()
        compiler.node.addresses = [ip("192.0.2.10")]
        var service = service(
            ["10.96.0.10", "fd00:10:96::a"], ports: [ServicePort(name: "a", port: 80), ServicePort(name: "b", port: 81)])
        service.externalTrafficPolicy = .local
        #expect(compiler.marks(neededBy: service).isEmpty, "nothing is reached from outside")
        service.ports[0].nodePort = 30080
        #expect(compiler.marks(neededBy: service).map(\.description).sorted() == ["tcp:80 IPv4", "tcp:80 IPv6"])
        service.loadBalancerAddresses = [ip("203.0.113.1")]
        #expect(compiler.marks(neededBy: service).map(\.description).sorted() == ["tcp:80 IPv4", "tcp:80 IPv6", "tcp:81 IPv4"])
        service.externalTrafficPolicy = .cluster
        #expect(compiler.marks(neededBy: service).isEmpty)
    }

    @Test(arguments: [(NodePortAddresses.primary, ["192.0.2.10"]), (.ranges([]), ["192.0.2.10", "198.51.100.10"])])
    func primaryIsWhatTheNodeNamesFirst(addresses: NodePortAddresses, expected: [String]) {
        var compiler = compiler { $0.nodePortAddresses = addresses }
        compiler.node.addresses = [ip("192.0.2.10"), ip("198.51.100.10"), ip("127.0.0.1"), ip("2001:db8:1::10"), ip("fe80::10")]
        compiler.node.namedAddresses = [ip("192.0.2.10"), ip("2001:db8:1::10"), ip("198.51.100.10")]
        let service = service(["10.96.0.10", "fd00:10:96::a"], ports: [ServicePort(port: 80, nodePort: 30080)], type: .nodePort)
        let share = compiler.compile(service, slices: []).share
        let served = share?.virtualServers.keys.compactMap { key -> String? in
            guard case .address(let address, 30080, _) = key else { return nil }
            return address.description
        }
        #expect(served?.sorted() == (expected + ["2001:db8:1::10"]).sorted())
        // The named address is another link's no more: none of that family.
        compiler.node.addresses.remove(ip("192.0.2.10"))
        let rest = compiler.compile(service, slices: []).share?.virtualServers.keys.filter { $0.description.contains("192.0.2.10") }
        #expect(rest == [])
    }
}
