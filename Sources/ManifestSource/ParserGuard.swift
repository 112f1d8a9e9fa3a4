/// Refuses the few texts on which the YAML parser would work for minutes.
///
/// The parser hashes every key of a mapping to find duplicates. A key may be a whole list, `? [*a, *a]`, whose hash visits what its aliases
/// stand for as often as they stand there: exponential in the length of the text. Values are not visited by the parser, and the reader
/// counts what it visits (`WorkBudget`), so only texts are refused that have both many aliases and keys that are not plain text. No
/// object of Kubernetes has such keys: in JSON, keys are strings.
///
/// Nesting is bounded by libyaml itself (1,000 levels).
enum ParserGuard {
    static func fault(in text: String) -> (line: Int, message: String)? {
        // Whatever is refused has to hold one of these; almost no manifest does.
        let suspects = text.utf8.contains { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "*") }
        guard suspects else { return nil }
        var scan = Scan()
        for byte in text.utf8 { scan.take(byte) }
        // An alias needs an anchor; without one the text only looks so.
        if scan.anchors > 0, scan.aliases > 16, scan.complexKeys > 0 {
            return (scan.firstComplexKey, "a mapping key that is not plain text, in a file with \(scan.aliases) aliases")
        }
        // Each level of keys in keys hashes all that is inside it once more.
        if scan.complexKeys > 1000 { return (scan.firstComplexKey, "\(scan.complexKeys) mapping keys that are not plain text") }
        return nil
    }

    /// Counts, a byte at a time, what looks like an alias, an anchor or a key that is not plain text. Text in quotes may look so too:
    /// the counts are upper bounds.
    private struct Scan {
        var aliases = 0
        var anchors = 0
        var complexKeys = 0
        var firstComplexKey = 1
        private var line = 1
        /// The last two bytes, the nearer first.
        private var previous = UInt8(ascii: "\n")
        private var beforePrevious = UInt8(ascii: "\n")
        private var lastVisible = UInt8(ascii: "\n")
        /// Whether the last word began with `*`.
        private var isInAlias = false

        mutating func take(_ byte: UInt8) {
            let isBlank = byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
            let startsWord = Self.mayEndToken(previous)
            switch byte {
            case UInt8(ascii: "*") where startsWord:
                aliases += 1
                isInAlias = true
            case UInt8(ascii: "&") where startsWord:
                anchors += 1
            // `*a : x`, `[*a]: x` and `{a: *a}: x`.
            case UInt8(ascii: ":") where isInAlias || lastVisible == UInt8(ascii: "]") || lastVisible == UInt8(ascii: "}"):
                countKey()
            // `? [*a]`.
            case _ where isBlank && previous == UInt8(ascii: "?") && Self.mayEndToken(beforePrevious):
                countKey()
            default: break
            }
            if !isBlank {
                if isInAlias, byte != UInt8(ascii: "*"), startsWord { isInAlias = false }
                lastVisible = byte
            }
            if byte == 0x0a { line += 1 }
            beforePrevious = previous
            previous = byte
        }

        private mutating func countKey() {
            if complexKeys == 0 { firstComplexKey = line }
            complexKeys += 1
        }

        /// Whether a new token may begin after this byte.
        private static func mayEndToken(_ byte: UInt8) -> Bool {
            byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d || "[]{},:-?".utf8.contains(byte)
        }
    }
}
