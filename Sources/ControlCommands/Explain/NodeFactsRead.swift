import CommandSupport
import FoundationEssentials
import IPVS
import Links
import NodeModel
import PacketRules
import Sysctls

/// What a node is, as far as balancing depends on it. Judged by pure functions; each part that could not be seen is nil.
struct NodeFactsRead {
    var kernel: KernelVersion?
    var sysctls: [String: String] = [:]
    var links: [Link] = []
    /// Names of loaded modules; nil where they cannot be read.
    var modules: Set<String>?
    var rules: [AddressFamily: RuleTables]?
    var ruleWarnings: [String] = []
    var ruleProblem: String?
    /// Chains of kube-proxy's iptables mode, by back end.
    var iptablesModeChains: [RuleBackEnd: Int] = [:]
    /// The families in which the table of kube-proxy's nftables mode stands.
    var nftablesFamilies: [AddressFamily] = []
    var servers: [(ObservedVirtualServer, [ObservedRealServer])]?
    var information: IPVSInformation?
    var connections: Int?
    var table: NodeView?
    var programs: [String] = []
    var agentAnswers = false
    var conntrackCount: Int?
    var conntrackMaximum: Int?

    /// The settings that are looked at.
    static let names = [
        "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.vs.conntrack", "net.ipv4.vs.conn_reuse_mode",
        "net.ipv4.vs.expire_nodest_conn", "net.ipv4.vs.expire_quiescent_template", "net.ipv4.vs.run_estimation",
        "net.ipv4.conf.all.rp_filter",
        "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce", "net.bridge.bridge-nf-call-iptables",
        "net.bridge.bridge-nf-call-ip6tables", "net.ipv4.ip_local_port_range", "net.ipv4.conf.all.route_localnet",
    ]

    /// Looks at the node. Counting connections and reading the real servers of every virtual server take long where there are many.
    static func read(
        _ kernel: KernelOptions, dummy: String, connections wantsConnections: Bool, realServers: Bool = true
    ) async -> NodeFactsRead {
        var facts = NodeFactsRead()
        facts.kernel = KernelVersion.running
        let files = SysctlFiles()
        // Settings of IPVS are there when it is loaded, which asking for the table does.
        if let servers = try? kernel.withKernel({ (handle) throws(IPVSError) in
            facts.information = try handle.information()
            if realServers { return try KernelTable.whole(&handle) }
            return try handle.virtualServers().map { ($0, []) }
        }) {
            facts.servers = servers
        }
        facts.table = try? NodeView.read(dummy: dummy)
        facts.links = facts.table?.links.links ?? []
        facts.modules = moduleNames()
        for name in names { if let value = try? files.read(name) { facts.sysctls[name] = value } }
        for link in facts.links where link.isUp {
            let name = "net.ipv4.conf.\(link.name).rp_filter"
            if !link.name.contains("."), let value = try? files.read(name) { facts.sysctls[name] = value }
        }
        do throws(RuleError) {
            let tool = try await PacketRuleTool.choose(families: [.ipv4])
            facts.ruleWarnings = tool.warnings.map(\.description)
            facts.iptablesModeChains = tool.surveys.mapValues(\.iptablesModeChains).filter { $0.value > 0 }
            facts.rules = try await tool.observe([.ipv4])
            if let six = try? await tool.observe([.ipv6]) { facts.rules?.merge(six) { $1 } }
        } catch {
            facts.ruleProblem = "\(error)"
        }
        facts.nftablesFamilies = AddressFamily.allCases.filter { (try? NFTables.names($0))?.contains("kube-proxy") ?? false }
        if wantsConnections, let count = try? countConnections() { facts.connections = count }
        facts.conntrackCount = (try? files.read("net.netfilter.nf_conntrack_count")).flatMap { Int($0) }
        facts.conntrackMaximum = (try? files.read("net.netfilter.nf_conntrack_max")).flatMap { Int($0) }
        facts.programs = Owners.running()
        return facts
    }

    private static func countConnections() throws(IPVSError) -> Int {
        var reader = try IPVSConnectionReader()
        var count = 0
        while try reader.next() != nil { count += 1 }
        return count
    }

    private static func moduleNames() -> Set<String>? {
        guard let data = try? Data(contentsOf: URL(filePath: "/proc/modules")) else { return nil }
        return Set(
            String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
    }
}
