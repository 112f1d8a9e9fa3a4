import ServiceModel
package import VirtualServerDocuments
import Yams

/// A file that was refused whole: everything that is wrong with it, each with line and field.
package struct RefusedDocument: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [String]

    package var description: String { problems.joined(separator: "\n") }
}

extension VirtualServerList {
    /// Reads a file of one or several documents of the kind VirtualServerList. Either all of it is good, or nothing of it is taken.
    package init(reading bytes: [UInt8], file: String) throws(RefusedDocument) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RefusedDocument(problems: ["\(file): the text is not UTF-8"])
        }
        if let fault = ParserGuard.fault(in: text) {
            throw RefusedDocument(problems: ["\(file):\(fault.line): \(fault.message)"])
        }
        let budget = WorkBudget(byteCount: text.utf8.count)
        var list = VirtualServerList()
        var problems: [String] = []
        var count = 0
        do {
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            while let root = try parser.nextRoot() {
                let report = ObjectReport(file: file, document: count + 1, budget: budget)
                let reader = FieldReader(root, line: 1, path: .root, report: report)
                guard reader.isPresent else { continue }
                count += 1
                VirtualServerListDecoding(reader).decode(into: &list)
                problems += report.problems.map { "\($0.place): \($0.message)" }
            }
        } catch {
            let (line, message) = YAMLFault.describe(error)
            throw RefusedDocument(problems: [(line.map { "\(file):\($0)" } ?? file) + ": \(message)"])
        }
        if budget.isExhausted { problems = ["\(file): its aliases expand to more than this file may hold"] }
        if count == 0, problems.isEmpty { problems = ["\(file): it holds no document; an empty table is written as items: []"] }
        guard problems.isEmpty else { throw RefusedDocument(problems: problems) }
        self = list
    }
}
