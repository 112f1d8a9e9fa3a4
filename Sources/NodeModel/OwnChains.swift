/// The chains of packet filter rules that are ours: those of kube-proxy's IPVS mode, whose place we take, and our own in the table mangle.
///
/// `KUBE-FIREWALL`, `KUBE-KUBELET-CANARY` and `KUBE-IPTABLES-HINT` are kubelet's, and are not among them.
package enum OwnChains {
    package static let byTable: [String: Set<String>] = [
        "nat": ["KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-LOAD-BALANCER", "KUBE-NODE-PORT"],
        "filter": [
            "KUBE-FORWARD", "KUBE-NODE-PORT", "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL", "KUBE-IPVS-FILTER",
            "KUBE-IPVS-OUT-FILTER",
        ],
        "mangle": ["IPVS-AGENT-PREROUTING", "IPVS-AGENT-OUTPUT", "IPVS-AGENT-SOURCE-RANGES", "IPVS-AGENT-POSTROUTING"],
    ]

    package static func contains(_ chain: String, table: String) -> Bool { byTable[table]?.contains(chain) ?? false }
}
