import CYaml

/// Why a text is not readable as YAML, and where.
struct YAMLFault: Error {
    /// Counted from 1.
    let line: Int?
    let message: String

    init(line: Int?, _ message: String) {
        self.line = line
        self.message = message
    }

    /// What the parser had to say.
    init(_ parser: yaml_parser_t, _ bytes: UnsafeBufferPointer<UInt8>) {
        let problem = unsafe Self.text(parser.problem) ?? "the text makes no sense"
        switch unsafe parser.error {
        case YAML_MEMORY_ERROR:
            self.init(line: nil, "not readable as YAML: nested too deeply, or out of memory")
        case YAML_READER_ERROR:
            self.init(line: unsafe Self.line(at: Int(parser.problem_offset), bytes), "not readable as YAML: \(problem)")
        default:
            // The context is what was begun, and left open: often far above the place where that shows.
            let begun = unsafe Self.text(parser.context).map { unsafe "\($0) begun in line \(parser.context_mark.line + 1): " } ?? ""
            let mark = unsafe parser.problem_mark
            self.init(line: Int(mark.line) + 1, "not readable as YAML: \(begun)\(problem), column \(mark.column + 1)")
        }
    }

    private static func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(cString: pointer)
    }

    private static func line(at offset: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var line = 1
        var previous: UInt8 = 0
        for index in 0..<min(offset, bytes.count) {
            let byte = unsafe bytes[index]
            // A line ends with LF, CR LF or CR.
            if byte == 0x0a && previous != 0x0d || byte == 0x0d { line += 1 }
            previous = byte
        }
        return line
    }
}
