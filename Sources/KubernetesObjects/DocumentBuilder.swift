/// Puts a document together from what a parser comes upon, in the order of the text.
///
/// Who calls it sees to it that every value that is opened is closed, and that each key has a value.
package struct DocumentBuilder: ~Copyable {
    /// Keys that one mapping gives twice.
    package struct DuplicateKeys: Error {
        package let keys: [String]
        /// Where the first of them stands first.
        package let line: Int
    }

    private var entries: [DocumentTree.Entry] = []
    private var text: [UInt8]
    private var open: [Open] = []

    private struct Open {
        let index: Int
        var children: UInt32 = 0
    }

    /// - Parameters:
    ///   - text: bytes that scalars are parts of; others are added behind them.
    ///   - values: about how many values will come.
    package init(text: [UInt8] = [], reserving values: Int = 0) {
        self.text = text
        entries.reserveCapacity(values)
    }

    /// Whether the mapping or list that was opened last holds nothing yet.
    var isEmptyContainer: Bool { open.last?.children == 0 }

    /// The index that the next value will have, by which an alias may stand for it.
    package var nextIndex: Int { entries.count }

    /// The bytes that scalars are parts of, to add to or to change in place.
    package var bytes: [UInt8] {
        _read { yield text }
        _modify { yield &text }
    }

    /// A scalar whose text is a part of `bytes`.
    package mutating func addScalar(_ range: Range<Int>, line: Int, isPlain: Bool, mayBeTyped: Bool) {
        var flags: DocumentTree.Flags = isPlain ? .plain : []
        if mayBeTyped { flags.insert(.typed) }
        count()
        entries.append(
            .init(
                kind: .scalar, flags: flags, line: UInt32(clamping: line), start: UInt32(range.lowerBound), end: UInt32(range.count)))
    }

    /// Stands for a value that was closed before.
    package mutating func addAlias(of index: Int, line: Int) {
        let target = entries[index]
        let resolved = target.kind == .alias ? target.start : UInt32(index)
        count()
        entries.append(.init(kind: .alias, flags: [], line: UInt32(clamping: line), start: resolved, end: 0))
    }

    package mutating func openMapping(line: Int) { begin(.mapping, line) }

    package mutating func openSequence(line: Int) { begin(.sequence, line) }

    /// Closes the mapping or list that was opened last, and gives back its index.
    @discardableResult
    package mutating func close() throws(DuplicateKeys) -> Int {
        guard let closed = open.popLast() else { return 0 }
        entries[closed.index].end = UInt32(entries.count)
        if entries[closed.index].kind == .mapping {
            entries[closed.index].start = closed.children / 2
            try checkKeys(of: closed.index)
        } else {
            entries[closed.index].start = closed.children
        }
        return closed.index
    }

    /// The document, which is the first value that came.
    package consuming func finish() -> DocumentNode? {
        guard !entries.isEmpty else { return nil }
        return DocumentNode(DocumentTree(entries: entries, text: text), at: 0)
    }

    private mutating func begin(_ kind: DocumentTree.Entry.Kind, _ line: Int) {
        count()
        open.append(Open(index: entries.count))
        entries.append(.init(kind: kind, flags: [], line: UInt32(clamping: line), start: 0, end: 0))
    }

    private mutating func count() {
        if !open.isEmpty { open[open.count - 1].children += 1 }
    }
}

extension DocumentBuilder {
    /// Looks at a mapping's keys: none may come twice, and those that are not plain text are noted.
    private mutating func checkKeys(of mapping: Int) throws(DuplicateKeys) {
        let pairs = Int(entries[mapping].start)
        // Few keys are compared with one another, which is quicker than hashing them.
        guard pairs <= 12 else { return try checkManyKeys(of: mapping) }
        var isDoubtful = false
        var place = mapping + 1
        for number in 0..<pairs {
            let key = resolved(place)
            if key.kind != .scalar || isMergeKey(key) {
                entries[mapping].flags.insert(.unusual)
            } else if number > 0 {
                var other = mapping + 1
                for _ in 0..<number where !isDoubtful {
                    isDoubtful = isSameText(resolved(other), key)
                    other = next(after: next(after: other))
                }
            }
            place = next(after: next(after: place))
        }
        // Which ones they are is said by the way that compares any number.
        if isDoubtful || entries[mapping].flags.contains(.unusual) { try checkManyKeys(of: mapping) }
    }

    private mutating func checkManyKeys(of mapping: Int) throws(DuplicateKeys) {
        var seen: [String: UInt32] = [:]
        seen.reserveCapacity(Int(entries[mapping].start))
        var duplicates: Set<String> = []
        var place = mapping + 1
        for _ in 0..<entries[mapping].start {
            let key = resolved(place)
            if key.kind != .scalar || isMergeKey(key) { entries[mapping].flags.insert(.unusual) }
            if key.kind == .scalar {
                let name = String(decoding: text[Int(key.start)..<Int(key.start) + Int(key.end)], as: UTF8.self)
                if seen[name] == nil { seen[name] = key.line } else { duplicates.insert(name) }
            }
            place = next(after: next(after: place))
        }
        let sorted = duplicates.sorted()
        guard let first = sorted.first else { return }
        throw DuplicateKeys(keys: sorted, line: Int(seen[first] ?? 0))
    }

    private func resolved(_ index: Int) -> DocumentTree.Entry {
        let entry = entries[index]
        return entry.kind == .alias ? entries[Int(entry.start)] : entry
    }

    private func next(after index: Int) -> Int {
        let entry = entries[index]
        return entry.kind == .mapping || entry.kind == .sequence ? Int(entry.end) : index + 1
    }

    private func isMergeKey(_ key: DocumentTree.Entry) -> Bool {
        key.flags.contains(.plain) && key.end == 2 && text[Int(key.start)] == UInt8(ascii: "<")
            && text[Int(key.start) + 1] == UInt8(ascii: "<")
    }

    private func isSameText(_ left: DocumentTree.Entry, _ right: DocumentTree.Entry) -> Bool {
        guard left.kind == .scalar, left.end == right.end else { return false }
        for offset in 0..<Int(left.end) where text[Int(left.start) + offset] != text[Int(right.start) + offset] { return false }
        return true
    }
}
