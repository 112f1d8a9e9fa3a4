import ServiceModel
import Yams

/// Reads the text of a manifest: YAML or JSON, which is YAML as well, of one or several documents.
///
/// Pure: text in, objects and problems out.
package struct ManifestReader: Sendable {
    /// The node ports that a Service may ask for (`--service-node-port-range` of kube-apiserver).
    package var nodePorts: ClosedRange<UInt16>

    package init(nodePorts: ClosedRange<UInt16> = 30000...32767) { self.nodePorts = nodePorts }

    /// Reads a file's bytes, which must be UTF-8.
    package func read(_ bytes: [UInt8], file: String) -> ManifestContents {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return Self.unreadable(file: file, line: Self.lineOfInvalidUTF8(bytes), "the text is not UTF-8")
        }
        return read(text, file: file)
    }

    package func read(_ text: String, file: String) -> ManifestContents {
        var text = text
        // A byte order mark is allowed at the start (YAML 1.2, 5.2); the parser knows it only where it detects the encoding itself.
        if text.unicodeScalars.first == "\u{feff}" { text = String(text.unicodeScalars.dropFirst()) }
        if let fault = ParserGuard.fault(in: text) { return Self.unreadable(file: file, line: fault.line, fault.message) }
        var reading = Reading(file: file, nodePorts: nodePorts, budget: WorkBudget(byteCount: text.utf8.count))
        do {
            // No rules for scalars: what a bare word means is decided when it is read (`PlainScalar`), with the field's name at hand.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            while let root = try parser.nextRoot() { reading.take(document: root) }
        } catch {
            return Self.unreadable(file: file, error)
        }
        if reading.budget.isExhausted {
            return Self.unreadable(file: file, line: 1, "its aliases expand to more than this file may hold")
        }
        reading.noteIgnored()
        return reading.contents
    }

    private static func unreadable(file: String, line: Int?, _ message: String) -> ManifestContents {
        let place = line.map { "\(file):\($0)" } ?? file
        let kept = "; the file's last good contents stay"
        return ManifestContents(problems: [SourceProblem(place: place, message: message + kept)], isWellFormed: false)
    }

    private static func unreadable(file: String, _ error: any Error) -> ManifestContents {
        let (line, message) = YAMLFault.describe(error)
        return unreadable(file: file, line: line, message)
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
    let budget: WorkBudget
    var contents = ManifestContents()
    private var document = 0
    private var ignored: [(kind: String, count: Int)] = []

    init(file: String, nodePorts: ClosedRange<UInt16>, budget: WorkBudget) {
        self.file = file
        self.nodePorts = nodePorts
        self.budget = budget
    }

    mutating func take(document root: YAMLNode) {
        document += 1
        let report = ObjectReport(file: file, document: document, budget: budget)
        let reader = FieldReader(root, line: 1, path: .root, report: report)
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
        let version = fields["apiVersion"].string() ?? implied.flatMap { Self.versions[$0] }
        guard let version else {
            if !fields["apiVersion"].isPresent {
                fields["apiVersion"].error("missing: \(Self.versions[kind] ?? "v1") for a \(reader.shown(kind))")
            }
            return finish(nil, nil, reader)
        }
        if let item = Self.listKinds[kind], Self.versions[item] == version || kind == "List" && version == "v1" {
            guard listKind == nil else {
                reader.error("a \(kind) inside a list")
                return finish(nil, nil, reader)
            }
            return take(list: fields["items"], kind: kind)
        }
        guard let known = SourceObject.Kind(rawValue: kind), Self.versions[kind] == version else {
            return ignore("\(reader.shown(kind)) (\(reader.shown(version)))")
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
            let report = ObjectReport(file: file, document: document, budget: budget)
            take(object: FieldReader(item.node, line: item.line, path: .root, report: report), listKind: kind)
        }
        if items.report.hasErrors { finish(nil, nil, items) }
    }

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

    /// The version in which each kind is read.
    private static let versions = ["Service": "v1", "Node": "v1", "EndpointSlice": "discovery.k8s.io/v1"]
    /// Kinds of list, with the kind of their items.
    private static let listKinds = ["List": "", "ServiceList": "Service", "NodeList": "Node", "EndpointSliceList": "EndpointSlice"]
}
