import IPVS
import Links
import NodeModel
import PacketRules

/// What stands in the way of traffic on a node, found by looking at what it is. Pure: facts in, findings out.
struct Diagnosis {
    let facts: NodeFactsRead

    init(_ facts: NodeFactsRead) { self.facts = facts }

    var findings: [Finding] {
        [
            kernel, forwarding, connectionTracking, reuse, expiry, reversePath, addressResolution, bridges, backEnds, leftovers, modules,
            estimators, tables,
        ]
        .flatMap { $0() }.worstFirst
    }

    // MARK: The kernel

    private func kernel() -> [Finding] {
        guard let information = facts.information else {
            return [
                Finding(
                    .wrong, "IPVS", "the kernel's IPVS cannot be asked",
                    remedy: "run as root, and modprobe ip_vs; in a container it has to be loaded on the host")
            ]
        }
        let kernel = facts.kernel.map { " of Linux \($0)" } ?? ""
        return [
            Finding(.good, "IPVS", "version \(information.version)\(kernel), \(information.connectionTableSize) buckets of connections")
        ]
    }

    private var masquerades: Bool {
        facts.servers?.contains { $0.1.contains { $0.server.configuration.forwarding == .masquerade } } ?? false
    }

    private var hasIPv6: Bool { facts.servers?.contains { $0.0.server.key.family == .ipv6 } ?? false }

    private func forwarding() -> [Finding] {
        var findings: [Finding] = []
        switch facts.sysctls["net.ipv4.ip_forward"] {
        case "1": findings.append(Finding(.good, "net.ipv4.ip_forward", "packets are forwarded"))
        case nil: findings.append(Finding(.unknown, "net.ipv4.ip_forward", "cannot be read"))
        default:
            findings.append(
                Finding(
                    masquerades ? .wrong : .doubtful, "net.ipv4.ip_forward", "is off: answers of real servers elsewhere are not passed on",
                    remedy: "sysctl -w net.ipv4.ip_forward=1"))
        }
        if hasIPv6, facts.sysctls["net.ipv6.conf.all.forwarding"] == "0" {
            findings.append(
                Finding(
                    masquerades ? .wrong : .doubtful, "net.ipv6.conf.all.forwarding", "is off, and there are IPv6 virtual servers",
                    remedy: "sysctl -w net.ipv6.conf.all.forwarding=1 (default routes from router advertisements then need accept_ra=2)"))
        }
        return findings
    }

    private func connectionTracking() -> [Finding] {
        switch facts.sysctls["net.ipv4.vs.conntrack"] {
        case "1": return [Finding(.good, "net.ipv4.vs.conntrack", "balanced connections are seen by the packet filter")]
        case nil: return [Finding(.unknown, "net.ipv4.vs.conntrack", "cannot be read")]
        default:
            let hasRules = facts.rules?.values.contains { $0.tables["nat"]?.chains["KUBE-POSTROUTING"]?.isEmpty == false } ?? false
            return [
                Finding(
                    hasRules ? .wrong : .doubtful, "net.ipv4.vs.conntrack",
                    "is off: rules that masquerade do not act on balanced connections", remedy: "sysctl -w net.ipv4.vs.conntrack=1")
            ]
        }
    }

    /// The `conn_reuse_mode` matrix. With 1, a client port that comes back while its old connection is in TIME_WAIT is scheduled anew, but before
    /// Linux 5.9 its first SYN is dropped if conntrack is on (a second of delay); with 0 it goes where the old one went, also to a dead or
    /// drained server (`ip_vs_in` in net/netfilter/ipvs/ip_vs_core.c). Before 4.1 there is no such setting.
    private func reuse() -> [Finding] {
        let name = "net.ipv4.vs.conn_reuse_mode"
        guard let value = facts.sysctls[name], let kernel = facts.kernel else { return [] }
        let isTracked = facts.sysctls["net.ipv4.vs.conntrack"] == "1"
        let isOld = kernel < KernelVersion(5, 9)
        switch (value, isOld) {
        case ("0", false):
            return [
                Finding(
                    .wrong, name, "is 0: a client port that comes back goes to the server that it had, even if that is drained or dead",
                    remedy: "sysctl -w \(name)=1 (Linux \(kernel) has no delay with 1)")
            ]
        case ("0", true):
            return [
                Finding(
                    .doubtful, name, "is 0: right for Linux \(kernel), where 1 costs a second; but reused ports stay with drained servers")
            ]
        case (_, true) where isTracked:
            return [
                Finding(
                    .doubtful, name, "is \(value): before Linux 5.9, with conntrack on, a client port that comes back waits a second",
                    remedy: "sysctl -w \(name)=0, or a kernel from 5.9 on")
            ]
        default: return [Finding(.good, name, "is \(value): right for Linux \(kernel)")]
        }
    }

