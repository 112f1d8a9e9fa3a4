/// What an unquoted YAML scalar means.
///
/// Kubernetes' tools read YAML with the rules of YAML 1.1 (`yaml.org/type`), so that `on` is a boolean and `0x50` a number. The same
/// rules here make a document mean the same to this agent and to `kubectl apply`. Sexagesimal numbers are left out, as Go's reader
/// leaves them out.
package enum PlainScalar: Equatable, Sendable {
    case null
    case boolean(Bool)
    /// An integer that fits in 64 bits.
    case integer(Int64)
    /// Any other number: with a fraction, an exponent, or too large.
    case number
    case string

    /// - Parameter text: UTF-8.
    init(_ text: ArraySlice<UInt8>) {
        // Nearly every scalar is a word; its first byte tells.
        guard let first = text.first else {
            self = .null
            return
        }
        switch first {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            self = Self.plainNumber(text) ?? Self.number(String(decoding: text, as: UTF8.self))
        case UInt8(ascii: "~"), UInt8(ascii: "n"), UInt8(ascii: "N"), UInt8(ascii: "t"), UInt8(ascii: "T"), UInt8(ascii: "f"),
            UInt8(ascii: "F"), UInt8(ascii: "y"), UInt8(ascii: "Y"), UInt8(ascii: "o"), UInt8(ascii: "O"):
            // The longest of these words is "false".
            self = text.count > 5 ? .string : Self.word(String(decoding: text, as: UTF8.self))
        default:
            self = .string
        }
    }

    /// What nearly all that begin like a number are: a few decimal digits, or an IPv4 address; nil where more has to be looked at.
    private static func plainNumber(_ text: ArraySlice<UInt8>) -> PlainScalar? {
        var value: Int64 = 0
        var dots = 0
        for byte in text {
            if byte == UInt8(ascii: ".") {
                dots += 1
            } else {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                if dots == 0, text.count <= 18 { value = value * 10 + Int64(byte - UInt8(ascii: "0")) }
            }
        }
        if dots >= 2 { return .string }
        // A zero in front makes it octal.
        guard dots == 0, text.count <= 18, text.first != UInt8(ascii: "0") || text.count == 1 else { return nil }
        return .integer(value)
    }

    private static func word(_ text: String) -> PlainScalar {
        switch text {
        case "~", "null", "Null", "NULL": .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": .boolean(true)
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": .boolean(false)
        default: .string
        }
    }

    private static func number(_ text: String) -> PlainScalar {
        var digits = text[...]
        let sign = digits.first == "-" ? "-" : ""
        if digits.first == "-" || digits.first == "+" { digits = digits.dropFirst() }
        guard let first = digits.utf8.first else { return .string }
        var radix = 10
        if first == UInt8(ascii: "0"), digits.utf8.count > 1 {
            switch digits.utf8.dropFirst().first ?? 0 {
            case UInt8(ascii: "x"): radix = 16
            case UInt8(ascii: "o"), UInt8(ascii: "0")...UInt8(ascii: "7"), UInt8(ascii: "_"): radix = 8
            case UInt8(ascii: "b"): radix = 2
            default: break
            }
            if digits.dropFirst().first.map("xob".contains) == true { digits = digits.dropFirst(2) }
        }
        if digits.utf8.contains(UInt8(ascii: "_")) { digits = digits.filter { $0 != "_" }[...] }
        if digits.utf8.allSatisfy({ isDigit($0, radix: radix) }), !digits.isEmpty {
            return Int64(sign + digits, radix: radix).map(PlainScalar.integer) ?? .number
        }
        guard radix == 10 || radix == 8 else { return .string }
        switch digits {
        case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN": return .number
        default: break
        }
        // What is left may be a fraction or an exponent: 1.5, .5, 1e3. Addresses and dates are not.
        guard first != UInt8(ascii: ".") || digits.utf8.dropFirst().first.map({ isDigit($0, radix: 10) }) == true else { return .string }
        guard digits.utf8.allSatisfy({ isDigit($0, radix: 10) || ".eE+-".utf8.contains($0) }) else { return .string }
        return Double(String(digits)) != nil ? .number : .string
    }

    private static func isDigit(_ byte: UInt8, radix: Int) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0")) < radix
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): radix == 16
        default: false
        }
    }
}
