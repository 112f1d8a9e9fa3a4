/// A document as plain values: text with its line, mappings and lists.
///
/// It lies in one array, in the order of the text, with the texts beside it in another: building it costs no heap object for each value,
/// and a value that nobody asks for costs nothing more. What a scalar means is decided when it is read.
package final class DocumentTree: Sendable {
    /// One value. A mapping's entries follow it, each key before its value, and a list's items; `end` is the index after the last of them.
    struct Entry: Sendable {
        enum Kind: UInt8, Sendable {
            case scalar, mapping, sequence
            /// Stands for another value.
            case alias
        }

        var kind: Kind
        var flags: Flags
        /// Counted from 1.
        var line: UInt32
        /// A scalar's place in the text, a mapping's or list's number of entries, an alias's target.
        var start: UInt32
        /// A scalar's length, the index after a mapping's or list's last entry.
        var end: UInt32
    }

    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8

        /// A scalar that was written without quotes.
        static let plain = Flags(rawValue: 1)
        /// A scalar that may be something else than a string.
        static let typed = Flags(rawValue: 2)
        /// A mapping that merges others in (`<<`), or has a key that is no text.
        static let unusual = Flags(rawValue: 4)
    }

    let entries: [Entry]
    let text: [UInt8]

    init(entries: [Entry], text: [UInt8]) {
        self.entries = entries
        self.text = text
    }
}

/// A value of a document.
package struct DocumentNode: Sendable {
    let tree: DocumentTree
    /// Never that of an alias.
    let index: Int

    package enum Kind: Sendable { case scalar, mapping, sequence }

    init(_ tree: DocumentTree, at index: Int) {
        self.tree = tree
        let entry = tree.entries[index]
        // What an alias stands for is no alias: aliases are resolved when they are read.
        self.index = entry.kind == .alias ? Int(entry.start) : index
    }

    private var entry: DocumentTree.Entry { tree.entries[index] }

    package var kind: Kind {
        switch entry.kind {
        case .mapping: .mapping
        case .sequence: .sequence
        case .scalar, .alias: .scalar
        }
    }

    /// Where the value begins, counted from 1.
    package var line: Int { Int(entry.line) }

    /// How many pairs or items a mapping or list has.
    package var count: Int { entry.kind == .scalar ? 0 : Int(entry.start) }

    /// Whether a mapping merges others in, or has a key that is no text.
    var isUnusual: Bool { entry.flags.contains(.unusual) }

    /// Whether a scalar is the key that merges another mapping in (`yaml.org/type/merge.html`).
    var isMergeKey: Bool { entry.kind == .scalar && entry.flags.contains(.plain) && hasText("<<") }

    /// A scalar's text; empty for others.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// A scalar's text as bytes of UTF-8; empty for others.
    var bytes: ArraySlice<UInt8> {
        let entry = entry
        return entry.kind == .scalar ? tree.text[Int(entry.start)..<Int(entry.start) + Int(entry.end)] : []
    }

    /// What a scalar means, by its quotes, its tag and its text; nil for others.
    package var meaning: PlainScalar? {
        let entry = entry
        guard entry.kind == .scalar else { return nil }
        return entry.flags.contains(.typed) ? PlainScalar(bytes) : .string
    }

    /// Whether this is a scalar that means null.
    var isNull: Bool {
        let entry = entry
        // Most scalars are told apart by their length.
        guard entry.kind == .scalar, entry.flags.contains(.typed), entry.end <= 4 else { return false }
        return PlainScalar(bytes) == .null
    }

    /// Whether this is a scalar of that text.
    func hasText(_ text: String) -> Bool {
        let entry = entry
        return entry.kind == .scalar && tree.hasText(text, at: entry)
    }

    /// The value under a key of a mapping, without those that it merges in.
    func value(of key: String) -> DocumentNode? {
        guard entry.kind == .mapping else { return nil }
        var place = index + 1
        for _ in 0..<entry.start {
            let (found, value) = tree.key(at: place, is: key)
            if found { return DocumentNode(tree, at: value) }
            place = tree.next(after: value)
        }
        return nil
    }

    /// Each key of a mapping with its value, in the order of the text.
    func forEachPair(_ body: (_ key: DocumentNode, _ value: DocumentNode) -> Void) {
        guard entry.kind == .mapping else { return }
        var place = index + 1
        for _ in 0..<entry.start {
            let value = tree.next(after: place)
            body(DocumentNode(tree, at: place), DocumentNode(tree, at: value))
            place = tree.next(after: value)
        }
    }

    /// A list's items; none for others.
    package var items: Items { Items(tree: tree, place: index + 1, left: entry.kind == .sequence ? count : 0) }

    package struct Items: Sequence, IteratorProtocol {
        let tree: DocumentTree
        var place: Int
        var left: Int

        package mutating func next() -> DocumentNode? {
            guard left > 0 else { return nil }
            left -= 1
            defer { place = tree.next(after: place) }
            return DocumentNode(tree, at: place)
        }
    }
}

extension DocumentTree {
    /// The index of what follows a value.
    func next(after index: Int) -> Int {
        let entry = entries[index]
        return entry.kind == .mapping || entry.kind == .sequence ? Int(entry.end) : index + 1
    }

    /// Whether a key has that text, and where its value is.
    func key(at index: Int, is text: String) -> (Bool, value: Int) {
        let entry = entries[index]
        switch entry.kind {
        case .scalar: return (hasText(text, at: entry), index + 1)
        case .alias:
            let target = entries[Int(entry.start)]
            return (target.kind == .scalar && hasText(text, at: target), index + 1)
        case .mapping, .sequence: return (false, Int(entry.end))
        }
    }

    func hasText(_ wanted: String, at entry: Entry) -> Bool {
        guard wanted.utf8.count == Int(entry.end) else { return false }
        var place = Int(entry.start)
        for byte in wanted.utf8 {
            guard text[place] == byte else { return false }
            place += 1
        }
        return true
    }
}