    private func expiry() -> [Finding] {
        var findings: [Finding] = []
        if facts.sysctls["net.ipv4.vs.expire_nodest_conn"] == "0" {
            findings.append(
                Finding(
                    .doubtful, "net.ipv4.vs.expire_nodest_conn", "is off: connections of a removed real server hang until they time out",
                    remedy: "sysctl -w net.ipv4.vs.expire_nodest_conn=1"))
        }
        let hasPersistence = facts.servers?.contains { $0.0.server.configuration.persistence != nil } ?? false
        if hasPersistence, facts.sysctls["net.ipv4.vs.expire_quiescent_template"] == "0" {
            findings.append(
                Finding(
                    .doubtful, "net.ipv4.vs.expire_quiescent_template",
                    "is off: a persistent client keeps coming to a real server of weight 0",
                    remedy: "sysctl -w net.ipv4.vs.expire_quiescent_template=1"))
        }
        return findings
    }

    // MARK: Networks

    /// Strict reverse path filtering drops the answers of servers that come back by another link. The larger of `all` and the link's own counts
    /// (`IN_DEV_MAXCONF` in linux/inetdevice.h).
    private func reversePath() -> [Finding] {
        guard let all = facts.sysctls["net.ipv4.conf.all.rp_filter"].flatMap({ Int($0) }) else { return [] }
        let strict = facts.links.filter { link in
            let own = facts.sysctls["net.ipv4.conf.\(link.name).rp_filter"].flatMap { Int($0) } ?? 0
            return link.isUp && link.name != "lo" && max(all, own) == 1
        }
        guard !strict.isEmpty else { return [Finding(.good, "rp_filter", "no link filters strictly by the reverse path")] }
        let tunnels = strict.filter { ["ipip", "sit", "gre", "ip6tnl"].contains($0.kind ?? "") }
        let names = strict.prefix(6).map(\.name).joined(separator: ", ") + (strict.count > 6 ? " and \(strict.count - 6) more" : "")
        return [
            Finding(
                tunnels.isEmpty ? .doubtful : .wrong, "rp_filter",
                "is strict on \(names): packets whose answer would leave by another link are dropped"
                    + (tunnels.isEmpty ? "" : ", and so is what comes out of tunnels"),
                remedy: "sysctl -w net.ipv4.conf.LINK.rp_filter=2 where routes are not symmetric")
        ]
    }

    /// An address on the loopback or a link that answers ARP is answered for on every link, unless arp_ignore says otherwise.
    private func addressResolution() -> [Finding] {
        let dummies = facts.links.filter { $0.kind == "dummy" && !$0.noARP }
        let isIgnored = (facts.sysctls["net.ipv4.conf.all.arp_ignore"].flatMap { Int($0) } ?? 0) >= 1
        var findings: [Finding] = []
        if !dummies.isEmpty, !isIgnored {
            findings.append(
                Finding(
                    .doubtful, "arp_ignore", "is 0: this node answers ARP for addresses that only \(dummies[0].name) holds",
                    remedy: "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 where direct routing is used"))
        }
        if isIgnored, facts.sysctls["net.ipv4.conf.all.arp_announce"].flatMap({ Int($0) }) ?? 0 < 2 {
            findings.append(
                Finding(
                    .doubtful, "arp_announce", "is below 2 while arp_ignore is on: requests may still tell neighbours of virtual addresses",
                    remedy: "sysctl -w net.ipv4.conf.all.arp_announce=2"))
        }
        return findings
    }

    private func bridges() -> [Finding] {
        let bridges = facts.links.filter { $0.kind == "bridge" }
        guard let bridge = bridges.first else { return [] }
        var findings: [Finding] = []
        for (name, family, isUsed) in [
            ("net.bridge.bridge-nf-call-iptables", "IPv4", true), ("net.bridge.bridge-nf-call-ip6tables", "IPv6", hasIPv6),
        ] where isUsed && facts.sysctls[name] != "1" {
            findings.append(
                Finding(
                    .wrong, name,
                    "\(facts.sysctls[name] == nil ? "br_netfilter is not loaded" : "is off"): \(family) connections between two pods on \(bridge.name) through a virtual address break",
                    remedy: facts.sysctls[name] == nil ? "modprobe br_netfilter" : "sysctl -w \(name)=1"))
        }
        return findings.isEmpty ? [Finding(.good, "br_netfilter", "bridged packets pass the packet filter")] : findings
    }

    // MARK: Others' traces

    private func backEnds() -> [Finding] {
        if let problem = facts.ruleProblem { return [Finding(.unknown, "iptables", problem)] }
        return facts.ruleWarnings.map { Finding(.doubtful, "iptables", $0, remedy: "remove the rules of the back end that is not used") }
    }

