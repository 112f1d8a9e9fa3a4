/// The words of a line of `/proc/net/ip_vs`, read from left to right.
///
/// A position, and not a view of the bytes: the line is passed to each call. What reads a word is put into its place of use: as calls, with a
/// line and a range to be passed each time, these few instructions took twice as long, for each of a few hundred thousand words.
struct TableFields {
    private var position = 0

    /// The next word; nil at the end of the line. A bracketed address is one word, as no word holds a space.
    @inline(__always)
    mutating func next(in line: Span<UInt8>) -> Range<Int>? {
        while position < line.count, line[position] == UInt8(ascii: " ") { position += 1 }
        let start = position
        while position < line.count, line[position] != UInt8(ascii: " ") { position += 1 }
        return start < position ? start..<position : nil
    }
}

extension Span where Element == UInt8 {
    /// Whether the word is this text.
    @inline(__always)
    func word(_ range: Range<Int>, is text: String) -> Bool {
        guard range.count == text.utf8.count else { return false }
        // A file has hundreds of thousands of words: no text is made of them to be compared.
        var index = range.lowerBound
        for byte in text.utf8 {
            guard self[index] == byte else { return false }
            index += 1
        }
        return true
    }

    /// The word as text.
    func string(_ range: Range<Int>) -> String {
        String(decoding: extracting(range).copiedBytes(), as: UTF8.self)
    }

    private func copiedBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in indices { bytes.append(self[index]) }
        return bytes
    }

    /// Hexadecimal digits, and nothing else, that fit into the number.
    @inline(__always)
    func hexadecimal<Number: FixedWidthInteger & UnsignedInteger>(_ range: Range<Int>, _: Number.Type = Number.self) -> Number? {
        guard !range.isEmpty, range.count <= Number.bitWidth / 4 else { return nil }
        var number: Number = 0
        for index in range {
            let digit: UInt8
            switch self[index] {
            case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case let byte where byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            case let byte where byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            number = number << 4 | Number(digit)
        }
        return number
    }

    /// Decimal digits, with a minus sign perhaps, that fit into 32 bits. What the kernel prints with `%d` from an unsigned
    /// number may come out negative; its bits are the number.
    @inline(__always)
    func decimal(_ range: Range<Int>) -> UInt32? {
        var digits = range
        let isNegative = !range.isEmpty && self[range.lowerBound] == UInt8(ascii: "-")
        if isNegative { digits = (range.lowerBound + 1)..<range.upperBound }
        guard !digits.isEmpty, digits.count <= 10 else { return nil }
        var number: UInt64 = 0
        for index in digits {
            guard self[index] >= UInt8(ascii: "0"), self[index] <= UInt8(ascii: "9") else { return nil }
            number = number * 10 + UInt64(self[index] - UInt8(ascii: "0"))
        }
        if isNegative { return number <= 1 << 31 ? UInt32(truncatingIfNeeded: 0 &- number) : nil }
        return UInt32(exactly: number)
    }

    /// An address and port: `0A600001:0050`, or `[2001:0db8:0000:0000:0000:0000:0000:0001]:0050`.
    @inline(__always)
    func addressAndPort(_ range: Range<Int>) -> (IPAddress, UInt16)? {
        guard range.count >= 13, self[range.upperBound - 5] == UInt8(ascii: ":"),
            let port = hexadecimal((range.upperBound - 4)..<range.upperBound, UInt16.self)
        else { return nil }
        let address = range.lowerBound..<(range.upperBound - 5)
        if self[address.lowerBound] != UInt8(ascii: "[") {
            guard address.count == 8, let number = hexadecimal(address, UInt32.self) else { return nil }
            return (IPAddress(ipv4: number), port)
        }
        guard address.count == 41, self[address.upperBound - 1] == UInt8(ascii: "]") else { return nil }
        return eightGroups((address.lowerBound + 1)..<(address.upperBound - 1)).map { ($0, port) }
    }

    /// Eight groups of four hexadecimal digits, always all of them: 39 bytes.
    func eightGroups(_ range: Range<Int>) -> IPAddress? {
        var halves: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<8 {
            let start = range.lowerBound + 5 * index
            guard let group = hexadecimal(start..<(start + 4), UInt16.self), index == 7 || self[start + 4] == UInt8(ascii: ":") else {
                return nil
            }
            halves.high = halves.high << 16 | halves.low >> 48
            halves.low = halves.low << 16 | UInt64(group)
        }
        return IPAddress(ipv6High: halves.high, low: halves.low)
    }
}
