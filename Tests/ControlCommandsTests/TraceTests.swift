import Conntrack
import IPVS
import Links
import NodeModel
import Testing

@testable import ControlCommands

@Suite struct TraceTests {
    private static let virtual = Samples.ip("10.96.0.10")

    /// A node that serves 10.96.0.10:80, masquerades what does not come from pods, and marks what comes from inside to 10.96.0.11:80.
    private static func facts(_ scheduler: Scheduler = .sourceHashing, tracked: Bool = true) -> NodeFactsRead {
        var facts = NodeFactsRead()
        facts.sysctls = ["net.ipv4.vs.conntrack": tracked ? "1" : "0"]
        let web = VirtualServer(Samples.web, .init(scheduler: scheduler))
        let marked = VirtualServer(.firewallMark(0x100000, .ipv4), .init(scheduler: scheduler))
        facts.servers = [web, marked].map { (ObservedVirtualServer(server: $0, statistics: .init()), []) }
        var view = NodeView(
            links: NodeLinks(
                links: [
                    Link(index: 2, name: "eth0", kind: nil, isUp: true, noARP: false),
                    Link(index: 3, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true),
                ],
                addresses: [
                    LinkAddress(Samples.ip("192.0.2.10"), prefixLength: 24, linkIndex: 2),
                    LinkAddress(virtual, prefixLength: 32, linkIndex: 3),
                    LinkAddress(Samples.ip("10.96.0.11"), prefixLength: 32, linkIndex: 3),
                ]))
        view.state.addresses = [virtual, Samples.ip("10.96.0.11")]
        view.state.otherAddresses = [Samples.ip("192.0.2.10"): "eth0"]
        func set(_ set: ServiceSet, marks: Bool = false, _ entries: Set<SetEntry>) {
            view.state.sets[SetKey(set, .ipv4)] = ObservedSet(
                typeName: set.type.rawValue, family: .ipv4, maximumEntries: 65536, keepsMarks: marks, entries: entries)
        }
        set(.clusterIP, [.addressPort(virtual, 80, .tcp)])
        set(.loopBack, [.addressPortAddress(Samples.ip("10.244.0.2"), 8080, .tcp, Samples.ip("10.244.0.2"))])
        set(.insideMark, marks: true, [.addressPortMark(Samples.ip("10.96.0.11"), 80, .tcp, 0x100000)])
        set(.loadBalancerFirewall, [.addressPort(virtual, 81, .tcp)])
        facts.table = view
        let nat = RuleTables.Table(
            chains: [
                "KUBE-SERVICES": [
                    "! -s 10.244.0.0/16 -m comment --comment \"a comment -j DROP\" -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
                    "-m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT",
                ],
                "KUBE-MARK-MASQ": ["-j MARK --set-xmark 0x4000/0x4000"],
                "KUBE-POSTROUTING": [
                    "-m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE", "-m mark ! --mark 0x4000/0x4000 -j RETURN",
                    "-j MARK --set-xmark 0x4000/0x0", "-j MASQUERADE --random-fully",
                ],
            ],
            jumps: [
                .init(from: "PREROUTING", "-j KUBE-SERVICES"), .init(from: "OUTPUT", "-j KUBE-SERVICES"),
                .init(from: "POSTROUTING", "-j KUBE-POSTROUTING"),
            ])
        let filter = RuleTables.Table(
            chains: ["KUBE-PROXY-FIREWALL": ["-m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j DROP"]],
            jumps: [.init(from: "INPUT", "-j KUBE-PROXY-FIREWALL")])
        let mangle = RuleTables.Table(
            chains: ["IPVS-AGENT-PREROUTING": ["-s 10.244.0.0/16 -j SET --map-set IPVS-AGENT-INSIDE-MARK dst,dst --map-mark"]],
            jumps: [.init(from: "PREROUTING", "-j IPVS-AGENT-PREROUTING")])
        facts.rules = [.ipv4: RuleTables(["nat": nat, "filter": filter, "mangle": mangle])]
        return facts
    }

    private static func server(
        _ address: String, weight: Int32 = 1, active: UInt32 = 0, inactive: UInt32 = 0, _ method: ForwardingMethod = .masquerade
    ) -> ObservedRealServer {
        ObservedRealServer(
            server: RealServer(.init(Samples.ip(address), port: 8080), .init(forwarding: method, weight: weight)), statistics: .init(),
            connections: .init(active: active, inactive: inactive, persistent: 0))
    }

    private static let two = [server("10.244.0.2", weight: 2), server("10.244.0.3")]

    private static func trace(
        _ client: String, to destination: String = "10.96.0.10", port: UInt16 = 80, _ facts: NodeFactsRead = TraceTests.facts(),
        _ servers: [ObservedRealServer] = TraceTests.two
    ) -> Trace {
        let packet = TracedPacket(
            transport: .tcp, source: Samples.ip(client), sourcePort: 40000, destination: Samples.ip(destination), destinationPort: port,
            isFromHere: false)
        let approach = Approach(packet, facts)
        return Trace(approach, servers: servers, templates: [], facts)
    }

    private static func hop(_ name: String, _ trace: Trace) -> TraceHop? { trace.hops.first { $0.hop == name } }

    @Test(arguments: OutputFormat.allCases) func aTrace(_ format: OutputFormat) throws {
        try Golden.check(ItemList(items: Self.trace("192.0.2.100").hops).text(format), "trace.\(format)")
    }

