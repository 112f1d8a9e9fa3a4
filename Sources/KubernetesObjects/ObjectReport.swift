package import ServiceModel

/// Where a value stands inside an object: `spec.ports[0].port`.
///
/// Kept as a chain and written out only for a problem, since nearly all paths are never shown.
indirect enum FieldPath {
    case root
    case field(FieldPath, String)
    case index(FieldPath, Int)

    var text: String {
        switch self {
        case .root: ""
        case .field(.root, let name): name
        case .field(let parent, let name):
            // Label and annotation keys hold dots and slashes themselves.
            name.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") } ? "\(parent.text)[\(name)]" : "\(parent.text).\(name)"
        case .index(let parent, let index): "\(parent.text)[\(index)]"
        }
    }
}

/// How many values may still be looked at in a file.
///
/// Aliases make a small text mean a huge document ("a billion laughs"). Without aliases, a text of n bytes holds fewer than n values,
/// and a reader looks at each a few times at most; a file that needs more than that is a bomb.
package final class WorkBudget {
    private var remaining: Int

    package init(byteCount: Int) { remaining = 10_000 + 8 * byteCount }

    package var isExhausted: Bool { remaining <= 0 }

    /// Counts values as looked at; false when there were too many.
    func spend(_ count: Int) -> Bool {
        remaining = max(remaining - count, 0)
        return remaining > 0
    }
}

/// Where objects come from, as a person finds the place.
package enum ObjectOrigin: Sendable {
    /// A document of a file, counted from 1.
    case document(file: String, number: Int)
    /// What has no lines that anybody could look at.
    case server(String)

    /// `web.yaml:12, document 2`.
    func place(line: Int) -> String {
        switch self {
        case .document(let file, let number): "\(file):\(line), document \(number)"
        case .server(let name): name
        }
    }
}

/// Collects everything that is wrong with one object, each with its place.
package final class ObjectReport {
    private let origin: ObjectOrigin
    /// Nil while that is not known.
    package var object: SourceObject.Key?
    let budget: WorkBudget
    package private(set) var problems: [SourceProblem] = []
    package private(set) var hasErrors = false

    package init(_ origin: ObjectOrigin, budget: WorkBudget) {
        self.origin = origin
        self.budget = budget
    }

    /// `web.yaml:12, document 2`.
    package func place(line: Int) -> String { origin.place(line: line) }

    func add(_ message: String, line: Int, path: FieldPath, isError: Bool) {
        var place = place(line: line)
        if let object { place += ", \(object)" }
        let path = path.text
        if !path.isEmpty { place += ", \(path)" }
        problems.append(SourceProblem(place: place, message: message, isError: isError))
        hasErrors = hasErrors || isError
    }
}
