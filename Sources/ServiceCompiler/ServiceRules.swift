import Addresses
import NodeModel

/// The rules of one family: a fixed number, whatever services there are, because sets hold what changes.
///
/// Chains, order and comments are those of kube-proxy's IPVS mode (seen on 1.36.2), so that its state is adopted without a
/// change. Where it writes a rule only while a set has entries, it is written always here: an empty set matches nothing,
/// and no change of a service ever has to start a process.
struct ServiceRules {
    let family: AddressFamily
    let settings: CompilerSettings
    let node: NodeFacts

    var tables: RuleTables {
        RuleTables(["nat": nat, "filter": filter, "mangle": InsideRules(family: family, settings: settings, node: node).table])
    }

    private var nat: RuleTables.Table {
        RuleTables.Table(
            chains: [
                "KUBE-SERVICES": [
                    "-s \(family == .ipv4 ? "127.0.0.0/8" : "::1/128") -j RETURN",
                    "\(comment("Kubernetes service lb portal")) \(matching(.loadBalancer, "dst,dst")) -j KUBE-LOAD-BALANCER",
                    clusterAddressMasquerade,
                    "\(externalAddress) -j KUBE-MARK-MASQ",
                    "\(externalAddress) -m addrtype --dst-type LOCAL -j ACCEPT",
                    "\(comment("Kubernetes service external ip + port with externalTrafficPolicy=local")) "
                        + "\(matching(.externalIPLocal, "dst,dst")) -m addrtype --dst-type LOCAL -j ACCEPT",
                    "-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
                    // Ends the walk here, before other owners' rules for host ports can send it elsewhere.
                    "\(matching(.clusterIP, "dst,dst")) -j ACCEPT",
                    "\(matching(.loadBalancer, "dst,dst")) -j ACCEPT",
                ],
                "KUBE-POSTROUTING": [
                    "-m comment --comment \"Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose\" "
                        + "\(matching(.loopBack, "dst,dst,src")) -j MASQUERADE"
                ] + podEgress + [
                    "-m mark ! --mark \(mark)/\(mark) -j RETURN",
                    // Clears the mark, so that the packet is not masqueraded again if it passes once more.
                    "-j MARK --set-xmark \(mark)/0x0",
                    "-m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully",
                ],
                "KUBE-MARK-MASQ": ["-j MARK --set-xmark \(mark)/\(mark)"],
                "KUBE-LOAD-BALANCER": [
                    "\(comment("Kubernetes service load balancer ip + port with externalTrafficPolicy=local")) "
                        + "\(matching(.loadBalancerLocal, "dst,dst")) -j RETURN",
                    "-j KUBE-MARK-MASQ",
                ],
                "KUBE-NODE-PORT": nodePort(.tcp, .nodePortLocalTCP, .nodePortTCP, "dst")
                    + nodePort(.udp, .nodePortLocalUDP, .nodePortUDP, "dst")
                    + nodePort(.sctp, .nodePortLocalSCTP, .nodePortSCTP, "dst,dst"),
            ],
            jumps: [
                .init(from: "PREROUTING", "-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES"),
                .init(from: "OUTPUT", "-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES"),
                .init(from: "POSTROUTING", "-m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING"),
            ])
    }

