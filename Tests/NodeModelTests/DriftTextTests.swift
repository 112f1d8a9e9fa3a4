import Addresses
import IPVSModel
import NodeModel
import Testing

@Suite struct DriftTextTests {
    private static func ip(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(ipv4: 0) }
    private static let key = VirtualServer.Key.address(ip("fd00::a"), port: 53, .udp)
    private static let real = RealServer.Key(ip("fd00:1::1"), port: 53)
    private static func server(_ realServers: [RealServer.Key: RealServer.Configuration] = [:]) -> VirtualServerState {
        VirtualServerState(.init(scheduler: .roundRobin), realServers: realServers)
    }
    private static var changed: VirtualServerState {
        VirtualServerState(
            .init(
                scheduler: .sourceHashing, schedulerFlags: .port, persistence: .init(timeout: 60, granularity: .prefixLength(64)),
                persistenceEngine: "sip", onePacket: true))
    }
    private static func rules(_ rules: [String], jumps: [RuleTables.Jump] = []) -> RuleTables {
        RuleTables(["nat": .init(chains: ["KUBE-SERVICES": rules], jumps: jumps)])
    }

    private static let table: [(drift: Drift, text: String)] = [
        (.virtualServer(key, left: server([real: .init()]), found: nil), "virtual server udp [fd00::a]:53 is gone, with its real server"),
        (.virtualServer(key, left: server(), found: nil), "virtual server udp [fd00::a]:53 is gone"),
        (
            .virtualServer(key, left: nil, found: server([real: .init()])),
            "virtual server udp [fd00::a]:53 has appeared (rr), with its real server"
        ),
        (
            .virtualServer(key, left: server(), found: changed),
            "virtual server udp [fd00::a]:53: scheduler sh instead of rr, scheduler flags port instead of none, "
                + "persistence of 60s /64 instead of no persistence, persistence engine sip instead of none, "
                + "one-packet scheduling on instead of off"
        ),
        (
            .virtualServer(
                key, left: server([real: .init(weight: 1)]),
                found: server([real: .init(forwarding: .direct, weight: 0, upperThreshold: 9, lowerThreshold: 3)])),
            "virtual server udp [fd00::a]:53: real server [fd00:1::1]:53 has forwarding direct instead of masquerade, "
                + "real server [fd00:1::1]:53 has weight 0 instead of 1, "
                + "real server [fd00:1::1]:53 has connection thresholds 3…9 instead of 0…0"
        ),
        (
            .virtualServer(
                key,
                left: server(Dictionary(uniqueKeysWithValues: (1...8).map { (RealServer.Key(ip("fd00:1::\($0)"), port: 53), .init()) })),
                found: server()),
            "virtual server udp [fd00::a]:53: real server [fd00:1::1]:53 is gone, real server [fd00:1::2]:53 is gone, "
                + "real server [fd00:1::3]:53 is gone, real server [fd00:1::4]:53 is gone, real server [fd00:1::5]:53 is gone "
                + "and 3 more differences"
        ),
        (.set(SetKey(.clusterIP, .ipv4), left: nil, found: nil), "set KUBE-CLUSTER-IP is gone"),
        (
            .set(
                SetKey(.clusterIP, .ipv4), left: ObservedSet(typeName: "hash:ip,port", family: .ipv4, maximumEntries: 1),
                found: ObservedSet(typeName: "hash:net", family: .ipv6, maximumEntries: 1)),
            "set KUBE-CLUSTER-IP is hash:net of IPv6 instead of hash:ip,port of IPv4"
        ),
        (
            .set(
                SetKey(.clusterIP, .ipv4), left: ObservedSet(typeName: "hash:ip,port", family: .ipv4, maximumEntries: 65536),
                found: ObservedSet(typeName: "hash:ip,port", family: .ipv4, maximumEntries: 6)),
            "set KUBE-CLUSTER-IP has room for 6 entries instead of 65536"
        ),
        (
            .entries(SetKey(.nodePortTCP, .ipv4), gone: (1...7).map { .port($0) }, new: [.port(9)]),
            "7 entries are gone from set KUBE-NODE-PORT-TCP: 1 2 3 4 5 …; entry 9 is new in set KUBE-NODE-PORT-TCP"
        ),
        (
            .rules(.ipv4, left: rules(["-j A", "-j B"]), found: rules([])),
            "rules of IPv4 table nat: chain KUBE-SERVICES was emptied (2 rules gone)"
        ),
        (.rules(.ipv6, left: rules(["-j A"]), found: RuleTables()), "rules of IPv6 table nat: chain KUBE-SERVICES is gone (1 rule)"),
        (
            .rules(.ipv4, left: rules(["-j A", "-j B"]), found: rules(["-j B", "-j C"])),
            #"rules of IPv4 table nat: chain KUBE-SERVICES: rule "-j A" is gone, rule "-j C" is new"#
        ),
        (
            .rules(.ipv4, left: rules(["-j A", "-j B"]), found: rules(["-j B", "-j A"])),
            "rules of IPv4 table nat: chain KUBE-SERVICES: the rules stand in another order"
        ),
        (
            .rules(.ipv4, left: rules([], jumps: [.init(from: "PREROUTING", "-j KUBE-SERVICES")]), found: rules([])),
            #"rules of IPv4 table nat: the jump from PREROUTING is gone ("-j KUBE-SERVICES")"#
        ),
        (
            .rules(
                .ipv4, left: rules([], jumps: [.init(from: "OUTPUT", "-j A"), .init(from: "OUTPUT", "-j B")]),
                found: rules([], jumps: [.init(from: "OUTPUT", "-j B"), .init(from: "OUTPUT", "-j A")])),
            "rules of IPv4 table nat: the jumps from OUTPUT stand in another order"
        ),
    ]

    /// The kernel names built-in chains in its own order: what differs in that alone is the same.
    @Test func jumpsFromDifferentChainsHaveNoOrder() {
        let jumps = [("PREROUTING", "-j A"), ("PREROUTING", "-j B"), ("OUTPUT", "-j A")].map { RuleTables.Jump(from: $0, $1) }
        #expect(Self.rules([], jumps: jumps) == Self.rules([], jumps: [jumps[2], jumps[0], jumps[1]]))
        #expect(Self.rules([], jumps: jumps) != Self.rules([], jumps: [jumps[1], jumps[0], jumps[2]]))
        #expect(Self.rules([], jumps: jumps) != Self.rules([], jumps: [jumps[0], jumps[1]]))
    }

    @Test(arguments: table.indices) func saysFromWhatToWhat(_ index: Int) {
        #expect(Self.table[index].drift.description == Self.table[index].text)
    }
}
