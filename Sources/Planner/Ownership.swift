package import Addresses
package import IPVSModel
package import NodeModel

/// Which of the virtual servers in the kernel are ours to change or remove.
///
/// A virtual server carries no owner's name, so it is told by what stands around it: an address of our dummy link, an entry in one
/// of our sets, a firewall mark of our range. Keys that we made, or were about to remove, while none of these tells are remembered
/// beside the kernel.
package struct Ownership: Equatable, Sendable {
    /// Virtual servers and addresses in these ranges are never removed (`--ipvs-exclude-cidrs`).
    package var excluded: [IPPrefix]
    /// Firewall marks that nobody else on this node uses for virtual servers; nil where we make none by mark.
    package var firewallMarks: ClosedRange<UInt32>?
    /// Keys that we made.
    package var remembered: Set<VirtualServer.Key>

    package init(
        excluded: [IPPrefix] = [], firewallMarks: ClosedRange<UInt32>? = nil, remembered: Set<VirtualServer.Key> = []
    ) {
        self.excluded = excluded
        self.firewallMarks = firewallMarks
        self.remembered = remembered
    }

    /// Whether a virtual server that stands is ours to remove.
    package func owns(_ key: VirtualServer.Key, in observed: NodeState) -> Bool {
        !isExcluded(key.address) && (remembered.contains(key) || isTold(key, in: observed))
    }

    package func isExcluded(_ address: IPAddress?) -> Bool {
        guard let address else { return false }
        return excluded.contains { $0.contains(address) }
    }

    /// Whether the kernel's state itself shows that a virtual server is ours.
    package func isTold(_ key: VirtualServer.Key, in observed: NodeState) -> Bool {
        switch key {
        case .firewallMark(let mark, let family):
            // The range may have been another one when it was made.
            firewallMarks?.contains(mark) ?? false
                || ServiceSet.allCases.contains { set in
                    set.keepsMarks && observed.sets[SetKey(set, family)]?.entries.contains { $0.leads(to: mark) } ?? false
                }
        case .address(let address, let port, let transport):
            observed.addresses.contains(address)
                || Self.addressSets.contains { observed.holds(.addressPort(address, port, transport), in: $0) }
                // A port in these sets means every address of the node.
                || Self.portSets(of: transport).contains { observed.holds(.port(port), in: $0, address.family) }
                    && (observed.otherAddresses[address] != nil || observed.hasTwin(of: key, at: port, transport))
        }
    }

    /// Sets whose entries are virtual servers of ours, by address, port and protocol. (Node ports of SCTP are kept with their addresses.)
    static let addressSets: [ServiceSet] = [
        .clusterIP, .externalIP, .externalIPLocal, .loadBalancer, .loadBalancerLocal, .nodePortSCTP, .nodePortLocalSCTP,
        .noLocalEndpoint,
    ]

    private static func portSets(of transport: TransportProtocol) -> [ServiceSet] {
        switch transport {
        case .tcp: [.nodePortTCP, .nodePortLocalTCP]
        case .udp: [.nodePortUDP, .nodePortLocalUDP]
        case .sctp: []
        }
    }
}

extension NodeState {
    /// Whether a virtual server on an address that nobody has is the same as one at that port on an address of the node: the node had it, and
    /// lost it while no agent ran.
    fileprivate func hasTwin(of key: VirtualServer.Key, at port: UInt16, _ transport: TransportProtocol) -> Bool {
        guard let server = virtualServers[key] else { return false }
        return otherAddresses.keys.contains { address in
            address.family == key.family && virtualServers[.address(address, port: port, transport)] == server
        }
    }

    /// Whether an entry is in a set of ours.
    fileprivate func holds(_ entry: SetEntry, in set: ServiceSet, _ family: AddressFamily? = nil) -> Bool {
        guard let family = family ?? entry.family, let standing = sets[SetKey(set, family)] else { return false }
        return standing.entries.contains(entry)
    }
}

extension SetEntry {
    /// Whether packets with its mark meet a virtual server by a mark: by the same, or by that with the bit which asks for masquerading.
    fileprivate func leads(to mark: UInt32) -> Bool {
        guard let own = self.mark else { return false }
        return own == mark || own & mark == own && (own ^ mark).nonzeroBitCount == 1
    }

    fileprivate var family: AddressFamily? {
        if case .addressPort(let address, _, _) = self { address.family } else { nil }
    }
}
