/// A netlink payload being written: fixed structures first, then attributes, nested as deep as needed.
///
/// An attribute is `struct nlattr`: 16 bits of length (header and payload, not the padding), 16 bits of type, payload, padding
/// to four bytes. A nest's length is written when the nest ends.
package struct NetlinkEncoder: Sendable {
    package private(set) var bytes: [UInt8] = []

    /// An attribute was longer than its 16 bits of length can say. The message must not be sent.
    package private(set) var hasOverflowed = false

    static let nestedBit: UInt16 = 0x8000

    package init(reservingCapacity capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Fixed structures

    /// Appends a number in the host's byte order, without padding.
    package mutating func append(_ number: some FixedWidthInteger & UnsignedInteger) {
        var rest = number.littleEndian
        for _ in 0..<(number.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    package mutating func append(contentsOf more: [UInt8]) { bytes.append(contentsOf: more) }

    package mutating func append(_ header: GenericNetlinkHeader) {
        bytes.append(header.command)
        bytes.append(header.version)
        bytes.append(0)
        bytes.append(0)
    }

    // MARK: Attributes

    /// A number in the host's byte order.
    package mutating func attribute(_ type: UInt16, _ number: some FixedWidthInteger & UnsignedInteger) {
        let start = begin(type)
        append(number)
        end(start)
    }

    /// A number in network byte order.
    package mutating func attribute(_ type: UInt16, network number: some FixedWidthInteger & UnsignedInteger) {
        attribute(type, number.bigEndian)
    }

    /// Text with the terminating zero that the kernel expects of `NLA_NUL_STRING`.
    package mutating func attribute(_ type: UInt16, _ text: String) {
        let start = begin(type)
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
        end(start)
    }

    package mutating func attribute(_ type: UInt16, bytes payload: [UInt8]) {
        let start = begin(type)
        bytes.append(contentsOf: payload)
        end(start)
    }

    /// An attribute whose payload is made of attributes, which `body` writes.
    package mutating func nest(_ type: UInt16, _ body: (inout NetlinkEncoder) -> Void) {
        let start = begin(type | Self.nestedBit)
        body(&self)
        end(start)
    }

    private mutating func begin(_ type: UInt16) -> Int {
        let start = bytes.count
        append(0 as UInt16)
        append(type)
        return start
    }

    private mutating func end(_ start: Int) {
        let length = bytes.count - start
        guard let short = UInt16(exactly: length) else {
            hasOverflowed = true
            return
        }
        let ordered = short.littleEndian
        bytes[start] = UInt8(truncatingIfNeeded: ordered)
        bytes[start + 1] = UInt8(truncatingIfNeeded: ordered >> 8)
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}
