/// A request that has everything but its sequence number, which the socket gives it when it is sent.
package struct NetlinkRequest: Hashable, Sendable {
    /// What it does, for errors: "add address 10.0.0.1".
    package var operation: String
    package var type: UInt16
    package var flags: NetlinkFlags

    /// What follows the netlink header; nil where an attribute was too long to be written.
    package var payload: [UInt8]?

    /// A request of any family; `encode` writes the family's structure and the attributes.
    package init(
        _ operation: String, type: UInt16, flags: NetlinkFlags = [], encode: (inout NetlinkEncoder) -> Void
    ) {
        var encoder = NetlinkEncoder(reservingCapacity: 128)
        encode(&encoder)
        self.operation = operation
        self.type = type
        self.flags = flags
        payload = encoder.hasOverflowed ? nil : encoder.bytes
    }

    /// A request of a generic netlink family; `encode` writes the attributes.
    package init(
        _ operation: String, family: UInt16, header: GenericNetlinkHeader, flags: NetlinkFlags = [],
        encode: (inout NetlinkEncoder) -> Void = { _ in }
    ) {
        self.init(operation, type: family, flags: flags) { encoder in
            encoder.append(header)
            encode(&encoder)
        }
    }

    /// The length of the message as it is sent, with header and padding; nil where it cannot be sent.
    package var messageLength: Int? {
        payload.map { netlinkAligned(NetlinkHeader.byteCount + $0.count) }
    }

    /// Appends the message to a datagram, but for what is known at its end; nothing where it cannot be sent.
    package func write(to datagram: inout NetlinkEncoder) {
        guard let payload else { return }
        datagram.beginMessage(type: type, flags: flags)
        datagram.append(contentsOf: payload)
    }

    /// Appends the whole message to a datagram, with padding, so that another can follow.
    package func write(to datagram: inout NetlinkEncoder, sequence: UInt32, port: UInt32, extraFlags: NetlinkFlags) {
        let start = datagram.bytes.count
        write(to: &datagram)
        if datagram.endMessage(at: start, sequence: sequence, port: port) { datagram.add(extraFlags, toMessageAt: start) }
    }
}

/// One message of a reply, copied out of its datagram.
package struct NetlinkReply: Hashable, Sendable {
    package var header: NetlinkHeader
    package var payload: [UInt8]

    package init(header: NetlinkHeader, payload: [UInt8]) {
        self.header = header
        self.payload = payload
    }
}
