import Addresses
import IPVSModel
import NodeModel
import ServiceModel

/// At what a Service is reached in one family beside its cluster address: external and load balancer addresses, and node ports.
struct Exposure {
    let family: AddressFamily
    let policy: TrafficPolicy
    let healthCheckNodePort: UInt16?
    private let externalAddresses: [IPAddress]
    private let loadBalancerAddresses: [IPAddress]
    /// Nil where every client is let in.
    private let sourceRanges: [IPPrefix]?
    /// Whether the ranges let this node in, too.
    private let admitsNode: Bool
    private let nodePortAddresses: [IPAddress]

    init(of service: Service, family: AddressFamily, on compiler: ServiceCompiler) {
        self.family = family
        policy = service.externalTrafficPolicy
        healthCheckNodePort = service.healthCheckNodePort
        externalAddresses = service.externalAddresses.filter { $0.family == family }
        loadBalancerAddresses = service.loadBalancerAddresses.filter { $0.family == family }
        let ranges = service.sourceRanges.filter { $0.family == family }
        sourceRanges = ranges.isEmpty || ranges.contains { $0.length == 0 } ? nil : ranges
        let node = compiler.node
        let identities = node.primaryAddress(family).map { [$0] } ?? Array(node.addresses)
        admitsNode = ranges.contains { range in identities.contains { range.contains($0) } }
        nodePortAddresses = service.ports.contains { $0.nodePort != nil } ? compiler.nodePortAddresses(family) : []
    }

    /// The addresses that are not the node's by itself.
    var addresses: [IPAddress] { externalAddresses + loadBalancerAddresses }

    /// The virtual servers of a port, each with the set entries that say how it is treated. The mark is that of the virtual server for traffic
    /// from inside the cluster, where there is one; that of the group's comes first, where the port is in one.
    func entrances(
        to port: ServicePort, mark: UInt32?, group: PortGroup.Marks?, hasEndpoints: Bool
    ) -> [(key: VirtualServer.Key, members: [SetMember])] {
        var entrances: [(VirtualServer.Key, [SetMember])] = []
        func add(_ address: IPAddress, _ port: UInt16, _ transport: TransportProtocol, _ members: [SetMember], isGrouped: Bool) {
            let key = VirtualServer.Key.address(address, port: port, transport)
            let group = isGrouped ? group : nil
            var members = members
            if let outside = group?.outside { members.append(member(.groupMark, .addressPortMark(address, port, transport, outside))) }
            if policy == .local { members += localMembers(key, mark: group?.inside ?? mark, hasEndpoints: hasEndpoints) }
            entrances.append((key, members))
        }
        for address in externalAddresses {
            let entry = SetEntry.addressPort(address, port.port, port.transport)
            let members = [member(policy == .local ? .externalIPLocal : .externalIP, entry)]
            add(address, port.port, port.transport, members, isGrouped: true)
        }
        for address in loadBalancerAddresses {
            add(address, port.port, port.transport, loadBalancerMembers(address, port), isGrouped: true)
        }
        if let nodePort = port.nodePort {
            for address in nodePortAddresses {
                add(address, nodePort, port.transport, nodePortMembers(address, nodePort, port.transport), isGrouped: false)
            }
        }
        return entrances
    }

    /// What keeps clients outside from an entrance without endpoints here, and shows those inside another way.
    private func localMembers(_ key: VirtualServer.Key, mark: UInt32?, hasEndpoints: Bool) -> [SetMember] {
        guard case .address(let address, let port, let transport) = key else { return [] }
        var members: [SetMember] = []
        if !hasEndpoints { members.append(member(.noLocalEndpoint, .addressPort(address, port, transport))) }
        if let mark { members.append(member(.insideMark, .addressPortMark(address, port, transport, mark))) }
        return members
    }

    private func loadBalancerMembers(_ address: IPAddress, _ port: ServicePort) -> [SetMember] {
        let entry = SetEntry.addressPort(address, port.port, port.transport)
        var members = [member(.loadBalancer, entry)]
        if policy == .local { members.append(member(.loadBalancerLocal, entry)) }
        guard let sourceRanges else { return members }
        members.append(member(.loadBalancerFirewall, entry))
        for range in sourceRanges {
            members.append(member(.loadBalancerSourceCIDR, .addressPortNet(address, port.port, port.transport, range)))
        }
        // The node's own packets to a virtual address have it as their source, too.
        if admitsNode { members.append(member(.loadBalancerSourceIP, .addressPortAddress(address, port.port, port.transport, address))) }
        return members
    }

    private func nodePortMembers(_ address: IPAddress, _ port: UInt16, _ transport: TransportProtocol) -> [SetMember] {
        let (all, local): (ServiceSet, ServiceSet) =
            switch transport {
            case .tcp: (.nodePortTCP, .nodePortLocalTCP)
            case .udp: (.nodePortUDP, .nodePortLocalUDP)
            case .sctp: (.nodePortSCTP, .nodePortLocalSCTP)
            }
        let entry = transport == .sctp ? SetEntry.addressPort(address, port, transport) : .port(port)
        return policy == .local ? [member(all, entry), member(local, entry)] : [member(all, entry)]
    }

    private func member(_ set: ServiceSet, _ entry: SetEntry) -> SetMember { SetMember(SetKey(set, family), entry) }
}
