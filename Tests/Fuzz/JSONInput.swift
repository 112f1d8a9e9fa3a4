import KubernetesObjects

/// Any bytes as a JSON document. Reading ends, a fault lies within the bytes, and what was read can be walked.
enum JSONInput {
    static func tryOne(_ bytes: [UInt8]) {
        do throws(JSONFault) {
            let report = ObjectReport(.server("fuzz"), budget: WorkBudget(byteCount: bytes.count))
            let values = count(FieldReader(object: try DocumentNode(json: bytes), report: report))
            precondition(values <= bytes.count, "more values than bytes")
        } catch {
            precondition(error.offset <= bytes.count && error.line >= 1 && error.column >= 1, "a fault beyond the text")
        }
    }

    private static func count(_ reader: FieldReader) -> Int {
        switch reader.node?.kind {
        case .mapping: 1 + (reader.fields()?.all.reduce(0) { $0 + count($1.value) } ?? 0)
        case .sequence: 1 + reader.items().reduce(0) { $0 + count($1) }
        case .scalar: reader.meaning == nil ? 0 : 1
        case nil: 0
        }
    }
}