    /// Chains of kube-proxy's iptables mode, and of its nftables mode, beside a virtual server table: both act.
    private func leftovers() -> [Finding] {
        var findings: [Finding] = []
        for (backEnd, count) in facts.iptablesModeChains.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            findings.append(
                Finding(
                    .wrong, "kube-proxy's iptables mode",
                    "left \(count) chains in the \(backEnd.rawValue) back end: they translate connections to Services before IPVS sees them",
                    remedy: "kube-proxy --cleanup with kube-proxy of the version that made them, or start the machine anew"))
        }
        if !facts.nftablesFamilies.isEmpty {
            let families = facts.nftablesFamilies.map { $0 == .ipv4 ? "ip" : "ip6" }
            findings.append(
                Finding(
                    .wrong, "kube-proxy's nftables mode",
                    "left its table in \(families.joined(separator: " and ")): it translates connections to Services before IPVS sees them",
                    remedy: families.map { "nft delete table \($0) kube-proxy" }.joined(separator: "; ")))
        }
        if facts.programs.contains(where: { $0.hasPrefix("kube-proxy") }), facts.agentAnswers {
            findings.append(
                Finding(
                    .wrong, "kube-proxy", "runs beside the agent: two writers undo each other's work",
                    remedy: "take this node out of kube-proxy's DaemonSet, then run its clean-up"))
        }
        for program in facts.programs where !program.hasPrefix("kube-proxy") {
            findings.append(
                Finding(
                    .doubtful, "other programs", "\(program) makes virtual servers, too",
                    remedy: "keep their addresses apart (--ipvs-exclude-cidrs)"))
        }
        return findings
    }

    /// Sets that cannot be read are sets that the agent cannot fill, either.
    private func modules() -> [Finding] {
        var findings: [Finding] = []
        if let problem = facts.table?.setProblem {
            findings.append(Finding(.wrong, "sets", problem, remedy: "modprobe -a ip_set ip_set_hash_ipport xt_set"))
        }
        guard let loaded = facts.modules else { return findings }
        let ours = loaded.filter { name in ["ip_vs", "ip_set", "nf_conntrack", "br_netfilter", "xt_set"].contains(where: name.hasPrefix) }
        if !ours.isEmpty { findings.append(Finding(.good, "modules", "loaded: \(ours.sorted().joined(separator: ", "))")) }
        return findings
    }

    // MARK: Load

    private func estimators() -> [Finding] {
        let count = (facts.servers ?? []).reduce(0) { $0 + 1 + $1.1.count }
        switch facts.sysctls["net.ipv4.vs.run_estimation"] {
        case "0":
            return [
                Finding(
                    .doubtful, "run_estimation", "is off: rates stand still (counters go on)",
                    remedy: "sysctl -w net.ipv4.vs.run_estimation=1")
            ]
        case let value where count > 20_000 && facts.kernel.map({ $0 < KernelVersion(6, 2) }) ?? false:
            return [
                Finding(
                    .doubtful, "estimators", "\(count) of them run in one softirq every 2 s before Linux 6.2: packets wait meanwhile",
                    remedy: value == nil ? "a kernel from 6.2 on" : "sysctl -w net.ipv4.vs.run_estimation=0, or a kernel from 6.2 on")
            ]
        default: return [Finding(.good, "estimators", "\(count) of them")]
        }
    }

    private func tables() -> [Finding] {
        var findings: [Finding] = []
        if let buckets = facts.information?.connectionTableSize, let count = facts.connections, buckets > 0 {
            let perBucket = Double(count) / Double(buckets)
            findings.append(
                perBucket > 8
                    ? Finding(
                        .doubtful, "connection table",
                        "\(count) connections in \(buckets) buckets: every packet searches \(Int(perBucket)) of them",
                        remedy: "load ip_vs with conn_tab_bits=\(Self.bits(for: count))")
                    : Finding(.good, "connection table", "\(count) connections in \(buckets) buckets"))
        }
        if let count = facts.conntrackCount, let maximum = facts.conntrackMaximum, maximum > 0 {
            let share = Double(count) / Double(maximum)
            findings.append(
                share > 0.8
                    ? Finding(
                        share > 0.95 ? .wrong : .doubtful, "conntrack",
                        "\(count) of \(maximum) entries: new connections are dropped when it is full",
                        remedy: "sysctl -w net.netfilter.nf_conntrack_max=\(maximum * 2)")
                    : Finding(.good, "conntrack", "\(count) of \(maximum) entries"))
        }
        for (key, set) in facts.table?.state.sets.sorted(by: { $0.key < $1.key }) ?? [] where set.maximumEntries > 0 {
            if Double(set.entries.count) > 0.9 * Double(set.maximumEntries) {
                findings.append(
                    Finding(
                        .doubtful, "set \(key)", "\(set.entries.count) of \(set.maximumEntries) entries",
                        remedy: "the agent makes room itself when it adds the next"))
            }
        }
        if facts.servers?.count ?? 0 > 5000 {
            findings.append(
                Finding(
                    .doubtful, "virtual servers",
                    "\(facts.servers?.count ?? 0) in the kernel's 256 buckets: every new connection searches them"))
        }
        return findings
    }

    /// Bits of a table with about one connection to a bucket, within what the module takes (8 to 20, more from 2023 on).
    private static func bits(for count: Int) -> Int {
        var bits = 8
        while bits < 20, 1 << bits < count { bits += 1 }
        return bits
    }
}