    @Test(arguments: OutputFormat.allCases) func aTraceWithWhatWasSeen(_ format: OutputFormat) throws {
        let trace = Self.trace("192.0.2.100")
        let client = IPVSConnection.SocketAddress(Samples.ip("192.0.2.100"), port: 40000)
        let server = RealServer.Key(Samples.ip("10.244.0.9"), port: 8080)
        let entry = IPVSConnection(
            .tcp, client: client, virtual: .init(Self.virtual, port: 80), realServer: server, state: .established, secondsLeft: 900)
        let flow = TrackedFlow(
            transport: .tcp, client: .init(client.address, port: 40000), destination: .init(Self.virtual, port: 80),
            server: .init(server.address, port: 8080))
        let live = LiveConnection(
            result: .answered, entry: entry, flow: FlowLook(flow, answersTo: .init(Samples.ip("192.0.2.10"), port: 4711)))
        let comparison = LiveComparison(trace, live, client: client.address)
        #expect(comparison.differs, "another server took it")
        #expect(comparison.hops.first { $0.hop == "source" }?.differs == false)
        try Golden.check(ItemList(items: comparison.hops).text(format), "trace-live.\(format)")
    }

    @Test func theSourceIsThatOfTheRules() {
        #expect(Self.trace("192.0.2.100").forecast.isMasqueraded == true)
        #expect(Self.trace("10.244.7.7").forecast.isMasqueraded == false)
        #expect(Self.trace("192.0.2.100", Self.facts(tracked: false)).forecast.isMasqueraded == false)
        // A pod that may be given itself: only then it is masqueraded.
        #expect(Self.trace("10.244.0.2", Self.facts(.roundRobin)).forecast.isMasqueraded == nil)
        #expect(Self.trace("10.244.0.2", Self.facts(), [Self.server("10.244.0.2")]).forecast.isMasqueraded == true)
    }

    @Test func marksLeadToTheirVirtualServer() {
        let inside = Self.trace("10.244.7.7", to: "10.96.0.11")
        #expect(Self.hop("virtual server", inside)?.happens.hasPrefix("fwmark 1048576") == true, "\(inside.hops)")
        #expect(Self.hop("mark", inside)?.happens.contains("0x100000") == true)
        #expect(Self.trace("192.0.2.100", to: "10.96.0.11").forecast.end == .unbalanced)
    }

    @Test func whatEndsIsTold() {
        #expect(Self.trace("192.0.2.100", to: "10.96.0.12").forecast.end == .elsewhere)
        #expect(Self.trace("192.0.2.100", port: 81).forecast.end == .dropped)
        #expect(Self.trace("192.0.2.100", Self.facts(), []).forecast.end == .refused)
        #expect(Self.trace("192.0.2.100", Self.facts(), [Self.server("10.244.0.2", weight: 0)]).forecast.end == .refused)
        for trace in [Self.trace("192.0.2.100", to: "10.96.0.12"), Self.trace("192.0.2.100", port: 81)] {
            #expect(trace.hops.last?.fate == .ends)
        }
    }

    @Test func countsChoose() {
        func choice(_ scheduler: Scheduler, _ servers: [ObservedRealServer]) -> [String] {
            Self.trace("192.0.2.100", Self.facts(scheduler), servers).forecast.servers.map { "\($0.address)" }
        }
        let busy = [
            Self.server("10.0.0.1", weight: 1, active: 2), Self.server("10.0.0.2", weight: 9, active: 5),
            Self.server("10.0.0.3", weight: 1, inactive: 300),
        ]
        #expect(choice(.leastConnection, busy) == ["10.0.0.3"])
        #expect(choice(.weightedLeastConnection, busy) == ["10.0.0.2"])
        #expect(choice(.shortestExpectedDelay, busy) == ["10.0.0.2"])
        #expect(choice(.neverQueue, busy) == ["10.0.0.3"])
        #expect(choice(.weightedFailover, busy) == ["10.0.0.2"])
        #expect(choice(.overflow, busy) == ["10.0.0.2"])
        #expect(choice(.roundRobin, busy).count == 3)
        #expect(choice(.maglevHashing, busy + [Self.server("10.0.0.4", weight: 0)]).count == 3, "a weight of before is not knowable")
    }

    /// Places are shared out by weight, and a place is one server's.
    @Test func maglevSharesByWeight() {
        let servers = [Self.server("10.0.0.1", weight: 6), Self.server("10.0.0.2", weight: 3), Self.server("10.0.0.3", weight: 3)]
        let hashing = MaglevHashing(servers, flags: [])
        var counts: [IPAddress: Int] = [:]
        for number in 0..<8192 {
            let server = hashing.server(for: IPAddress(ipv4: 0x0a00_0000 + UInt32(number)), port: 0)
            counts[server?.server.key.address ?? Samples.ip("0.0.0.0"), default: 0] += 1
        }
        #expect(counts.count == 3)
        #expect((3700...4500).contains(counts[Samples.ip("10.0.0.1")] ?? 0), "\(counts)")
    }

    /// Whatever stands in a rule, it is read to its end.
    @Test func anyRuleIsRead() {
        for rule in ["", "-j", "-m set --match-set", "! ! !", "-j SET --map-set", "--mark 0xzz -j MARK --set-xmark", "\"", "-j LOOP"] {
            var facts = Self.facts()
            facts.rules?[.ipv4]?.tables["nat"]?.chains["KUBE-SERVICES"] = [rule]
            facts.rules?[.ipv4]?.tables["nat"]?.chains["LOOP"] = ["-j LOOP", "-j LOOP"]
            #expect(!Self.trace("192.0.2.100", facts).hops.isEmpty)
        }
    }
}
