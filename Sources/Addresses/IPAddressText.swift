/// Reading and writing addresses as text: dotted decimal for IPv4, RFC 4291 in and RFC 5952 out for IPv6.
///
/// Written here and not taken from `inet_pton`, because values know no C library, and because a leading zero in
/// dotted decimal ("010.0.0.1", octal to some readers) must be refused as Kubernetes refuses it.
extension IPAddress: LosslessStringConvertible {
    /// Reads dotted decimal, or any form of RFC 4291 without a zone; nil where the text is neither.
    public init?(_ text: some StringProtocol) {
        let parsed = text.utf8.contains(UInt8(ascii: ":")) ? Self.parseIPv6(text) : Self.parseIPv4(text)
        guard let parsed else { return nil }
        self = parsed
    }

    /// Reads dotted decimal, or any form of RFC 4291 without a zone; nil where the text is neither.
    public init?(_ description: String) { self.init(description[...]) }

    /// Dotted decimal for IPv4, the form of RFC 5952 for IPv6.
    public var description: String {
        if family == .ipv4 { return (0..<4).map { String(byte(at: $0)) }.joined(separator: ".") }
        // RFC 5952, 4.2: the longest run of two or more zero groups, the first of equals, is written "::".
        var longest = 0..<0
        var index = 0
        while index < 8 {
            guard group(index) == 0 else {
                index += 1
                continue
            }
            var end = index
            while end < 8, group(end) == 0 { end += 1 }
            if end - index > max(longest.count, 1) { longest = index..<end }
            index = end
        }
        func text(_ range: Range<Int>) -> String {
            range.map { String(group($0), radix: 16) }.joined(separator: ":")
        }
        // RFC 5952, 5: addresses that embed an IPv4 address (::ffff:0:0/96) show it in dotted decimal.
        if high == 0, low >> 32 == 0xffff {
            return "::ffff:" + IPAddress(ipv4: UInt32(truncatingIfNeeded: low)).description
        }
        if longest.isEmpty { return text(0..<8) }
        return text(0..<longest.lowerBound) + "::" + text(longest.upperBound..<8)
    }

    private static func parseIPv4(_ text: some StringProtocol) -> IPAddress? {
        var number: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                number = number << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
            } else {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                if digits > 0, octet == 0 { return nil }
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                digits += 1
                guard octet <= 255 else { return nil }
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        return IPAddress(ipv4: number << 8 | octet)
    }

    private static func parseIPv6(_ text: some StringProtocol) -> IPAddress? {
        var groups: [UInt16] = []
        var gap: Int?
        var rest = text[...]
        guard rest.utf8.count <= 45 else { return nil }
        if rest.hasPrefix("::") {
            gap = 0
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            guard groups.count < 8 else { return nil }
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            let piece = rest[..<end]
            if piece.contains(".") {
                // RFC 4291, 2.2.3: the last 32 bits may be in dotted decimal.
                guard end == rest.endIndex, groups.count <= 6, let tail = parseIPv4(piece) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: tail.low >> 16))
                groups.append(UInt16(truncatingIfNeeded: tail.low))
                rest = rest[end...]
                break
            }
            guard (1...4).contains(piece.utf8.count), piece.utf8.allSatisfy(isHexDigit), let value = UInt16(piece, radix: 16)
            else { return nil }
            groups.append(value)
            rest = rest[end...]
            if rest.isEmpty { break }
            rest = rest.dropFirst()
            if rest.first == ":" {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let halves = groups.reduce(into: (high: UInt64(0), low: UInt64(0))) { halves, group in
            halves.high = halves.high << 16 | halves.low >> 48
            halves.low = halves.low << 16 | UInt64(group)
        }
        return IPAddress(ipv6High: halves.high, low: halves.low)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): true
        default: false
        }
    }
}
