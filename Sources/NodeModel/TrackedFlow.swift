package import Addresses

/// A flow that connection tracking remembers: what a client sent where, and from where its answers are to come.
package struct TrackedFlow: Hashable, Sendable {
    package var transport: TransportProtocol
    package var client: Socket
    /// Where the client sends its packets.
    package var destination: Socket
    /// From where answers come: the real server, where the destination was translated.
    package var server: Socket
    /// The kernel's own number of the entry, so that one that has taken its place meanwhile is not meant.
    package var id: UInt32?
    package var zone: UInt16?

    package struct Socket: Hashable, Sendable {
        package var address: IPAddress
        package var port: UInt16

        package init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    package init(
        transport: TransportProtocol, client: Socket, destination: Socket, server: Socket, id: UInt32? = nil, zone: UInt16? = nil
    ) {
        self.transport = transport
        self.client = client
        self.destination = destination
        self.server = server
        self.id = id
        self.zone = zone
    }
}

extension TrackedFlow: CustomStringConvertible {
    /// `udp flow 10.244.1.7:40000 to 10.96.0.10:53 by 10.244.0.2:53`.
    package var description: String { "\(transport) flow \(client) to \(destination) by \(server)" }
}

extension TrackedFlow.Socket: CustomStringConvertible {
    package var description: String { address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
