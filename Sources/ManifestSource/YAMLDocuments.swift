import CYaml
import KubernetesObjects

/// Reads a text's documents, one after the other, from the events of libyaml.
///
/// libyaml bounds how deep they nest (1,000 levels). A key may be a whole list, with aliases that make it huge: nothing here looks into
/// such a key, so that it costs what its text costs.
@safe struct YAMLDocuments: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>

    /// Hands each document over; one that is empty is a null.
    static func forEach(in bytes: [UInt8], _ body: (DocumentNode) -> Void) throws(YAMLFault) {
        // A byte order mark is allowed at the start (YAML 1.2, 5.2); the parser knows it only where it detects the encoding itself.
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let start = bytes.starts(with: mark) ? mark.count : 0
        try unsafe bytes.withUnsafeBufferPointer { whole throws(YAMLFault) in
            var documents = unsafe try YAMLDocuments(UnsafeBufferPointer(rebasing: whole[start...]))
            while let document = try documents.next() { body(document) }
        }
    }

    /// The bytes must stay where they are as long as this is.
    private init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLFault) {
        unsafe self.bytes = bytes
        unsafe parser = .allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            throw YAMLFault(line: nil, "not readable as YAML: out of memory")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
    }

    /// The next document; nil at the end.
    private mutating func next() throws(YAMLFault) -> DocumentNode? {
        // An object has a value for every 15 bytes, or so.
        let length = min(unsafe bytes.count, 16 << 10)
        var builder = DocumentBuilder(reserving: length / 12 + 4)
        builder.bytes.reserveCapacity(length / 2)
        var anchors = Anchors()
        var event = unsafe yaml_event_t()
        while true {
            guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw unsafe YAMLFault(parser.pointee, bytes) }
            defer { unsafe yaml_event_delete(&event) }
            let line = unsafe Int(event.start_mark.line) + 1
            switch unsafe event.type {
            case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return nil
            case YAML_DOCUMENT_END_EVENT: return builder.finish()
            case YAML_SCALAR_EVENT:
                let scalar = unsafe event.data.scalar
                if let name = unsafe scalar.anchor { unsafe anchors.set(name, builder.nextIndex) }
                unsafe Self.add(scalar, line, to: &builder)
            case YAML_ALIAS_EVENT:
                guard let name = unsafe event.data.alias.anchor, let target = unsafe anchors[name] else {
                    throw unsafe YAMLFault(
                        line: line, "not readable as YAML: found undefined alias, column \(event.start_mark.column + 1)")
                }
                builder.addAlias(of: target, line: line)
            case YAML_MAPPING_START_EVENT:
                unsafe anchors.begin(event.data.mapping_start.anchor)
                builder.openMapping(line: line)
            case YAML_SEQUENCE_START_EVENT:
                unsafe anchors.begin(event.data.sequence_start.anchor)
                builder.openSequence(line: line)
            case YAML_MAPPING_END_EVENT, YAML_SEQUENCE_END_EVENT:
                anchors.end(at: try Self.close(&builder))
            default: break
            }
        }
    }

    private static func close(_ builder: inout DocumentBuilder) throws(YAMLFault) -> Int {
        do throws(DocumentBuilder.DuplicateKeys) {
            return try builder.close()
        } catch {
            let keys = error.keys.map { "\"\($0)\"" }.joined(separator: ", ")
            throw YAMLFault(line: error.line, "the key \(keys) is given twice")
        }
    }

    private static func add(
        _ scalar: yaml_event_t.__Unnamed_union_data.__Unnamed_struct_scalar, _ line: Int, to builder: inout DocumentBuilder
    ) {
        let start = builder.bytes.count
        unsafe builder.bytes.append(contentsOf: UnsafeBufferPointer(start: scalar.value, count: scalar.length))
        let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
        builder.addScalar(start..<builder.bytes.count, line: line, isPlain: isPlain, mayBeTyped: unsafe mayBeTyped(scalar))
    }

    /// Whether a scalar's text decides what it means: without quotes and tag, or with the tag of one of JSON's types.
    private static func mayBeTyped(_ scalar: yaml_event_t.__Unnamed_union_data.__Unnamed_struct_scalar) -> Bool {
        guard unsafe scalar.quoted_implicit == 0 else { return false }
        guard let tag = unsafe scalar.tag else { return unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE }
        return ["int", "bool", "null", "float"].contains { unsafe String(decodingCString: tag, as: UTF8.self) == "tag:yaml.org,2002:\($0)" }
    }
}

/// What the anchors of a document stand for. An anchor counts from the end of its value on, so that nothing holds itself.
private struct Anchors {
    private var values: [String: Int] = [:]
    /// The anchors of what is open, outermost first; nil where there is none.
    private var open: [String?] = []

    mutating func set(_ name: UnsafePointer<UInt8>, _ index: Int) { unsafe values[String(decodingCString: name, as: UTF8.self)] = index }

    mutating func begin(_ name: UnsafePointer<UInt8>?) {
        open.append(unsafe name.map { unsafe String(decodingCString: $0, as: UTF8.self) })
    }

    mutating func end(at index: Int) {
        if let name = open.popLast() ?? nil { values[name] = index }
    }

    subscript(name: UnsafePointer<UInt8>) -> Int? { unsafe values[String(decodingCString: name, as: UTF8.self)] }
}
