/// One Service of the matrix: of what kind, with which policy, and where its endpoints are.
struct ReachabilityCase: Hashable {
    enum Entrance: String, CaseIterable {
        case clusterAddress = "cluster address"
        case nodePort = "node port"
        case loadBalancer = "load balancer"
        case externalAddress = "external address"
    }

    var entrance: Entrance
    /// The policy that holds at this entrance; the other one is Cluster.
    var isLocal: Bool
    /// Endpoints on both nodes, or on the other one only.
    var hasEndpointHere: Bool

    static let all = Entrance.allCases.flatMap { entrance in
        [(false, true), (false, false), (true, true), (true, false)].map {
            ReachabilityCase(entrance: entrance, isLocal: $0.0, hasEndpointHere: $0.1)
        }
    }

    /// Its place among all.
    var number: Int { Self.all.firstIndex(of: self) ?? 0 }

    func address(_ variant: ReachabilityVariant, for client: ReachabilityClient) -> String {
        let isSix = variant.isIPv6
        switch entrance {
        case .clusterAddress: return isSix ? "fd00:10:96::1:\(number)" : "10.96.1.\(number)"
        case .loadBalancer, .externalAddress: return isSix ? "2001:db8:203::\(100 + number)" : "203.0.113.\(100 + number)"
        case .nodePort: return client.nodePortAddress(isSix)
        }
    }

    func port(_ transport: ReachabilityVariant.Transport) -> UInt16 {
        entrance == .nodePort ? manifestPort(transport).nodePort ?? 0 : manifestPort(transport).number
    }

    private func manifestPort(_ transport: ReachabilityVariant.Transport) -> ServiceManifest.Port {
        let node: UInt16? = entrance == .nodePort ? UInt16(30100 + 10 * number + transport.number) : nil
        return switch transport {
        case .tcp: .init(number: 80, target: 8080, nodePort: node)
        case .udp: .init(number: 53, target: 53, transport: "UDP", nodePort: node)
        case .sctp: .init(number: 9, target: 9, transport: "SCTP", nodePort: node)
        }
    }

    var manifest: ServiceManifest {
        var service = ServiceManifest(name: "case-\(number)", addresses: ["10.96.1.\(number)", "fd00:10:96::1:\(number)"])
        service.ports = ReachabilityVariant.Transport.allCases.map(manifestPort)
        let places = hasEndpointHere ? [0, 2] : [2]
        service.endpoints = places.flatMap { [Topology.endpoints4[$0], Topology.endpoints6[$0]] }
        let addresses = ["203.0.113.\(100 + number)", "2001:db8:203::\(100 + number)"]
        let policy = isLocal ? "Local" : "Cluster"
        switch entrance {
        case .clusterAddress: service.internalPolicy = policy
        case .nodePort: service.exposure.policy = policy
        case .loadBalancer: (service.exposure.policy, service.exposure.loadBalancerAddresses) = (policy, addresses)
        case .externalAddress: (service.exposure.policy, service.exposure.externalAddresses) = (policy, addresses)
        }
        return service
    }
}

/// A network, a family and a protocol: what a cell is tried with.
struct ReachabilityVariant: Hashable {
    enum Transport: String, CaseIterable {
        case tcp = "TCP"
        case udp = "UDP"
        case sctp = "SCTP"

        var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        /// The verb of `lab-peer`.
        var verb: String { ["get", "udp", "sctp"][number] }
    }

    var network: Topology.Kind
    var isIPv6: Bool
    var transport: Transport

    static let all = Topology.Kind.allCases.flatMap { network in
        [false, true].flatMap { isIPv6 in
            Transport.allCases.map { ReachabilityVariant(network: network, isIPv6: isIPv6, transport: $0) }
        }
    }

    var description: String { "\(network.rawValue) \(isIPv6 ? "IPv6" : "IPv4") \(transport.rawValue)" }
}

/// Who asks. Everything is asked of n1 ("this node"), but for what a client on n2 has on its own node.
enum ReachabilityClient: String, CaseIterable {
    case endpoint = "the endpoint here"
    case podHere = "a pod here"
    case podThere = "a pod there"
    case thisNode = "this node"
    case otherNode = "the other node"
    case outside = "outside"
    case secondUplink = "outside, by the second uplink"
    case keepingBalancer = "outside, behind a balancer that keeps addresses"
    case hidingBalancer = "outside, behind a balancer that hides them"

    var namespace: String {
        switch self {
        case .endpoint: "web-1"
        case .podHere: "client"
        case .podThere: "web-4"
        case .thisNode: "n1"
        case .otherNode: "n2"
        case .outside: "outside"
        case .secondUplink: "beyond"
        case .keepingBalancer, .hidingBalancer: "user"
        }
    }

    /// The address that it asks from, where it has several.
    func source(_ isIPv6: Bool) -> String? {
        switch self {
        case .secondUplink: isIPv6 ? "2001:db8:18::100" : "198.18.0.100"
        case .keepingBalancer: isIPv6 ? "2001:db8:19::100" : "198.19.0.100"
        case .hidingBalancer: isIPv6 ? "2001:db8:19::101" : "198.19.0.101"
        default: nil
        }
    }

    /// The address at which it asks for a node port.
    func nodePortAddress(_ isIPv6: Bool) -> String {
        switch self {
        case .secondUplink: isIPv6 ? "2001:db8:2::10" : "198.51.100.10"
        case .keepingBalancer, .hidingBalancer: isIPv6 ? "2001:db8:19:1::1" : "198.19.1.1"
        default: isIPv6 ? "2001:db8:1::10" : "192.0.2.10"
        }
    }

    func asks(for entrance: ReachabilityCase.Entrance) -> Bool {
        switch self {
        case .secondUplink: entrance != .clusterAddress
        case .keepingBalancer, .hidingBalancer: entrance == .nodePort
        default: true
        }
    }

    /// Whose address the server saw.
    func name(ofSource address: String) -> String {
        if address == source(address.contains(":")) || Self.own[namespace]?.contains(address) == true { return "its own" }
        return Self.own.filter { $0.value.contains(address) }.keys.sorted().first.map { "\($0)'s" } ?? address
    }

    private static let own: [String: Set<String>] = [
        "web-1": [Topology.endpoints4[0], Topology.endpoints6[0]], "web-4": [Topology.endpoints4[3], Topology.endpoints6[3]],
        "client": Set(["10.244.0.20", "fd00:10:244::20"] + Topology.clientSources),
        "n1": Topology.nodeAddresses.union(["198.51.100.10", "2001:db8:2::10"]),
        "n2": ["192.0.2.11", "10.244.1.1", "2001:db8:1::11", "fd00:10:244:1::1"],
        "outside": ["192.0.2.100", "2001:db8:1::100"], "beyond": ["198.51.100.100", "2001:db8:2::100"],
    ]
}
