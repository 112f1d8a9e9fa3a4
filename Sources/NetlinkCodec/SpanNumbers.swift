/// Numbers and names read out of bytes. Every read checks its bounds and throws; nothing here is `unsafe`.
///
/// A function for each width, and not one for all: from another target a generic one is called as it stands, and asks at each step how wide
/// its number is. A look at 10,000 virtual servers reads a million numbers, which took half of its time.
extension Span where Element == UInt8 {
    /// The number at an offset, in the host's byte order: that of everything in netlink which is not marked otherwise.
    package func hostNumber(_: UInt8.Type = UInt8.self, at offset: Int = 0) throws(NetlinkDecodingError) -> UInt8 {
        try littleEndianNumber(at: offset)
    }

    package func hostNumber(_: UInt16.Type = UInt16.self, at offset: Int = 0) throws(NetlinkDecodingError) -> UInt16 {
        try littleEndianNumber(at: offset)
    }

    package func hostNumber(_: UInt32.Type = UInt32.self, at offset: Int = 0) throws(NetlinkDecodingError) -> UInt32 {
        try littleEndianNumber(at: offset)
    }

    package func hostNumber(_: UInt64.Type = UInt64.self, at offset: Int = 0) throws(NetlinkDecodingError) -> UInt64 {
        try littleEndianNumber(at: offset)
    }

    /// The number at an offset, in network byte order: addresses and ports.
    package func networkNumber(_: UInt16.Type = UInt16.self, at offset: Int = 0) throws(NetlinkDecodingError) -> UInt16 {
        try (littleEndianNumber(at: offset) as UInt16).byteSwapped
    }

    package func networkNumber(_: UInt32.Type = UInt32.self, at offset: Int = 0) throws(NetlinkDecodingError) -> UInt32 {
        try (littleEndianNumber(at: offset) as UInt32).byteSwapped
    }

    package func networkNumber(_: UInt64.Type = UInt64.self, at offset: Int = 0) throws(NetlinkDecodingError) -> UInt64 {
        try (littleEndianNumber(at: offset) as UInt64).byteSwapped
    }

    private func littleEndianNumber<Number: FixedWidthInteger & UnsignedInteger>(
        at offset: Int
    ) throws(NetlinkDecodingError) -> Number {
        let width = Number.bitWidth / 8
        guard offset >= 0, count >= width, offset <= count - width else {
            throw NetlinkDecodingError(at: offset, "\(Swift.max(count - offset, 0)) bytes where a number of \(width) was expected")
        }
        var number: Number = 0
        for index in 0..<width { number |= Number(truncatingIfNeeded: self[offset + index]) << Number(8 * index) }
        return number
    }

    /// Text up to the first zero byte, or to the end. Bytes that are not UTF-8 are replaced, not refused: the text is
    /// a name or a message to show, and one odd letter must not hide it.
    package func text() -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in indices {
            let byte = self[index]
            if byte == 0 { break }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A copy of the bytes, for values that outlive the span.
    package func copied() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in indices { bytes.append(self[index]) }
        return bytes
    }
}
