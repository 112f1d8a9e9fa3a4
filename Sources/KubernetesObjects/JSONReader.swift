/// Why a text is not a JSON document, and where.
package struct JSONFault: Error, Equatable, CustomStringConvertible {
    package let message: String
    /// In bytes, from 0.
    package let offset: Int
    /// Counted from 1.
    package let line: Int
    /// In bytes, counted from 1.
    package let column: Int

    package var description: String { "\(message), line \(line), column \(column)" }
}

extension DocumentNode {
    /// How deep a JSON document may nest: as deep as a YAML document (libyaml's bound).
    package static let maximumDepth = 1000

    /// Reads one JSON document (RFC 8259), with nothing but blanks around it.
    ///
    /// Half of a surrogate pair reads as U+FFFD, as Go's reader has it, which the API server uses; a key given twice is refused.
    package init(json bytes: [UInt8], maximumDepth: Int = Self.maximumDepth) throws(JSONFault) {
        var reader = JSONReader(bytes, maximumDepth: maximumDepth)
        do throws(JSONReader.Stop) {
            try reader.readDocument()
        } catch {
            throw reader.fault(error)
        }
        guard let root = reader.finish() else { throw JSONFault(message: "nothing stands here", offset: 0, line: 1, column: 1) }
        self = root
    }
}

/// Reads JSON without recursion: what is open is kept by the builder and in `containers`.
///
/// Strings stay where they are in the text; those with escapes become shorter, and are written over in place.
private struct JSONReader: ~Copyable {
    struct Stop: Error {
        let message: String
        let offset: Int
        /// Given where the place is known by its line alone.
        var line: Int?
    }

    private var builder: DocumentBuilder
    private let count: Int
    private let maximumDepth: Int
    private var place = 0
    private var line = 1
    private var lineStart = 0
    private var containers: [Container] = []

    private enum Container { case object, array }

    init(_ bytes: [UInt8], maximumDepth: Int) {
        count = bytes.count
        self.maximumDepth = maximumDepth
        // An object as the API server sends it has a value for every 15 bytes.
        builder = DocumentBuilder(text: bytes, reserving: min(bytes.count / 12 + 4, 1 << 16))
    }

    consuming func finish() -> DocumentNode? { builder.finish() }

    func fault(_ stop: Stop) -> JSONFault {
        if let line = stop.line { return JSONFault(message: stop.message, offset: stop.offset, line: line, column: 1) }
        return JSONFault(message: stop.message, offset: stop.offset, line: line, column: max(stop.offset - lineStart, 0) + 1)
    }

    mutating func readDocument() throws(Stop) {
        // Offsets are kept in 32 bits.
        guard count <= Int(Int32.max) else { throw Stop(message: "the text is larger than 2 GiB", offset: 0) }
        if let offset = Self.invalidUTF8(in: builder.bytes) { throw Stop(message: "the text is not UTF-8", offset: offset) }
        skipBlanks()
        try readValue()
        while let container = containers.last { try readMore(of: container) }
        skipBlanks()
        guard place == count else { throw Stop(message: "something follows the document", offset: place) }
    }

    private static func invalidUTF8(in bytes: [UInt8]) -> Int? {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }

    /// Goes on in the innermost mapping or list: with its next entry, or with its end.
    private mutating func readMore(of container: Container) throws(Stop) {
        skipBlanks()
        let isFirst = builder.isEmptyContainer
        let end = container == .object ? UInt8(ascii: "}") : UInt8(ascii: "]")
        guard let byte = peek() else { throw Stop(message: "the text ends within \(Self.name(container))", offset: count) }
        if byte == end {
            place += 1
            containers.removeLast()
            do throws(DocumentBuilder.DuplicateKeys) {
                try builder.close()
            } catch {
                let keys = error.keys.map { "\"\($0)\"" }.joined(separator: ", ")
                throw Stop(message: "the key \(keys) is given twice", offset: place, line: error.line)
            }
            return
        }
        if !isFirst {
            guard byte == UInt8(ascii: ",") else {
                throw Stop(message: "neither a comma nor the end of \(Self.name(container))", offset: place)
            }
            place += 1
            skipBlanks()
        }
        if container == .object {
            guard peek() == UInt8(ascii: "\"") else { throw Stop(message: "a key in quotes is wanted", offset: place) }
            try readString()
            skipBlanks()
            guard peek() == UInt8(ascii: ":") else { throw Stop(message: "a colon is wanted after a key", offset: place) }
            place += 1
            skipBlanks()
        }
        try readValue()
    }

    private static func name(_ container: Container) -> String { container == .object ? "an object" : "a list" }

