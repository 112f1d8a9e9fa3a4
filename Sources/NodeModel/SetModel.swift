package import Addresses

/// The seventeen ipsets of kube-proxy's IPVS mode, whose names and layout are kept so that its users and their tools feel at home.
package enum ServiceSet: UInt8, Hashable, Sendable, CaseIterable {
    case loopBack, clusterIP, externalIP, externalIPLocal, loadBalancer, loadBalancerLocal, loadBalancerFirewall
    case loadBalancerSourceCIDR, loadBalancerSourceIP
    case nodePortTCP, nodePortLocalTCP, nodePortUDP, nodePortLocalUDP, nodePortSCTP, nodePortLocalSCTP
    case healthCheckNodePort, boundAddresses

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
        }
    }

    /// The name in the kernel: `KUBE-…` for IPv4, `KUBE-6-…` for IPv6, cut to the 31 bytes that the kernel takes
    /// (`IPSET_MAXNAMELEN` in `linux/netfilter/ipset/ip_set.h` is 32 with the terminating zero).
    package func name(_ family: AddressFamily) -> String {
        String(((family == .ipv4 ? "KUBE-" : "KUBE-6-") + stem).prefix(31))
    }

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

/// One of the sets on this node: which of the seventeen, for which family.
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

/// What is in a set: addresses with ports and protocols, as each set type has them.
package enum SetEntry: Hashable, Sendable {
    case address(IPAddress)
    case addressPort(IPAddress, UInt16, TransportProtocol)
    case addressPortAddress(IPAddress, UInt16, TransportProtocol, IPAddress)
    case addressPortNet(IPAddress, UInt16, TransportProtocol, IPPrefix)
    case port(UInt16)

    /// The set type that holds such entries.
    package var type: SetType {
        switch self {
        case .address: .hashAddress
        case .addressPort: .hashAddressPort
        case .addressPortAddress: .hashAddressPortAddress
        case .addressPortNet: .hashAddressPortNet
        case .port: .bitmapPort
        }
    }
}

extension SetEntry: CustomStringConvertible {
    /// As `ipset` writes it: `10.96.0.10,tcp:53`.
    package var description: String {
        switch self {
        case .address(let address): "\(address)"
        case .addressPort(let address, let port, let transport): "\(address),\(transport):\(port)"
        case .addressPortAddress(let address, let port, let transport, let other): "\(address),\(transport):\(port),\(other)"
        case .addressPortNet(let address, let port, let transport, let net): "\(address),\(transport):\(port),\(net)"
        case .port(let port): "\(port)"
        }
    }

    /// Reads what `ipset save` writes for an entry of the type; nil where it is not that.
    package init?(_ text: some StringProtocol, type: SetType) {
        func portAndProtocol(_ part: some StringProtocol) -> (UInt16, TransportProtocol)? {
            guard let colon = part.firstIndex(of: ":"), let transport = TransportProtocol(name: String(part[..<colon])),
                let port = UInt16(part[part.index(after: colon)...])
            else { return nil }
            return (port, transport)
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        switch (type, parts.count) {
        case (.hashAddress, 1):
            guard let address = IPAddress(parts[0]) else { return nil }
            self = .address(address)
        case (.bitmapPort, 1):
            guard let port = UInt16(parts[0]) else { return nil }
            self = .port(port)
        case (.hashAddressPort, 2):
            guard let address = IPAddress(parts[0]), let (port, transport) = portAndProtocol(parts[1]) else { return nil }
            self = .addressPort(address, port, transport)
        case (.hashAddressPortAddress, 3):
            guard let address = IPAddress(parts[0]), let (port, transport) = portAndProtocol(parts[1]), let other = IPAddress(parts[2])
            else { return nil }
            self = .addressPortAddress(address, port, transport, other)
        case (.hashAddressPortNet, 3):
            guard let address = IPAddress(parts[0]), let (port, transport) = portAndProtocol(parts[1]) else { return nil }
            // A /32 or /128 is written without its length.
            let net = IPPrefix(String(parts[2])) ?? IPAddress(parts[2]).flatMap { IPPrefix($0, length: $0.family.bitWidth) }
            guard let net else { return nil }
            self = .addressPortNet(address, port, transport, net)
        default:
            return nil
        }
    }
}

/// An entry and the set that holds it.
package struct SetMember: Hashable, Sendable, CustomStringConvertible {
    package let set: SetKey
    package let entry: SetEntry

    package init(_ set: SetKey, _ entry: SetEntry) {
        self.set = set
        self.entry = entry
    }

    package var description: String { "\(set) \(entry)" }
}

/// A set as it is made: type and family are its identity, the rest is room.
package struct SetDefinition: Hashable, Sendable {
    package var key: SetKey
    /// Buckets to begin with; a power of two. Unused for bitmaps.
    package var hashSize: UInt32
    /// Entries that the set can hold. Unused for bitmaps, which hold every port.
    package var maximumEntries: UInt32

    package init(_ key: SetKey, hashSize: UInt32 = 1024, maximumEntries: UInt32 = 1 << 20) {
        self.key = key
        self.hashSize = hashSize
        self.maximumEntries = maximumEntries
    }
}

/// A set as the kernel shows it.
package struct ObservedSet: Hashable, Sendable {
    /// The type's name, which may be one that we would not have chosen (another owner's set under our name).
    package var typeName: String
    package var family: AddressFamily
    /// 0 for bitmaps.
    package var maximumEntries: UInt32
    package var entries: Set<SetEntry>

    package init(typeName: String, family: AddressFamily, maximumEntries: UInt32, entries: Set<SetEntry> = []) {
        self.typeName = typeName
        self.family = family
        self.maximumEntries = maximumEntries
        self.entries = entries
    }

    /// Whether the set can serve as the one wanted under this key.
    package func serves(as key: SetKey) -> Bool {
        // A bitmap has no family of its own; the kernel shows it as IPv4.
        typeName == key.type.rawValue && (key.type == .bitmapPort || family == key.family)
    }
}

extension SetEntry: Comparable {
    /// By address or port, then by the rest; entries of one set are of one kind.
    package static func < (left: Self, right: Self) -> Bool { left.sortKey < right.sortKey }

    private var sortKey: (IPAddress, UInt16, TransportProtocol, IPAddress, Int) {
        let none = IPAddress(ipv4: 0)
        return switch self {
        case .address(let address): (address, 0, .tcp, none, 0)
        case .addressPort(let address, let port, let transport): (address, port, transport, none, 0)
        case .addressPortAddress(let address, let port, let transport, let other): (address, port, transport, other, 0)
        case .addressPortNet(let address, let port, let transport, let net): (address, port, transport, net.address, net.length)
        case .port(let port): (none, port, .tcp, none, 0)
        }
    }
}
