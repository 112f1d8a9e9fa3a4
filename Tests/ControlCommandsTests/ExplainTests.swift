import ArgumentParser
import IPVS
import Links
import NodeModel
import PacketRules
import Telemetry
import Testing
import VirtualServerDocuments

@testable import ControlCommands

@Suite struct ExplainTests {
    /// A node on which all is well.
    private static var good: NodeFactsRead {
        var facts = NodeFactsRead()
        facts.kernel = KernelVersion(6, 1)
        facts.information = IPVSInformation(version: .init(major: 1, minor: 2, patch: 1), connectionTableSize: 4096)
        facts.servers = [Samples.table[0]]
        facts.sysctls = [
            "net.ipv4.ip_forward": "1", "net.ipv4.vs.conntrack": "1", "net.ipv4.vs.conn_reuse_mode": "1",
            "net.ipv4.vs.expire_nodest_conn": "1",
            "net.ipv4.vs.expire_quiescent_template": "1", "net.ipv4.vs.run_estimation": "1", "net.ipv4.conf.all.rp_filter": "0",
        ]
        let chains = ["KUBE-SERVICES": ["-j RETURN"], "KUBE-POSTROUTING": ["-j RETURN"]]
        let jumps = ["PREROUTING", "OUTPUT", "POSTROUTING"].map { RuleTables.Jump(from: $0, "-j KUBE-SERVICES") }
        facts.rules = [.ipv4: RuleTables(["nat": .init(chains: chains, jumps: jumps)])]
        var view = NodeView(
            links: NodeLinks(
                links: [Link(index: 3, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true)],
                addresses: [LinkAddress(Samples.ip("10.96.0.10"), prefixLength: 32, linkIndex: 3)]))
        view.state.addresses = [Samples.ip("10.96.0.10")]
        view.state.sets[SetKey(.clusterIP, .ipv4)] = ObservedSet(
            typeName: "hash:ip,port", family: .ipv4, maximumEntries: 65536, entries: [.addressPort(Samples.ip("10.96.0.10"), 80, .tcp)])
        facts.table = view
        facts.links = view.links.links
        (facts.connections, facts.conntrackCount, facts.conntrackMaximum) = (100, 100, 1000)
        return facts
    }

    private static func findings(_ change: (inout NodeFactsRead) -> Void) -> [Finding] {
        var facts = good
        change(&facts)
        return Diagnosis(facts).findings
    }

    @Test func aGoodNodeHasNothingWrong() {
        #expect(Self.findings { _ in }.allSatisfy { $0.gravity == .good }, "\(Self.findings { _ in }.filter { $0.gravity != .good })")
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        var about: String
        var gravity: Finding.Gravity
        var change: @Sendable (inout NodeFactsRead) -> Void
        var testDescription: String { about }
    }

    @Test(arguments: [
        Fault(about: "IPVS", gravity: .wrong) { $0.information = nil },
        Fault(about: "net.ipv4.ip_forward", gravity: .wrong) { $0.sysctls["net.ipv4.ip_forward"] = "0" },
        Fault(about: "net.ipv4.vs.conntrack", gravity: .wrong) { $0.sysctls["net.ipv4.vs.conntrack"] = "0" },
        Fault(about: "net.ipv4.vs.conn_reuse_mode", gravity: .wrong) { $0.sysctls["net.ipv4.vs.conn_reuse_mode"] = "0" },
        Fault(about: "net.ipv4.vs.conn_reuse_mode", gravity: .doubtful) {
            $0.sysctls["net.ipv4.vs.conn_reuse_mode"] = "0"
            $0.kernel = KernelVersion(4, 19)
        },
        Fault(about: "net.ipv4.vs.conn_reuse_mode", gravity: .doubtful) { $0.kernel = KernelVersion(5, 8) },
        Fault(about: "net.ipv4.vs.expire_nodest_conn", gravity: .doubtful) { $0.sysctls["net.ipv4.vs.expire_nodest_conn"] = "0" },
        Fault(about: "run_estimation", gravity: .doubtful) { $0.sysctls["net.ipv4.vs.run_estimation"] = "0" },
        Fault(about: "rp_filter", gravity: .doubtful) {
            $0.links.append(Link(index: 4, name: "eth0", kind: nil, isUp: true, noARP: false))
            $0.sysctls["net.ipv4.conf.all.rp_filter"] = "1"
        },
        Fault(about: "rp_filter", gravity: .wrong) {
            $0.links.append(Link(index: 4, name: "tunl0", kind: "ipip", isUp: true, noARP: true))
            $0.sysctls["net.ipv4.conf.tunl0.rp_filter"] = "1"
        },
        Fault(about: "arp_ignore", gravity: .doubtful) {
            $0.links.append(Link(index: 4, name: "d0", kind: "dummy", isUp: true, noARP: false))
        },
        Fault(about: "net.bridge.bridge-nf-call-iptables", gravity: .wrong) {
            $0.links.append(Link(index: 4, name: "cni0", kind: "bridge", isUp: true, noARP: false))
        },
        Fault(about: "iptables", gravity: .doubtful) { $0.ruleWarnings = ["rules stand in both"] },
        Fault(about: "kube-proxy's iptables mode", gravity: .wrong) { $0.iptablesModeChains = [.nft: 12] },
        Fault(about: "kube-proxy's nftables mode", gravity: .wrong) { $0.nftablesFamilies = [.ipv4, .ipv6] },
        Fault(about: "sets", gravity: .wrong) { $0.table?.setProblem = "no such subsystem" },
        Fault(about: "estimators", gravity: .doubtful) {
            $0.kernel = KernelVersion(6, 1)
            $0.servers = (0..<21_000).map { number in
                let key = VirtualServer.Key.address(IPAddress(ipv4: UInt32(number)), port: 80, .tcp)
                return (ObservedVirtualServer(server: VirtualServer(key, .init(scheduler: .roundRobin)), statistics: .init()), [])
            }
        },
        Fault(about: "kube-proxy", gravity: .wrong) { ($0.programs, $0.agentAnswers) = (["kube-proxy (process 7)"], true) },
        Fault(about: "other programs", gravity: .doubtful) { $0.programs = ["keepalived (process 7)"] },
        Fault(about: "connection table", gravity: .doubtful) { $0.connections = 100_000 },
        Fault(about: "conntrack", gravity: .wrong) { $0.conntrackCount = 990 },
        Fault(about: "set KUBE-CLUSTER-IP", gravity: .doubtful) {
            $0.table?.state.sets[SetKey(.clusterIP, .ipv4)]?.maximumEntries = 1
        },
    ])
    func aFaultIsFound(_ fault: Fault) {
        let found = Self.findings(fault.change)
        #expect(found.contains { $0.about == fault.about && $0.gravity == fault.gravity }, "\(found)")
        #expect(found.first?.gravity == found.map(\.gravity).min(), "what is wrong comes first")
    }