    private mutating func readValue() throws(Stop) {
        guard let byte = peek() else { throw Stop(message: "the text ends where a value is wanted", offset: count) }
        switch byte {
        case UInt8(ascii: "{"):
            try open(.object)
            builder.openMapping(line: line)
        case UInt8(ascii: "["):
            try open(.array)
            builder.openSequence(line: line)
        case UInt8(ascii: "\""): try readString()
        case UInt8(ascii: "t"): try readWord("true")
        case UInt8(ascii: "f"): try readWord("false")
        case UInt8(ascii: "n"): try readWord("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try readNumber()
        default: throw Stop(message: "no value begins like this", offset: place)
        }
    }

    private mutating func open(_ container: Container) throws(Stop) {
        guard containers.count < maximumDepth else { throw Stop(message: "nested deeper than \(maximumDepth) levels", offset: place) }
        containers.append(container)
        place += 1
    }

    private func peek() -> UInt8? { place < count ? builder.bytes[place] : nil }

    private mutating func skipBlanks() {
        while place < count {
            switch builder.bytes[place] {
            case UInt8(ascii: "\n"):
                line += 1
                lineStart = place + 1
            case 0x20, 0x09, 0x0d: break
            default: return
            }
            place += 1
        }
    }

    private mutating func readWord(_ word: StaticString) throws(Stop) {
        let end = place + word.utf8CodeUnitCount
        let matches = end <= count && String(decoding: builder.bytes[place..<end], as: UTF8.self) == "\(word)"
        guard matches else { throw Stop(message: "no value begins like this", offset: place) }
        addTyped(place..<end)
        place = end
    }

    private mutating func addTyped(_ range: Range<Int>) { builder.addScalar(range, line: line, isPlain: true, mayBeTyped: true) }

    private mutating func readNumber() throws(Stop) {
        let start = place
        if peek() == UInt8(ascii: "-") { place += 1 }
        if peek() == UInt8(ascii: "0") { place += 1 } else { try readDigits() }
        if peek() == UInt8(ascii: ".") {
            place += 1
            try readDigits()
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            place += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { place += 1 }
            try readDigits()
        }
        addTyped(start..<place)
    }

    private mutating func readDigits() throws(Stop) {
        let start = place
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
        if place == start { throw Stop(message: "a digit is wanted in a number", offset: place) }
    }
}

extension JSONReader {
    private mutating func readString() throws(Stop) {
        place += 1
        let start = place
        while true {
            guard let byte = peek() else { throw Stop(message: "the text ends within a string", offset: count) }
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") { return try readEscapedString(from: start) }
            guard byte >= 0x20 else { throw Stop(message: "a control character stands in a string", offset: place) }
            place += 1
        }
        addText(start..<place)
        place += 1
    }

    /// Goes on at the first escape. What is read is written over what was read, which is never shorter.
    private mutating func readEscapedString(from start: Int) throws(Stop) {
        var end = place
        while true {
            guard let byte = peek() else { throw Stop(message: "the text ends within a string", offset: count) }
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                return addText(start..<end)
            case UInt8(ascii: "\\"):
                for unit in UTF8.encode(try readEscape()) ?? UTF8.encodedReplacementCharacter {
                    builder.bytes[end] = unit
                    end += 1
                }
            default:
                guard byte >= 0x20 else { throw Stop(message: "a control character stands in a string", offset: place - 1) }
                builder.bytes[end] = byte
                end += 1
            }
        }
    }

    private mutating func addText(_ range: Range<Int>) { builder.addScalar(range, line: line, isPlain: false, mayBeTyped: false) }

    private mutating func readEscape() throws(Stop) -> Unicode.Scalar {
        guard let byte = peek() else { throw Stop(message: "the text ends within a string", offset: count) }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw Stop(message: "no such escape", offset: place - 2)
        }
        let first = try readUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // The first half of a pair, which counts only with its second half at once behind it.
        let isPaired =
            UTF16.isLeadSurrogate(first) && place + 1 < count && builder.bytes[place] == UInt8(ascii: "\\")
            && builder.bytes[place + 1] == UInt8(ascii: "u")
        guard isPaired else { return "\u{fffd}" }
        let before = place
        place += 2
        let second = try readUnit()
        guard UTF16.isTrailSurrogate(second) else {
            place = before
            return "\u{fffd}"
        }
        return Unicode.Scalar(0x10000 + (UInt32(first & 0x3ff) << 10 | UInt32(second & 0x3ff))) ?? "\u{fffd}"
    }

    private mutating func readUnit() throws(Stop) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw Stop(message: "four hexadecimal digits are wanted after \\u", offset: place)
            }
            unit = unit << 4 | UInt16(digit)
            place += 1
        }
        return unit
    }
}
