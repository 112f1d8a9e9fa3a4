/// Takes a JSON object apart while it arrives: the values of some of its fields, and one by one the elements of a field that is a list.
///
/// So a list of ten thousand objects is never held as a whole, nor is a page of it. Only brackets and strings are looked at: whether a part
/// is good JSON says whoever reads it.
struct JSONSplitter {
    enum Part: Equatable {
        case field(String, [UInt8])
        case element([UInt8])
        /// An element that is larger than allowed; its beginning, to find out what it is about.
        case giantElement(beginning: [UInt8])
    }

    struct Malformed: Error {}

    private enum State {
        case start, beforeKey, key, beforeColon, beforeValue, value, afterValue, beforeElement, element, afterElement, end
    }

    private let wanted: Set<String>
    private let list: String?
    private let maximum: Int
    private let kept: Int

    private var state = State.start
    private var name: [UInt8] = []
    private var part: [UInt8] = []
    private var length = 0
    private var isKept = false
    // Of the value in hand.
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// - Parameters:
    ///   - fields: the fields whose values are given.
    ///   - list: the field whose elements are given one by one.
    ///   - maximum: the most bytes of one part.
    ///   - kept: how much is kept of an element that has more.
    init(fields: Set<String>, elementsOf list: String? = nil, maximum: Int, kept: Int = 64 << 10) {
        wanted = fields
        self.list = list
        self.maximum = maximum
        self.kept = min(kept, maximum)
    }

    /// Whether the object has come to its end.
    var isComplete: Bool { if case .end = state { true } else { false } }

    mutating func take(_ bytes: [UInt8], _ give: (Part) throws -> Void) throws {
        var index = 0
        while index < bytes.count {
            switch state {
            case .value, .element:
                try takeValue(bytes, &index, give)
            case .key:
                try takeKey(bytes[index])
                index += 1
            default:
                let byte = bytes[index]
                if Self.isBlank(byte) {
                    index += 1
                } else if try takeStructure(byte) {
                    index += 1
                }
            }
        }
    }

    /// Takes a byte between values; false where it begins a value and is to be looked at again.
    private mutating func takeStructure(_ byte: UInt8) throws -> Bool {
        switch (state, byte) {
        case (.start, UInt8(ascii: "{")): state = .beforeKey
        case (.beforeKey, UInt8(ascii: "\"")):
            name.removeAll(keepingCapacity: true)
            state = .key
        case (.beforeKey, UInt8(ascii: "}")), (.afterValue, UInt8(ascii: "}")): state = .end
        case (.beforeColon, UInt8(ascii: ":")): state = .beforeValue
        case (.beforeValue, UInt8(ascii: "[")) where list.map { $0.utf8.elementsEqual(name) } ?? false: state = .beforeElement
        case (.beforeValue, _):
            begin(isKept: wanted.contains(String(decoding: name, as: UTF8.self)))
            state = .value
            return false
        case (.afterValue, UInt8(ascii: ",")): state = .beforeKey
        case (.beforeElement, UInt8(ascii: "]")), (.afterElement, UInt8(ascii: "]")): state = .afterValue
        case (.beforeElement, _):
            begin(isKept: true)
            state = .element
            return false
        case (.afterElement, UInt8(ascii: ",")): state = .beforeElement
        default: throw Malformed()
        }
        return true
    }

    private mutating func takeKey(_ byte: UInt8) throws {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            state = .beforeColon
            return
        }
        name.append(byte)
        // No field of the API has such a name.
        if name.count > 4096 { throw Malformed() }
    }

    private mutating func begin(isKept: Bool) {
        self.isKept = isKept
        (length, depth, isInString, isEscaped) = (0, 0, false, false)
        part.removeAll(keepingCapacity: part.capacity < 1 << 20)
    }

    /// Takes the bytes of a value up to its end, or all that there are.
    private mutating func takeValue(_ bytes: [UInt8], _ index: inout Int, _ give: (Part) throws -> Void) throws {
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                    if depth == 0 { return try end(bytes, start, &index, includingLast: true, give) }
                }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    // The end of what holds a number or a word ends that, too.
                    if depth == 0 { return try end(bytes, start, &index, includingLast: false, give) }
                    depth -= 1
                    if depth == 0 { return try end(bytes, start, &index, includingLast: true, give) }
                case UInt8(ascii: ",") where depth == 0: return try end(bytes, start, &index, includingLast: false, give)
                default:
                    if depth == 0, Self.isBlank(byte) { return try end(bytes, start, &index, includingLast: false, give) }
                }
            }
            index += 1
        }
        keep(bytes[start..<index])
    }

    private mutating func end(
        _ bytes: [UInt8], _ start: Int, _ index: inout Int, includingLast: Bool, _ give: (Part) throws -> Void
    ) throws {
        if includingLast { index += 1 }
        keep(bytes[start..<index])
        if length == 0 { throw Malformed() }
        let isElement = if case .element = state { true } else { false }
        state = isElement ? .afterElement : .afterValue
        guard isKept else { return }
        if length > maximum {
            // A field is as good as absent; what needs it will say so.
            if isElement { try give(.giantElement(beginning: part)) }
        } else {
            try give(isElement ? .element(part) : .field(String(decoding: name, as: UTF8.self), part))
        }
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) {
        length += bytes.count
        guard isKept else { return }
        if length <= maximum {
            part += bytes
        } else {
            if part.count < kept { part += bytes.prefix(kept - part.count) }
            if part.count > kept { part = Array(part.prefix(kept)) }
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 }
}
