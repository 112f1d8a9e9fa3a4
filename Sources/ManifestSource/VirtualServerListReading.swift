import KubernetesObjects
import ServiceModel
package import VirtualServerDocuments

/// A file that was refused whole: everything that is wrong with it, each with line and field.
package struct RefusedDocument: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [String]

    package var description: String { problems.joined(separator: "\n") }
}

extension VirtualServerList {
    /// Reads a file of one or several documents of the kind VirtualServerList. Either all of it is good, or nothing of it is taken.
    package init(reading bytes: [UInt8], file: String) throws(RefusedDocument) {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw RefusedDocument(problems: ["\(file): the text is not UTF-8"])
        }
        let budget = WorkBudget(byteCount: bytes.count)
        var list = VirtualServerList()
        var problems: [String] = []
        var count = 0
        do throws(YAMLFault) {
            try YAMLDocuments.forEach(in: bytes) { root in
                let report = ObjectReport(.document(file: file, number: count + 1), budget: budget)
                let reader = FieldReader(object: root, report: report)
                guard reader.isPresent else { return }
                count += 1
                VirtualServerListDecoding(reader).decode(into: &list)
                problems += report.problems.map { "\($0.place): \($0.message)" }
            }
        } catch {
            throw RefusedDocument(problems: [(error.line.map { "\(file):\($0)" } ?? file) + ": \(error.message)"])
        }
        if budget.isExhausted { problems = ["\(file): its aliases expand to more than this file may hold"] }
        if count == 0, problems.isEmpty { problems = ["\(file): it holds no document; an empty table is written as items: []"] }
        guard problems.isEmpty else { throw RefusedDocument(problems: problems) }
        self = list
    }
}
