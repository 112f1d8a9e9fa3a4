/// A netlink payload being written: fixed structures first, then attributes, nested as deep as needed. A datagram is written in the same
/// way, message by message (`NetlinkEncoderMessages.swift`).
///
/// An attribute is `struct nlattr`: 16 bits of length (header and payload, not the padding), 16 bits of type, payload, padding
/// to four bytes. A nest's length is written when the nest ends.
package struct NetlinkEncoder: Sendable {
    package internal(set) var bytes: [UInt8] = []

    /// An attribute was longer than its 16 bits of length can say. The message must not be sent.
    package internal(set) var hasOverflowed = false

    static let nestedBit: UInt16 = 0x8000

    package init(reservingCapacity capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Fixed structures

    // One function for each width: a generic one would cost more, when called from another module, than all that it does.

    package mutating func append(_ number: UInt8) { bytes.append(number) }

    /// Appends a number in the host's byte order, without padding.
    package mutating func append(_ number: UInt16) {
        bytes.append(addingCapacity: 2) { (room: inout OutputSpan<UInt8>) in room.append(hostOrder: number) }
    }

    /// Appends a number in the host's byte order, without padding.
    package mutating func append(_ number: UInt32) {
        bytes.append(addingCapacity: 4) { (room: inout OutputSpan<UInt8>) in room.append(hostOrder: number) }
    }

    package mutating func append(contentsOf more: [UInt8]) { bytes.append(contentsOf: more) }

    package mutating func append(_ header: GenericNetlinkHeader) {
        bytes.append(addingCapacity: 4) { (room: inout OutputSpan<UInt8>) in
            room.append(header.command)
            room.append(header.version)
            room.append(0)
            room.append(0)
        }
    }

    // MARK: Attributes

    /// A number in the host's byte order.
    package mutating func attribute(_ type: UInt16, _ number: UInt8) { word(type, length: 5, UInt32(littleEndian: UInt32(number))) }

    /// A number in the host's byte order.
    package mutating func attribute(_ type: UInt16, _ number: UInt16) {
        word(type, length: 6, UInt32(littleEndian: UInt32(number.littleEndian)))
    }

    /// A number in the host's byte order.
    package mutating func attribute(_ type: UInt16, _ number: UInt32) { word(type, length: 8, number) }

    /// A number in the host's byte order.
    package mutating func attribute(_ type: UInt16, _ number: UInt64) {
        let ordered = number.littleEndian
        attribute(
            type, UInt32(littleEndian: UInt32(truncatingIfNeeded: ordered)), UInt32(littleEndian: UInt32(truncatingIfNeeded: ordered >> 32))
        )
    }

    /// A structure of two numbers in the host's byte order.
    package mutating func attribute(_ type: UInt16, _ first: UInt32, _ second: UInt32) {
        word(type, length: 12, first)
        append(second)
    }

    /// A number in network byte order.
    package mutating func attribute(_ type: UInt16, network number: UInt16) { attribute(type, number.bigEndian) }

    /// A number in network byte order.
    package mutating func attribute(_ type: UInt16, network number: UInt32) { attribute(type, number.bigEndian) }

    /// Text with the terminating zero that the kernel expects of `NLA_NUL_STRING`.
    package mutating func attribute(_ type: UInt16, _ text: String) {
        let start = begin(type)
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
        end(start)
    }

    package mutating func attribute(_ type: UInt16, bytes payload: [UInt8]) { attribute(type, bytes: payload.span) }

    package mutating func attribute(_ type: UInt16, bytes payload: Span<UInt8>) {
        let start = begin(type)
        bytes.append(addingCapacity: payload.count) { (room: inout OutputSpan<UInt8>) in
            for index in payload.indices { room.append(payload[index]) }
        }
        end(start)
    }

    /// An attribute whose payload is made of attributes, which `body` writes.
    package mutating func nest(_ type: UInt16, _ body: (inout NetlinkEncoder) -> Void) {
        let start = begin(type | Self.nestedBit)
        body(&self)
        end(start)
    }

    /// The header of an attribute and its first four bytes, of which fewer may count.
    private mutating func word(_ type: UInt16, length: UInt16, _ number: UInt32) {
        bytes.append(addingCapacity: 8) { (room: inout OutputSpan<UInt8>) in
            room.append(hostOrder: length)
            room.append(hostOrder: type)
            room.append(hostOrder: number)
        }
    }

    /// Writes the header of an attribute whose length is not known yet.
    private mutating func begin(_ type: UInt16) -> Int {
        let start = bytes.count
        bytes.append(addingCapacity: 4) { (room: inout OutputSpan<UInt8>) in
            room.append(hostOrder: 0 as UInt16)
            room.append(hostOrder: type)
        }
        return start
    }

    private mutating func end(_ start: Int) {
        let length = bytes.count - start
        guard let short = UInt16(exactly: length) else {
            hasOverflowed = true
            return
        }
        write(short, at: start)
        pad()
    }

    /// Writes a number in the host's byte order over what stands there.
    mutating func write(_ number: UInt16, at offset: Int) {
        let ordered = number.littleEndian
        bytes[offset] = UInt8(truncatingIfNeeded: ordered)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: ordered >> 8)
    }

    /// Fills up to a multiple of four bytes.
    mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}

extension OutputSpan where Element == UInt8 {
    @inline(__always)
    mutating func append(hostOrder number: UInt16) {
        let ordered = number.littleEndian
        append(UInt8(truncatingIfNeeded: ordered))
        append(UInt8(truncatingIfNeeded: ordered >> 8))
    }

    @inline(__always)
    mutating func append(hostOrder number: UInt32) {
        let ordered = number.littleEndian
        append(UInt8(truncatingIfNeeded: ordered))
        append(UInt8(truncatingIfNeeded: ordered >> 8))
        append(UInt8(truncatingIfNeeded: ordered >> 16))
        append(UInt8(truncatingIfNeeded: ordered >> 24))
    }
}
