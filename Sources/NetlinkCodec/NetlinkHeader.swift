/// The header of a netlink message: `struct nlmsghdr` in `linux/netlink.h`, 16 bytes in host byte order.
package struct NetlinkHeader: Hashable, Sendable {
    package static let byteCount = 16

    /// The length of the message with its header, without the padding after it.
    package var length: UInt32
    package var type: UInt16
    package var flags: NetlinkFlags
    /// What connects a reply with its request. Announcements carry 0.
    package var sequence: UInt32
    /// The netlink port of the socket that is meant; 0 is the kernel.
    package var port: UInt32

    package init(length: UInt32, type: UInt16, flags: NetlinkFlags, sequence: UInt32, port: UInt32) {
        self.length = length
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.port = port
    }

    package init(reading bytes: Span<UInt8>, at offset: Int = 0) throws(NetlinkDecodingError) {
        guard offset >= 0, offset <= bytes.count, bytes.count - offset >= Self.byteCount else {
            throw NetlinkDecodingError(at: offset, "\(max(bytes.count - offset, 0)) bytes where a message header was expected")
        }
        length = try bytes.hostNumber(at: offset)
        type = try bytes.hostNumber(at: offset + 4)
        flags = try NetlinkFlags(rawValue: bytes.hostNumber(at: offset + 6))
        sequence = try bytes.hostNumber(at: offset + 8)
        port = try bytes.hostNumber(at: offset + 12)
    }
}

/// `nlmsg_flags`. The bits from 0x100 on mean different things with different requests.
package struct NetlinkFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let request = NetlinkFlags(rawValue: 0x01)
    /// One of several messages, the last of which is `NLMSG_DONE`.
    package static let multipart = NetlinkFlags(rawValue: 0x02)
    package static let acknowledge = NetlinkFlags(rawValue: 0x04)
    package static let echo = NetlinkFlags(rawValue: 0x08)
    /// The table changed while it was dumped: what was read is not one state of it.
    package static let dumpInterrupted = NetlinkFlags(rawValue: 0x10)

    /// With requests that read: the whole table.
    package static let dump = NetlinkFlags(rawValue: 0x300)

    /// With requests that write.
    package static let replace = NetlinkFlags(rawValue: 0x100)
    package static let exclusive = NetlinkFlags(rawValue: 0x200)
    package static let create = NetlinkFlags(rawValue: 0x400)
    package static let append = NetlinkFlags(rawValue: 0x800)

    /// With acknowledgements: the request is not repeated behind the error number.
    package static let capped = NetlinkFlags(rawValue: 0x100)
    /// With acknowledgements: attributes follow that explain the error.
    package static let extendedAcknowledgement = NetlinkFlags(rawValue: 0x200)
}

/// The message types that every netlink family shares; a family's own begin at 16.
package enum NetlinkControl {
    package static let noOperation: UInt16 = 1
    /// An error, or with number 0 an acknowledgement.
    package static let error: UInt16 = 2
    package static let done: UInt16 = 3
    package static let overrun: UInt16 = 4
    package static let firstFamilyType: UInt16 = 16
}

/// Messages and attributes begin at multiples of four bytes (`NLMSG_ALIGNTO`, `NLA_ALIGNTO`).
package func netlinkAligned(_ length: Int) -> Int { (length + 3) & ~3 }
