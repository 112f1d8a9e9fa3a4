import ArgumentParser

/// Which labels are wanted, in the words that `kubectl --selector` takes: requirements with commas between them, all of which have to hold.
/// The grammar, and what holds of a label that is not there, are those of `k8s.io/apimachinery/pkg/labels`.
struct LabelSelector: Equatable {
    /// One requirement.
    struct Requirement: Equatable {
        enum Relation: Equatable {
            /// `key`
            case exists
            /// `!key`
            case isAbsent
            /// `key=value`, `key in (a, b)`
            case isOneOf(Set<String>)
            /// `key!=value`, `key notin (a, b)`: also of what has no such label.
            case isNoneOf(Set<String>)
        }

        var key: String
        var relation: Relation

        func holds(of labels: [String: String]) -> Bool {
            switch relation {
            case .exists: labels[key] != nil
            case .isAbsent: labels[key] == nil
            case .isOneOf(let values): labels[key].map(values.contains) ?? false
            case .isNoneOf(let values): !(labels[key].map(values.contains) ?? false)
            }
        }
    }

    private(set) var requirements: [Requirement] = []

    /// Reads what a person typed; what cannot be understood is told with its place.
    init(_ text: String) throws(ValidationError) {
        var reader = SelectorReader(text)
        repeat {
            requirements.append(try reader.requirement())
        } while try reader.takesAnother()
    }

    func holds(of labels: [String: String]) -> Bool { requirements.allSatisfy { $0.holds(of: labels) } }
}

/// Takes a selector apart, word by word.
private struct SelectorReader {
    private enum Word: Equatable {
        case plain(String)
        /// `=`, `==`, `!=`, `!`, `,`, `(`, `)`
        case mark(String)
        case end
    }

    private let text: String
    private var rest: Substring

    init(_ text: String) {
        self.text = text
        rest = text[...]
    }

    mutating func requirement() throws(ValidationError) -> LabelSelector.Requirement {
        var word = next()
        let isNegated = word == .mark("!")
        if isNegated { word = next() }
        guard case .plain(let key) = word else { throw problem("a label's name is wanted", word) }
        guard LabelWords.isKey(key) else {
            throw problem("\(key) is no label's name (letters, digits and -_. in at most 63 places, with an optional DOMAIN/ before)")
        }
        let before = rest
        switch next() {
        case .mark(","), .end:
            rest = before
            return .init(key: key, relation: isNegated ? .isAbsent : .exists)
        case _ where isNegated: throw problem("!\(key) stands alone", nil)
        case .mark("="), .mark("=="): return .init(key: key, relation: .isOneOf([try value()]))
        case .mark("!="): return .init(key: key, relation: .isNoneOf([try value()]))
        case .plain("in"): return .init(key: key, relation: .isOneOf(try values()))
        case .plain("notin"): return .init(key: key, relation: .isNoneOf(try values()))
        case let other: throw problem("after \(key) =, ==, !=, in (…), notin (…) or a comma is wanted", other)
        }
    }

    /// Whether a comma leads to another requirement; nothing else may stand behind one.
    mutating func takesAnother() throws(ValidationError) -> Bool {
        switch next() {
        case .mark(","): return true
        case .end: return false
        case let other: throw problem("a comma is wanted between two requirements", other)
        }
    }

    /// One value, which may be empty.
    private mutating func value() throws(ValidationError) -> String {
        let before = rest
        guard case .plain(let value) = next() else {
            rest = before
            return ""
        }
        return try checked(value)
    }

    /// `(a, b)`; a place between two commas without a word is the empty value.
    private mutating func values() throws(ValidationError) -> Set<String> {
        let opening = next()
        guard opening == .mark("(") else { throw problem("values are wanted in parentheses", opening) }
        let before = rest
        guard next() != .mark(")") else { throw problem("() has no value", nil) }
        rest = before
        var values: Set<String> = []
        while true {
            values.insert(try value())
            switch next() {
            case .mark(","): continue
            case .mark(")"): return values
            case let other: throw problem("a comma or ) is wanted after a value", other)
            }
        }
    }

    private func checked(_ value: String) throws(ValidationError) -> String {
        guard LabelWords.isValue(value) else {
            throw problem("\(value) is no label's value (letters, digits and -_. in at most 63 places, or nothing)", nil)
        }
        return value
    }

    private mutating func next() -> Word {
        rest = rest.drop { $0 == " " || $0 == "\t" }
        guard let first = rest.first else { return .end }
        for mark in ["==", "!=", "=", "!", ",", "(", ")"] where rest.hasPrefix(mark) {
            rest = rest.dropFirst(mark.count)
            return .mark(mark)
        }
        let word = rest.prefix { !" \t=!,()".contains($0) }
        rest = rest.dropFirst(word.count)
        return .plain(word.isEmpty ? String(first) : String(word))
    }

    private func problem(_ what: String, _ found: Word? = nil) -> ValidationError {
        let instead =
            switch found {
            case .plain(let word)?, .mark(let word)?: ", and not \(word)"
            case .end?: ", and there is nothing"
            case nil: ""
            }
        return ValidationError("--selector \(text): \(what)\(instead)")
    }
}

/// What labels may be made of (`IsQualifiedName` and `IsValidLabelValue` of `k8s.io/apimachinery/pkg/util/validation`).
private enum LabelWords {
    static func isKey(_ key: String) -> Bool {
        let parts = key.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.last, !name.isEmpty, isWord(name) else { return false }
        return parts.count == 1 || isDomain(parts[0])
    }

    static func isValue(_ value: String) -> Bool { value.isEmpty || isWord(value[...]) }

    /// At most 63 letters, digits, `-`, `_` and `.`, with a letter or a digit at either end.
    private static func isWord(_ word: Substring) -> Bool {
        let bytes = word.utf8
        guard (1...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy {
                isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
            }
    }

    /// A DNS subdomain (RFC 1123).
    private static func isDomain(_ domain: Substring) -> Bool {
        domain.utf8.count <= 253
            && domain.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                isWord(label) && !label.utf8.contains(UInt8(ascii: "_")) && !label.contains(where: \.isUppercase)
            }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
