import Yams

/// What the YAML parser had to say, as a line and a sentence.
enum YAMLFault {
    static func describe(_ error: any Error) -> (line: Int?, message: String) {
        guard let error = error as? YamlError else { return (nil, "not readable as YAML: \(error)") }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            // The context is what was begun, and left open: often far above the place where that shows.
            let context = context.map { "\($0.text) begun in line \($0.mark.line): " } ?? ""
            return (mark.line, "not readable as YAML: \(context)\(problem), column \(mark.column)")
        case .reader(let problem, let offset, _, let yaml):
            // The offset counts characters, of which CR LF is one.
            let line = offset.map { 1 + yaml.prefix($0).count(where: \.isNewline) }
            return (line, "not readable as YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            return (context.mark.line, "the key \(duplicates.map { "\"\($0)\"" }.joined(separator: ", ")) is given twice")
        case .memory:
            return (nil, "not readable as YAML: nested too deeply, or out of memory")
        default:
            return (nil, "not readable as YAML")
        }
    }
}
