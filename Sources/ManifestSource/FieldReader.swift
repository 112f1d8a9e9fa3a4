import Yams

/// Reads one value of a document, and says in the report what is wrong with it.
///
/// A value that is absent or null reads as nil without a problem, as in the Kubernetes API; a value of the wrong type reads as nil with one.
struct FieldReader {
    /// Nil where the field is absent.
    let node: YAMLNode?
    /// The line of the value, or of the mapping that lacks it.
    let line: Int
    let path: FieldPath
    let report: ObjectReport

    init(_ node: YAMLNode?, line: Int, path: FieldPath, report: ObjectReport) {
        self.node = node
        self.line = node?.mark?.line ?? line
        self.path = path
        self.report = report
    }

    /// Whether there is a value, null counting as none.
    var isPresent: Bool {
        switch node {
        case nil: false
        case .scalar(let scalar): scalar.meaning != .null
        default: true
        }
    }

    /// What the value means; nil where it is absent, a mapping or a list.
    var meaning: PlainScalar? {
        if case .scalar(let scalar) = node { scalar.meaning } else { nil }
    }

    /// Reports an error here: what was asked for is left out because of it.
    func error(_ message: String) { report.add(message, line: line, path: path, isError: true) }

    /// Reports something worth knowing.
    func warn(_ message: String) { report.add(message, line: line, path: path, isError: false) }

    /// The value as a mapping.
    func fields() -> Fields? {
        guard isPresent, let node else { return nil }
        guard case .mapping(let mapping) = node else {
            error("\(shown) where a mapping is wanted")
            return nil
        }
        return Fields(mapping, at: self)
    }

    /// The value as a list; empty where it is absent.
    func items() -> [FieldReader] {
        guard isPresent, let node else { return [] }
        guard case .sequence(let sequence) = node else {
            error("\(shown) where a list is wanted")
            return []
        }
        guard report.budget.spend(sequence.count + 1) else { return [] }
        var items: [FieldReader] = []
        items.reserveCapacity(sequence.count)
        for (index, item) in sequence.enumerated() {
            items.append(FieldReader(item, line: line, path: .index(path, index), report: report))
        }
        return items
    }

    /// The value as text. A bare number or boolean is refused, as the API refuses it: `name: 8080` is a number there.
    func string() -> String? {
        guard let scalar = scalar("a string") else { return nil }
        guard scalar.meaning == .string else {
            error("\(shown) where a string is wanted; put it in quotes")
            return nil
        }
        return scalar.string
    }

    func boolean() -> Bool? {
        guard let scalar = scalar("true or false") else { return nil }
        guard case .boolean(let value) = scalar.meaning else {
            error("\(shown) where true or false is wanted")
            return nil
        }
        return value
    }

    /// The value as a whole number in a range; `kind` says what it is: `port number`.
    func integer(in range: ClosedRange<Int64>, _ kind: String) -> Int64? {
        guard let scalar = scalar("a number") else { return nil }
        switch scalar.meaning {
        case .integer(let value) where range.contains(value):
            return value
        case .integer, .number:
            error("\(shown(scalar.string)) is not a \(kind) (\(range.lowerBound)…\(range.upperBound))")
        default:
            error("\(shown) where a number is wanted")
        }
        return nil
    }

    /// The value as one of the words that an enumeration has.
    func word<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> Word? where Word.RawValue == String {
        guard let text = string() else { return nil }
        if let word = Word(rawValue: text) { return word }
        error("\"\(shown(text))\" is none of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    /// The value as a list of strings; those of another type are reported.
    func strings() -> [(text: String, reader: FieldReader)] {
        items().compactMap { item in
            if !item.isPresent { item.error("an empty entry") }
            return item.string().map { ($0, item) }
        }
    }

    private func scalar(_ wanted: String) -> YAMLNode.Scalar? {
        guard isPresent, let node else { return nil }
        guard case .scalar(let scalar) = node else {
            error("\(shown) where \(wanted) is wanted")
            return nil
        }
        return scalar
    }

    /// The value as a message begins with it: `"8080" is a string`.
    private var shown: String {
        switch node {
        case nil: "nothing"
        case .mapping: "a mapping stands"
        case .sequence: "a list stands"
        case .alias: "an alias stands"
        case .scalar(let scalar):
            switch scalar.meaning {
            case .null: "null stands"
            case .boolean: "\(shown(scalar.string)) is a boolean"
            case .integer, .number: "\(shown(scalar.string)) is a number"
            case .string: "\"\(shown(scalar.string))\" is a string"
            }
        }
    }

    /// Text from a document fit for one line of a message: bounded, and without control characters.
    func shown(_ text: String) -> String {
        let short = text.unicodeScalars.prefix(80)
        var result = ""
        for scalar in short {
            result += scalar.properties.generalCategory == .control ? "�" : String(scalar)
        }
        return text.unicodeScalars.count > 80 ? result + "…" : result
    }
}

extension YAMLNode.Scalar {
    /// What the scalar means, by its tag, its quotes and its text.
    var meaning: PlainScalar {
        switch tag.rawValue {
        case "", Tag.Name.int.rawValue, Tag.Name.bool.rawValue, Tag.Name.null.rawValue, Tag.Name.float.rawValue:
            style == .plain || !tag.rawValue.isEmpty ? PlainScalar(string) : .string
        default:
            .string
        }
    }
}
