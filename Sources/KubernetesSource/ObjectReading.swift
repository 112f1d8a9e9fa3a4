import ServiceModel

/// Reads an object of the API from its JSON. Whatever is wrong with it is told of that object alone.
enum ObjectReading {
    static func read(_ object: LineFramer.Line, _ kind: SourceObject.Kind) -> (ObjectIdentity, ClusterMirror.Reading) {
        let identity = ObjectIdentity(object.bytes)
        let place = identity.objectName.map { "\(SourceObject.Key(kind, $0))" } ?? "a \(kind.rawValue) without a name"
        guard case .whole = object else {
            let message = "larger than \(ListWatch.largestObject >> 20) MiB; its last version stays"
            return (identity, .bad(identity.objectName, problems: [SourceProblem(place: place, message: message)]))
        }
        return (identity, .bad(identity.objectName, problems: [SourceProblem(place: place, message: "")]))
    }
}
