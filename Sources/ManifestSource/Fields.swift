import Yams

/// A value of a document, under a name that is no kind of Kubernetes object.
typealias YAMLNode = Yams.Node

/// The fields of one mapping, by name.
struct Fields {
    private var pairs: [(name: String, value: YAMLNode)] = []
    let reader: FieldReader

    /// Reads a mapping's keys, and those that it merges in (`<<: *base`, `yaml.org/type/merge.html`), where its own come first.
    init(_ mapping: YAMLNode.Mapping, at reader: FieldReader) {
        self.reader = reader
        var merged: [YAMLNode] = []
        take(mapping, merged: &merged)
        var depth = 0
        // A merged mapping may merge in others; the budget bounds how many, the depth how far.
        while !merged.isEmpty, depth < 16 {
            depth += 1
            let sources = merged
            merged = []
            for source in sources {
                switch source {
                case .mapping(let mapping): take(mapping, merged: &merged)
                case .sequence(let sequence):
                    for item in sequence {
                        guard case .mapping(let mapping) = item else {
                            reader.error("<< merges something that is not a mapping")
                            continue
                        }
                        take(mapping, merged: &merged)
                    }
                default: reader.error("<< merges something that is not a mapping")
                }
            }
        }
        if !merged.isEmpty { reader.error("<< goes deeper than 16 levels") }
    }

    private mutating func take(_ mapping: YAMLNode.Mapping, merged: inout [YAMLNode]) {
        guard reader.report.budget.spend(mapping.count + 1) else { return }
        pairs.reserveCapacity(pairs.count + mapping.count)
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                FieldReader(key, line: reader.line, path: reader.path, report: reader.report).error("a key that is not a string")
                continue
            }
            if scalar.string == "<<", scalar.style == .plain {
                merged.append(value)
            } else {
                pairs.append((scalar.string, value))
            }
        }
    }

    /// The field of that name; one without a value where there is none.
    subscript(name: String) -> FieldReader {
        let value = pairs.first { $0.name == name }?.value
        return FieldReader(value, line: reader.line, path: .field(reader.path, name), report: reader.report)
    }

    /// All fields, those that are written first first. A name that was also merged in comes once.
    var all: [(name: String, value: FieldReader)] {
        var seen: Set<String> = []
        return pairs.compactMap { name, value -> (name: String, value: FieldReader)? in
            guard seen.insert(name).inserted else { return nil }
            return (name, FieldReader(value, line: reader.line, path: .field(reader.path, name), report: reader.report))
        }
    }
}
