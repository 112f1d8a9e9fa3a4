package import ServiceModel
package import Telemetry

/// What of the agent's own events somebody who looks at a Service wants to see.
package struct ServiceNews: Equatable, Sendable {
    package var service: ObjectName
    /// A word in the manner of Kubernetes: `AnnotationProblem`.
    package var reason: String
    package var message: String
    package var isWarning: Bool

    /// Nil for events that are about no Service, or that a change of it brings with it anyway.
    package init?(_ event: AgentEvent) {
        guard let (service, place) = Self.service(in: event.about) else { return nil }
        switch event.kind {
        case .sourceProblem: (reason, isWarning) = ("ServiceProblem", true)
        case .sourceMended: (reason, isWarning) = ("ServiceMended", false)
        case .conflict: (reason, isWarning) = ("AddressConflict", true)
        default:
            // Kinds of later versions, drains among them, are told under their own word.
            guard !Self.internalKinds.contains(event.kind) else { return nil }
            (reason, isWarning) = (event.kind.rawValue.prefix(1).uppercased() + event.kind.rawValue.dropFirst(), false)
        }
        self.service = service
        // What is wrong in a document is known by its field.
        let isOfField = event.kind == .sourceProblem || event.kind == .sourceMended
        let field = isOfField && !place.isEmpty ? "\(place): " : ""
        message = field + event.message + (event.remedy.map { "; \($0)" } ?? "")
    }

    /// What concerns the node and not whoever owns a Service. Of a drain its beginning is told: every node has one, and one Event of each is
    /// enough for the server.
    private static let internalKinds: Set<AgentEvent.Kind> = [
        .started, .stopped, .inForce, .applied, .drift, .driftRecurring, .operationFailed, .recovered, .hidden, .seen, .lost, .drainEnded,
    ]

    /// The Service that an event is about, and the place in it: `Service default/web`, perhaps with a place behind it, perhaps with what it came
    /// from before it.
    static func service(in about: String) -> (name: ObjectName, place: String)? {
        let pieces = about.split(separator: ",")
        for (index, piece) in pieces.enumerated() {
            let words = piece.split(separator: " ")
            guard words.count == 2, words[0] == "Service" else { continue }
            var name = words[1]
            if name.last == ":" { name.removeLast() }
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
            let place = pieces[(index + 1)...].joined(separator: ",").drop { $0 == " " }
            return (ObjectName(namespace: String(parts[0]), name: String(parts[1])), String(place))
        }
        return nil
    }
}
