import KubernetesObjects
import ServiceModel

/// Reads an object of the API from its JSON. Whatever is wrong with it is told of that object alone.
enum ObjectReading {
    /// Where its problems are said to be.
    private static let origin = "API server"

    static func read(_ object: LineFramer.Line, _ kind: SourceObject.Kind) -> (ObjectIdentity, ClusterMirror.Reading) {
        let identity = ObjectIdentity(object.bytes)
        func bad(_ message: String) -> ClusterMirror.Reading {
            let name = identity.objectName.map { "\(SourceObject.Key(kind, $0))" } ?? "a \(kind.rawValue) without a name"
            let problem = SourceProblem(place: "\(origin), \(name)", message: "\(message); its last good version stays")
            return .bad(identity.objectName, problems: [problem])
        }
        guard case .whole(let bytes) = object else { return (identity, bad("larger than \(ListWatch.largestObject >> 20) MiB")) }
        let document: DocumentNode
        do throws(JSONFault) { document = try DocumentNode(json: bytes) } catch { return (identity, bad(error.description)) }
        let report = ObjectReport(.server(origin), budget: WorkBudget(byteCount: bytes.count))
        guard let fields = FieldReader(object: document, report: report).fields() else { return (identity, bad("not an object")) }
        // The server has its own range of node ports, and has checked them.
        let (key, outcome) = ObjectDecoding(kind: kind, fields: fields, nodePorts: 1...65535).decode()
        guard let name = key?.name ?? identity.objectName else {
            return (identity, .bad(nil, problems: report.problems))
        }
        switch outcome {
        case .decoded(let object) where !report.hasErrors: return (identity, .object(object, uid: identity.uid, problems: report.problems))
        case .decoded, .bad: return (identity, .bad(name, problems: report.problems))
        case .notOurs: return (identity, .notOurs(name, problems: report.problems))
        }
    }
}
