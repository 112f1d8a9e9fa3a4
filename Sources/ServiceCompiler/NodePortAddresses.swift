package import Addresses
package import ServiceModel

/// At which of the node's own addresses node ports are served (kube-proxy's `--nodeport-addresses`).
package enum NodePortAddresses: Equatable, Sendable {
    /// At those within these ranges; in a family without a range, at all.
    case ranges([IPPrefix])
    /// At those that the Node object names first, one of each family.
    case primary
}

extension ServiceCompiler {
    /// The addresses of a family at which node ports are served.
    package func nodePortAddresses(_ family: AddressFamily) -> [IPAddress] {
        let own = node.addresses.filter { address in
            // A link-local address of IPv6 means something only together with its link, which a virtual server cannot have.
            address.family == family && !address.isLoopback && !address.isUnspecified && !address.isMulticast
                && !(family == .ipv6 && address.isLinkLocal)
        }
        switch settings.nodePortAddresses {
        case .primary: return own.filter { $0 == node.primaryAddress(family) }
        case .ranges(let ranges):
            let ranges = ranges.filter { $0.family == family }
            return (ranges.isEmpty ? Array(own) : own.filter { address in ranges.contains { $0.contains(address) } }).sorted()
        }
    }
}

extension Service {
    /// Whether its share follows the addresses that the node's links hold.
    package var dependsOnNodeAddresses: Bool { !sourceRanges.isEmpty || ports.contains { $0.nodePort != nil } }
}
