package import Addresses

/// The seventeen ipsets of kube-proxy's IPVS mode, whose names and layout are kept so that its users and their tools feel at home; and three of
/// our own.
package enum ServiceSet: UInt8, Hashable, Sendable, CaseIterable {
    case loopBack, clusterIP, externalIP, externalIPLocal, loadBalancer, loadBalancerLocal, loadBalancerFirewall
    case loadBalancerSourceCIDR, loadBalancerSourceIP
    case nodePortTCP, nodePortLocalTCP, nodePortUDP, nodePortLocalUDP, nodePortSCTP, nodePortLocalSCTP
    case healthCheckNodePort, boundAddresses
    /// External addresses and node ports of Services with `externalTrafficPolicy: Local` that have no endpoint on this node.
    case noLocalEndpoint
    /// External addresses and node ports of Services with that policy, each with the mark of the virtual server that traffic from inside the
    /// cluster goes to.
    case insideMark
    /// The addresses and ports that Services serve as a group, each with the mark of the virtual server of all of them.
    case groupMark

    /// The name without its prefix.
    private var stem: String {
        switch self {
        case .loopBack: "LOOP-BACK"
        case .clusterIP: "CLUSTER-IP"
        case .externalIP: "EXTERNAL-IP"
        case .externalIPLocal: "EXTERNAL-IP-LOCAL"
        case .loadBalancer: "LOAD-BALANCER"
        case .loadBalancerLocal: "LOAD-BALANCER-LOCAL"
        case .loadBalancerFirewall: "LOAD-BALANCER-FW"
        case .loadBalancerSourceCIDR: "LOAD-BALANCER-SOURCE-CIDR"
        case .loadBalancerSourceIP: "LOAD-BALANCER-SOURCE-IP"
        case .nodePortTCP: "NODE-PORT-TCP"
        case .nodePortLocalTCP: "NODE-PORT-LOCAL-TCP"
        case .nodePortUDP: "NODE-PORT-UDP"
        case .nodePortLocalUDP: "NODE-PORT-LOCAL-UDP"
        case .nodePortSCTP: "NODE-PORT-SCTP-HASH"
        case .nodePortLocalSCTP: "NODE-PORT-LOCAL-SCTP-HASH"
        case .healthCheckNodePort: "HEALTH-CHECK-NODE-PORT"
        case .boundAddresses: "IPVS-IPS"
        case .noLocalEndpoint: "NO-LOCAL-ENDPOINT"
        case .insideMark: "INSIDE-MARK"
        case .groupMark: "GROUP-MARK"
        }
    }

    /// Whether it is one of kube-proxy's.
    package var isKubeProxys: Bool { self != .noLocalEndpoint && !keepsMarks }

    /// Whether each of its entries carries a packet mark.
    package var keepsMarks: Bool { self == .insideMark || self == .groupMark }

    /// The name in the kernel: `KUBE-…` for IPv4, `KUBE-6-…` for IPv6, `IPVS-AGENT-…` where the set is our own, cut to the 31 bytes that the
    /// kernel takes (`IPSET_MAXNAMELEN` in `linux/netfilter/ipset/ip_set.h` is 32 with the terminating zero).
    package func name(_ family: AddressFamily) -> String {
        String(((isKubeProxys ? "KUBE-" : "IPVS-AGENT-") + (family == .ipv4 ? "" : "6-") + stem).prefix(31))
    }

    /// The set in which one of ours is made anew, with more room, before the two change places. It stands for that moment only.
    package static let leftoverName = "IPVS-AGENT-TEMPORARY"

    package var type: SetType {
        switch self {
        case .loopBack: .hashAddressPortAddress
        case .loadBalancerSourceCIDR: .hashAddressPortNet
        case .loadBalancerSourceIP: .hashAddressPortAddress
        case .boundAddresses: .hashAddress
        case .nodePortTCP, .nodePortLocalTCP, .nodePortUDP, .nodePortLocalUDP, .healthCheckNodePort: .bitmapPort
        default: .hashAddressPort
        }
    }
}

/// The kinds of set that are used, by the names the kernel gives them.
package enum SetType: String, Hashable, Sendable {
    case hashAddress = "hash:ip"
    case hashAddressPort = "hash:ip,port"
    case hashAddressPortAddress = "hash:ip,port,ip"
    case hashAddressPortNet = "hash:ip,port,net"
    case bitmapPort = "bitmap:port"
}

/// One of the sets on this node: which of the twenty, for which family.
package struct SetKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let set: ServiceSet
    package let family: AddressFamily

    package init(_ set: ServiceSet, _ family: AddressFamily) {
        self.set = set
        self.family = family
    }

    package var name: String { self.set.name(family) }
    package var type: SetType { self.set.type }
    package var description: String { name }

    package static func < (left: Self, right: Self) -> Bool {
        left.family != right.family ? left.family < right.family : left.set.rawValue < right.set.rawValue
    }

    private static let byName: [String: SetKey] = {
        let keys = AddressFamily.allCases.flatMap { family in ServiceSet.allCases.map { SetKey($0, family) } }
        return Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0) })
    }()

    /// The set of this name; nil where the name is none of ours.
    package init?(name: String) {
        guard let key = Self.byName[name] else { return nil }
        self = key
    }
}
