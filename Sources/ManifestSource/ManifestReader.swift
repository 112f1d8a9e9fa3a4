import KubernetesObjects
package import ServiceModel

/// Reads the text of a manifest: YAML or JSON, which is YAML as well, of one or several documents.
///
/// Pure: text in, objects and problems out.
package struct ManifestReader: Sendable {
    /// The node ports that a Service may ask for (`--service-node-port-range` of kube-apiserver).
    package var nodePorts: ClosedRange<UInt16>

    /// What is read; other objects are named and left.
    package var kinds: Set<SourceObject.Kind>

    package init(nodePorts: ClosedRange<UInt16> = 30000...32767, kinds: Set<SourceObject.Kind> = Set(SourceObject.Kind.allCases)) {
        self.nodePorts = nodePorts
        self.kinds = kinds
    }

    package func read(_ text: String, file: String) -> ManifestContents { read(Array(text.utf8), file: file) }

    /// Reads a file's bytes, which must be UTF-8.
    package func read(_ bytes: [UInt8], file: String) -> ManifestContents {
        guard Self.isUTF8(bytes) else {
            return Self.unreadable(file: file, YAMLFault(line: Self.lineOfInvalidUTF8(bytes), "the text is not UTF-8"))
        }
        var reading = Reading(file: file, nodePorts: nodePorts, kinds: kinds, budget: WorkBudget(byteCount: bytes.count))
        if let document = Self.json(bytes) {
            reading.take(document: document)
        } else {
            do throws(YAMLFault) {
                try YAMLDocuments.forEach(in: bytes) { reading.take(document: $0) }
            } catch {
                return Self.unreadable(file: file, error)
            }
        }
        if reading.budget.isExhausted {
            return Self.unreadable(file: file, YAMLFault(line: 1, "its aliases expand to more than this file may hold"))
        }
        reading.noteIgnored()
        return reading.contents
    }

    /// The one document of a text that is JSON from end to end, which is quicker read so; nil for any other, which YAML will judge.
    private static func json(_ bytes: [UInt8]) -> DocumentNode? {
        guard bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else { return nil }
        return try? DocumentNode(json: bytes)
    }

    private static func unreadable(file: String, _ fault: YAMLFault) -> ManifestContents {
        let place = fault.line.map { "\(file):\($0)" } ?? file
        let kept = "; the file's last good contents stay"
        return ManifestContents(problems: [SourceProblem(place: place, message: fault.message + kept)], isWellFormed: false)
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
            return true
        } catch {
            return false
        }
    }

    private static func lineOfInvalidUTF8(_ bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var line = 1
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            if scalar == "\n" { line += 1 }
        }
        return line
    }
}

/// The state of reading one file: documents go in one after the other.
private struct Reading {
    let file: String
    let nodePorts: ClosedRange<UInt16>
    let kinds: Set<SourceObject.Kind>
    let budget: WorkBudget
    var contents = ManifestContents()
    private var document = 0
    private var ignored: [(kind: String, count: Int)] = []

    init(file: String, nodePorts: ClosedRange<UInt16>, kinds: Set<SourceObject.Kind>, budget: WorkBudget) {
        self.file = file
        self.nodePorts = nodePorts
        self.kinds = kinds
        self.budget = budget
    }

    mutating func take(document root: DocumentNode) {
        document += 1
        let reader = FieldReader(object: root, report: newReport())
        // "---" with nothing after it is common in generated files.
        guard reader.isPresent else { return }
        take(object: reader, listKind: nil)
    }

    /// Takes an object, or the objects of a List.
    private mutating func take(object reader: FieldReader, listKind: String?) {
        let report = reader.report
        guard !budget.isExhausted else { return }
        guard let fields = reader.fields() else {
            if !reader.isPresent { reader.error("an empty item") }
            return finish(nil, nil, reader)
        }
        // Items of a ServiceList may leave kind and apiVersion out: the list has said them.
        let implied = listKind.flatMap { $0 == "List" ? nil : String($0.dropLast(4)) }
        guard let kind = fields["kind"].string() ?? implied else {
            if !fields["kind"].isPresent { fields["kind"].error("missing: what kind of object this is") }
            return finish(nil, nil, reader)
        }
        let version = fields["apiVersion"].string() ?? implied.flatMap { ObjectDecoding.version(of: $0) }
        guard let version else {
            if !fields["apiVersion"].isPresent {
                fields["apiVersion"].error("missing: \(ObjectDecoding.version(of: kind) ?? "v1") for a \(reader.shown(kind))")
            }
            return finish(nil, nil, reader)
        }
        if Self.isList(kind, version) {
            guard listKind == nil else {
                reader.error("a \(kind) inside a list")
                return finish(nil, nil, reader)
            }
            return take(list: fields["items"], kind: kind)
        }
        guard let known = SourceObject.Kind(rawValue: kind), kinds.contains(known), ObjectDecoding.version(of: kind) == version else {
            return ignore("\(reader.shown(kind)) (\(reader.shown(version)))")
        }
        if known == .virtualServer {
            let (key, request) = VirtualServerObjectDecoding(fields).decode()
            return finish(key, report.hasErrors ? nil : request.map { .virtualServer($0) }, reader)
        }
        let (key, object) = ObjectDecoding(kind: known, fields: fields, nodePorts: nodePorts).decode()
        switch object {
        case .decoded(let object): finish(key, report.hasErrors ? nil : object, reader)
        case .bad: finish(key, nil, reader)
        case .notOurs: contents.problems += report.problems
        }
    }

    private mutating func take(list items: FieldReader, kind: String) {
        for item in items.items() {
            // Each item has a report of its own, so that one bad item spoils no other.
            take(object: FieldReader(object: item.node, line: item.line, report: newReport()), listKind: kind)
        }
        if items.report.hasErrors { finish(nil, nil, items) }
    }

    private func newReport() -> ObjectReport { ObjectReport(.document(file: file, number: document), budget: budget) }

    private mutating func finish(_ key: SourceObject.Key?, _ object: SourceObject?, _ reader: FieldReader) {
        contents.problems += reader.report.problems
        contents.entries.append(.init(key: key, object: object, place: reader.report.place(line: reader.line)))
    }

    private mutating func ignore(_ kind: String) {
        if let index = ignored.firstIndex(where: { $0.kind == kind }) {
            ignored[index].count += 1
        } else if ignored.count < 100 {
            ignored.append((kind, 1))
        }
    }

    /// Says once for each kind how many objects were ignored.
    mutating func noteIgnored() {
        for (kind, count) in ignored {
            let objects = count == 1 ? "1 object is" : "\(count) objects are"
            contents.problems.append(
                SourceProblem(place: file, message: "\(objects) ignored: \(kind) is not a kind that is read here", isError: false))
        }
    }

    /// Whether this is a list of objects of ours, or of any.
    private static func isList(_ kind: String, _ version: String) -> Bool {
        guard kind.hasSuffix("List") else { return false }
        return kind == "List" ? version == "v1" : ObjectDecoding.version(of: String(kind.dropLast(4))) == version
    }
}
