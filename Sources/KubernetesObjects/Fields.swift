/// The fields of one mapping, by name.
package struct Fields {
    private let mapping: DocumentNode
    /// Mappings that it merges in (`<<: *base`, `yaml.org/type/merge.html`), those that count first first.
    private var merged: [DocumentNode] = []
    package let reader: FieldReader
    private let path: FieldPath
    /// Whether the file may still be looked at.
    private var isReadable = true

    init(_ mapping: DocumentNode, at reader: FieldReader) {
        self.reader = reader
        self.mapping = mapping
        path = reader.path
        var sources: [DocumentNode] = []
        isReadable = look(at: mapping, sources: &sources)
        var depth = 0
        // A merged mapping may merge in others; the budget bounds how many, the depth how far.
        while !sources.isEmpty, depth < 16 {
            depth += 1
            var further: [DocumentNode] = []
            for source in sources { merge(source, &further) }
            sources = further
        }
        if !sources.isEmpty { reader.error("<< goes deeper than 16 levels") }
    }

    private mutating func merge(_ source: DocumentNode, _ further: inout [DocumentNode]) {
        switch source.kind {
        case .mapping:
            if look(at: source, sources: &further) { merged.append(source) }
        case .sequence:
            for item in source.items {
                guard item.kind == .mapping else {
                    reader.error("<< merges something that is not a mapping")
                    continue
                }
                if look(at: item, sources: &further) { merged.append(item) }
            }
        case .scalar: reader.error("<< merges something that is not a mapping")
        }
    }

    /// Notes what a mapping merges in and what is wrong with its keys; false where the file has been looked at too much.
    private func look(at mapping: DocumentNode, sources: inout [DocumentNode]) -> Bool {
        guard reader.report.budget.spend(mapping.count + 1) else { return false }
        guard mapping.isUnusual else { return true }
        mapping.forEachPair { key, value in
            if key.kind != .scalar {
                FieldReader(key, line: reader.line, parent: path, report: reader.report).error("a mapping key that is not plain text")
            } else if key.isMergeKey {
                sources.append(value)
            }
        }
        return true
    }

    /// The field of that name; one without a value where there is none.
    package subscript(name: String) -> FieldReader {
        FieldReader(value(of: name), line: reader.line, parent: path, step: .field(name), report: reader.report)
    }

    private func value(of name: String) -> DocumentNode? {
        // What merges is no field.
        guard isReadable, !mapping.isUnusual || name != "<<" else { return nil }
        if let value = mapping.value(of: name) { return value }
        for mapping in merged {
            if let value = mapping.value(of: name) { return value }
        }
        return nil
    }

    /// All fields, those that are written first first. A name that was also merged in comes once.
    package var all: [(name: String, value: FieldReader)] {
        guard isReadable else { return [] }
        var fields: [(name: String, value: FieldReader)] = []
        var seen: Set<String> = []
        for mapping in [mapping] + merged {
            mapping.forEachPair { key, value in
                guard key.kind == .scalar, !key.isMergeKey else { return }
                let name = key.text
                guard merged.isEmpty || seen.insert(name).inserted else { return }
                fields.append((name, FieldReader(value, line: reader.line, parent: path, step: .field(name), report: reader.report)))
            }
        }
        return fields
    }
}
