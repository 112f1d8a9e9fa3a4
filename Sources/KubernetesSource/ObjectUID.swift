/// A `metadata.uid`: a UUID, kept in its 16 bytes.
struct ObjectUID: Equatable, Sendable, CustomStringConvertible {
    private var high: UInt64
    private var low: UInt64

    /// Nil where the text is not a UUID in the usual form.
    init?(_ text: String) {
        var digits: [UInt8] = []
        for (index, byte) in text.utf8.enumerated() {
            if [8, 13, 18, 23].contains(index) {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard index < 36, let digit = Self.digit(byte) else { return nil }
            digits.append(digit)
        }
        guard digits.count == 32 else { return nil }
        high = digits[..<16].reduce(0) { $0 << 4 | UInt64($1) }
        low = digits[16...].reduce(0) { $0 << 4 | UInt64($1) }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    var description: String {
        func hex(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        let all = Array((hex(high) + hex(low)).utf8)
        return [all[..<8], all[8..<12], all[12..<16], all[16..<20], all[20...]].map { String(decoding: $0, as: UTF8.self) }
            .joined(separator: "-")
    }
}
