/// Reads one value of a document, and says in the report what is wrong with it.
///
/// A value that is absent or null reads as nil without a problem, as in the Kubernetes API; a value of the wrong type reads as nil with one.
package struct FieldReader {
    /// Nil where the field is absent.
    package let node: DocumentNode?
    /// The line of the value, or of the mapping that lacks it.
    package let line: Int
    package let report: ObjectReport
    /// Where the mapping or list stands that this is in, and the step from there. Put together only when it is asked for.
    private let parent: FieldPath
    private let step: Step

    enum Step {
        case none
        case field(String)
        case index(Int)
    }

    init(_ node: DocumentNode?, line: Int, parent: FieldPath, step: Step = .none, report: ObjectReport) {
        self.node = node
        self.line = node?.line ?? line
        self.parent = parent
        self.step = step
        self.report = report
    }

    /// Reads an object: paths begin here.
    package init(object node: DocumentNode?, line: Int = 1, report: ObjectReport) {
        self.init(node, line: line, parent: .root, report: report)
    }

    var path: FieldPath {
        switch step {
        case .none: parent
        case .field(let name): .field(parent, name)
        case .index(let index): .index(parent, index)
        }
    }

    /// Whether there is a value, null counting as none.
    package var isPresent: Bool { node.map { !$0.isNull } ?? false }

    /// What the value means; nil where it is absent, a mapping or a list.
    package var meaning: PlainScalar? { node?.meaning }

    /// Reports an error here: what was asked for is left out because of it.
    package func error(_ message: String) { report.add(message, line: line, path: path, isError: true) }

    /// Reports something worth knowing.
    package func warn(_ message: String) { report.add(message, line: line, path: path, isError: false) }

    /// The value as a mapping.
    package func fields() -> Fields? {
        guard isPresent, let node else { return nil }
        guard node.kind == .mapping else {
            error("\(shown) where a mapping is wanted")
            return nil
        }
        return Fields(node, at: self)
    }

    /// The value as a list; empty where it is absent.
    package func items() -> Items {
        let none = Items(list: nil, reader: self)
        guard isPresent, let node else { return none }
        guard node.kind == .sequence else {
            error("\(shown) where a list is wanted")
            return none
        }
        return report.budget.spend(node.count + 1) ? Items(list: node, reader: self) : none
    }

    /// The items of a list, each read when its turn comes.
    package struct Items: Sequence {
        fileprivate let list: DocumentNode?
        fileprivate let reader: FieldReader

        package var count: Int { list?.count ?? 0 }
        package var isEmpty: Bool { count == 0 }

        package func makeIterator() -> Iterator {
            Iterator(items: list?.items.makeIterator(), path: reader.path, reader: reader)
        }

        package struct Iterator: IteratorProtocol {
            fileprivate var items: DocumentNode.Items?
            fileprivate let path: FieldPath
            fileprivate let reader: FieldReader
            private var index = 0

            fileprivate init(items: DocumentNode.Items?, path: FieldPath, reader: FieldReader) {
                self.items = items
                self.path = path
                self.reader = reader
            }

            package mutating func next() -> FieldReader? {
                guard let item = items?.next() else { return nil }
                defer { index += 1 }
                return FieldReader(item, line: reader.line, parent: path, step: .index(index), report: reader.report)
            }
        }
    }

    /// The value as text. A bare number or boolean is refused, as the API refuses it: `name: 8080` is a number there.
    package func string() -> String? {
        guard let scalar = scalar("a string") else { return nil }
        guard scalar.meaning == .string else {
            error("\(shown) where a string is wanted; put it in quotes")
            return nil
        }
        return scalar.text
    }

    package func boolean() -> Bool? {
        guard let scalar = scalar("true or false") else { return nil }
        guard case .boolean(let value) = scalar.meaning else {
            error("\(shown) where true or false is wanted")
            return nil
        }
        return value
    }

    /// The value as a whole number in a range; `kind` says what it is: `port number`.
    package func integer(in range: ClosedRange<Int64>, _ kind: String) -> Int64? {
        guard let scalar = scalar("a number") else { return nil }
        switch scalar.meaning {
        case .integer(let value) where range.contains(value):
            return value
        case .integer, .number:
            error("\(shown(scalar.text)) is not a \(kind) (\(range.lowerBound)…\(range.upperBound))")
        default:
            error("\(shown) where a number is wanted")
        }
        return nil
    }

    /// The value as one of the words that an enumeration has.
    package func word<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> Word? where Word.RawValue == String {
        guard let text = string() else { return nil }
        if let word = Word(rawValue: text) { return word }
        error("\"\(shown(text))\" is none of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    /// The value as a list of strings; those of another type are reported.
    package func strings() -> [(text: String, reader: FieldReader)] {
        items().compactMap { item in
            if !item.isPresent { item.error("an empty entry") }
            return item.string().map { ($0, item) }
        }
    }

    private func scalar(_ wanted: String) -> DocumentNode? {
        guard isPresent, let node else { return nil }
        guard node.kind == .scalar else {
            error("\(shown) where \(wanted) is wanted")
            return nil
        }
        return node
    }

    /// The value as a message begins with it: `"8080" is a string`.
    private var shown: String {
        guard let node else { return "nothing" }
        switch (node.kind, node.meaning) {
        case (.mapping, _): return "a mapping stands"
        case (.sequence, _): return "a list stands"
        case (.scalar, .null): return "null stands"
        case (.scalar, .boolean): return "\(shown(node.text)) is a boolean"
        case (.scalar, .integer), (.scalar, .number): return "\(shown(node.text)) is a number"
        case (.scalar, .string), (.scalar, nil): return "\"\(shown(node.text))\" is a string"
        }
    }

    /// Text from a document fit for one line of a message: bounded, and without control characters.
    package func shown(_ text: String) -> String {
        let short = text.unicodeScalars.prefix(80)
        var result = ""
        for scalar in short {
            result += scalar.properties.generalCategory == .control ? "�" : String(scalar)
        }
        return text.unicodeScalars.count > 80 ? result + "…" : result
    }
}
