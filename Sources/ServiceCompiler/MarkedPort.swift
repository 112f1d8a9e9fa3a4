package import Addresses
package import ServiceModel

/// A Service's port in one family, as far as a packet mark of its own is for it.
package struct MarkedPort: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let port: UInt16
    package let transport: TransportProtocol
    package let family: AddressFamily

    package init(_ port: ServicePort, _ family: AddressFamily) {
        (self.port, transport, self.family) = (port.port, port.transport, family)
    }

    package var description: String { "\(transport):\(port) \(family)" }

    package static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

extension ServiceCompiler {
    /// The ports that need a mark: those that are reached from outside with `externalTrafficPolicy: Local`. Traffic from inside the cluster goes
    /// to all of their endpoints, and one address and port can hold one virtual server only.
    package func markedPorts(of service: Service) -> Set<MarkedPort> {
        guard service.externalTrafficPolicy == .local, service.proxyName == nil, service.type != .externalName else { return [] }
        var ports: Set<MarkedPort> = []
        for family in Set(service.clusterAddresses.map(\.family)).intersection(node.families) {
            let hasAddress = (service.externalAddresses + service.loadBalancerAddresses).contains { $0.family == family }
            for port in service.ports where hasAddress || port.nodePort != nil { ports.insert(MarkedPort(port, family)) }
        }
        return ports
    }
}