    private var filter: RuleTables.Table {
        let unreachable = family == .ipv4 ? "icmp-port-unreachable" : "icmp6-port-unreachable"
        let served: [ServiceSet] = [.loadBalancer, .clusterIP, .externalIP, .externalIPLocal]
        return RuleTables.Table(
            chains: [
                "KUBE-FORWARD": [
                    "-m comment --comment \"kubernetes forwarding rules\" -m mark --mark \(mark)/\(mark) -j ACCEPT",
                    "-m comment --comment \"kubernetes forwarding conntrack rule\" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                ],
                "KUBE-NODE-PORT": [
                    "-m comment --comment \"Kubernetes health check node port\" \(matching(.healthCheckNodePort, "dst")) -j ACCEPT"
                ],
                "KUBE-PROXY-FIREWALL": [
                    "\(comment("Kubernetes service load balancer ip + port for load balancer with sourceRange")) "
                        + "\(matching(.loadBalancerFirewall, "dst,dst")) -j KUBE-SOURCE-RANGES-FIREWALL"
                ],
                "KUBE-SOURCE-RANGES-FIREWALL": sourceRanges,
                // An address on the dummy link makes every port of this node answer there. What is no service's is refused.
                "KUBE-IPVS-FILTER": [noLocalEndpoint] + served.map { "\(matching($0, "dst,dst")) -j RETURN" } + [
                    "\(matching(.healthCheckNodePort, "dst")) -j RETURN",
                    "-m conntrack --ctstate NEW \(matching(.boundAddresses, "dst")) -j REJECT --reject-with \(unreachable)",
                ],
                "KUBE-IPVS-OUT-FILTER": [],
            ],
            jumps: [
                .init(from: "INPUT", "-m comment --comment \"kubernetes ipvs access filter\" -j KUBE-IPVS-FILTER"),
                .init(from: "INPUT", "-m comment --comment \"kube-proxy firewall rules\" -j KUBE-PROXY-FIREWALL"),
                .init(from: "INPUT", "-m comment --comment \"kubernetes health check rules\" -j KUBE-NODE-PORT"),
                .init(from: "FORWARD", "-m comment --comment \"kube-proxy firewall rules\" -j KUBE-PROXY-FIREWALL"),
                .init(from: "FORWARD", "-m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD"),
                .init(from: "OUTPUT", "-m comment --comment \"kubernetes ipvs access filter\" -j KUBE-IPVS-OUT-FILTER"),
            ])
    }

    private var externalAddress: String {
        "\(comment("Kubernetes service external ip + port for masquerade and filter purpose")) \(matching(.externalIP, "dst,dst"))"
    }

    /// Where a Service with `externalTrafficPolicy: Local` has no endpoint here, clients outside get no answer: a load balancer in front of the
    /// nodes asks another one then. (What the node itself sends does not come by here, and pods' packets have another way.)
    private var noLocalEndpoint: String {
        let pods = ServiceRules.pods(family, settings, node).map { "! \($0) " } ?? ""
        return "\(pods)\(comment("Service with externalTrafficPolicy=local and no endpoint on this node")) "
            + "-m conntrack --ctstate NEW \(matching(.noLocalEndpoint, "dst,dst")) -j DROP"
    }

    /// What this node's pods send out of the cluster, where asked for.
    private var podEgress: [String] {
        guard settings.masqueradesPodEgress, let cluster = settings.clusterRanges.first(where: { $0.family == family }) else { return [] }
        let own = node.podRanges.filter { $0.family == family }
        return (own.isEmpty ? [cluster] : own).map {
            "-s \($0) ! -d \(cluster) \(comment("pods to outside the cluster")) -j MASQUERADE --random-fully"
        }
    }

    /// Lets in those that a Service's ranges name; the rest is dropped.
    private var sourceRanges: [String] {
        [
            "\(comment("Kubernetes service load balancer ip + port + source cidr for packet filter purpose")) "
                + "\(matching(.loadBalancerSourceCIDR, "dst,dst,src")) -j RETURN",
            "\(comment("Kubernetes service load balancer ip + port + source IP for packet filter purpose")) "
                + "\(matching(.loadBalancerSourceIP, "dst,dst,src")) -j RETURN",
            "-j DROP",
        ]
    }

    /// What comes to a node port keeps its source only where the endpoint is on this node.
    private func nodePort(_ transport: TransportProtocol, _ local: ServiceSet, _ all: ServiceSet, _ directions: String) -> [String] {
        let name = "Kubernetes nodeport \(transport.description.uppercased()) port"
        // As `iptables-save` writes an apostrophe.
        let kind = transport == .sctp ? #" with type \'hash ip:port\'"# : ""
        return [
            "-p \(transport) \(comment("\(name) with externalTrafficPolicy=local\(kind)")) \(matching(local, directions)) -j RETURN",
            "-p \(transport) \(comment("\(name) for masquerade purpose\(kind)")) \(matching(all, directions)) -j KUBE-MARK-MASQ",
        ]
    }

    private func comment(_ text: String) -> String { "-m comment --comment \"\(text)\"" }

    /// Marks traffic to cluster addresses that must be masqueraded: all of it, or what does not come from this cluster's pods.
    private var clusterAddressMasquerade: String {
        let rest = "-m comment --comment \"Kubernetes service cluster ip + port for masquerade purpose\""
        if settings.masqueradeAll { return "\(rest) \(matching(.clusterIP, "dst,dst")) -j KUBE-MARK-MASQ" }
        guard let notLocal else {
            // Pods cannot be told from others. What remains sure is this node's own traffic, whose source is the virtual address.
            return "\(rest) \(matching(.clusterIP, "src,dst")) -j KUBE-MARK-MASQ"
        }
        return "\(notLocal) \(rest) \(matching(.clusterIP, "dst,dst")) -j KUBE-MARK-MASQ"
    }

    /// The match for packets that do not come from pods; nil where that cannot be told for this family.
    private var notLocal: String? { Self.pods(family, settings, node).map { "! \($0)" } }

    /// The match for packets that come from pods; nil where that cannot be told for this family.
    static func pods(_ family: AddressFamily, _ settings: CompilerSettings, _ node: NodeFacts) -> String? {
        func range(_ ranges: [IPPrefix]) -> String? { ranges.first { $0.family == family }.map { "-s \($0)" } }
        return switch settings.localTraffic {
        case .ranges(let ranges): range(ranges)
        case .nodeRanges: range(node.podRanges)
        case .bridge(let name): "-i \(name)"
        case .interfacePrefix(let prefix): "-i \(prefix)+"
        case .unknown: nil
        }
    }

    private func matching(_ set: ServiceSet, _ directions: String) -> String {
        "-m set --match-set \(set.name(family)) \(directions)"
    }

    private var mark: String { "0x" + String(UInt32(1) << UInt32(settings.masqueradeBit), radix: 16) }
}