    /// A node with several things wrong, in every format.
    @Test(arguments: OutputFormat.allCases) func aDoctorsFindings(_ format: OutputFormat) throws {
        let found = Self.findings { facts in
            facts.sysctls["net.ipv4.vs.conn_reuse_mode"] = "0"
            facts.iptablesModeChains = [.legacy: 12]
            facts.nftablesFamilies = [.ipv4, .ipv6]
            facts.ruleWarnings = ["rules stand in both back ends of iptables, and both act: legacy is used, 7 rules and chains are in nft"]
            facts.sysctls["net.ipv4.vs.run_estimation"] = "0"
            facts.connections = 100_000
        }
        try Golden.check(ItemList(items: found).text(format), "doctor.\(format)")
    }

    private static func reasons(
        _ key: VirtualServer.Key = Samples.web, observed: Bool = true, servers: [ObservedRealServer] = Samples.table[0].1,
        _ knowledge: AgentKnowledge = Samples.knowledge, _ change: (inout NodeFactsRead) -> Void = { _ in }
    ) -> [Finding] {
        var facts = good
        change(&facts)
        return Reasons(key: key, observed: observed ? Samples.table[0].0 : nil, realServers: servers, knowledge: knowledge, facts: facts)
            .findings
    }

    @Test func whatIsWrongComesFirst() throws {
        for format in OutputFormat.allCases { try Golden.check(ItemList(items: Self.reasons()).text(format), "why.\(format)") }
        #expect(Self.reasons(observed: false, servers: [])[0].gravity == .wrong)
        #expect(Self.reasons(servers: [])[0].about == "desired")
        #expect(Self.reasons(servers: []).contains { $0.message.contains("there are none") })
    }

    @Test func everyLayerIsLookedAt() {
        func about(_ name: String, _ findings: [Finding]) -> Finding.Gravity? { findings.first { $0.about == name }?.gravity }
        #expect(about("address", Self.reasons()) == .good)
        #expect(about("address", Self.reasons { $0.table?.state.addresses = [] }) == .wrong)
        #expect(about("sets", Self.reasons()) == .good)
        #expect(about("sets", Self.reasons { $0.table?.state.sets[SetKey(.clusterIP, .ipv4)]?.entries = [] }) == .wrong)
        #expect(about("rules", Self.reasons()) == .good)
        #expect(about("rules", Self.reasons { $0.rules?[.ipv4]?.tables["nat"]?.jumps.removeFirst() }) == .wrong)
        #expect(about("rules", Self.reasons { $0.rules = [:] }) == .doubtful)
        #expect(about("desired", Self.reasons(Samples.web, Samples.silence)) == .unknown)
        #expect(about("net.ipv4.ip_forward", Self.reasons { $0.sysctls["net.ipv4.ip_forward"] = "0" }) == .wrong)
    }

    @Test func namesOfBackendsBecomePaths() throws {
        func target(_ text: String) throws -> String {
            let (scope, key) = try HandArguments.parse([text]).target()
            return AgentSocket.path(scope, key)
        }
        #expect(try target("web") == "/v1/admin/service/default/web")
        #expect(try target("kube-system/dns") == "/v1/admin/service/kube-system/dns")
        #expect(try target("10.244.0.2") == "/v1/admin/address/10.244.0.2")
        #expect(try target("default/web/10.244.0.2:8080") == "/v1/admin/endpoint/default/web/10.244.0.2:8080")
        #expect(try target("default/web/[fd00::2]:8080") == "/v1/admin/endpoint/default/web/%5Bfd00::2%5D:8080")
        #expect(throws: (any Error).self) { try target("default/web/nosuch") }
    }
}
