/// What happens to backends.
extension AgentEvent.Kind {
    /// A backend answers directly and not through the kernel's balancing, or the other way round; and alike again.
    package static let pathsDisagree = Self(rawValue: "pathsDisagree")
    package static let pathsAgree = Self(rawValue: "pathsAgree")
    /// A probe found a backend to be down, or up.
    package static let backendDown = Self(rawValue: "backendDown")
    package static let backendUp = Self(rawValue: "backendUp")
    /// This node is kept from probing, which says nothing of the backend; and no longer.
    package static let probeHindered = Self(rawValue: "probeHindered")
    package static let probeResumed = Self(rawValue: "probeResumed")
    /// So few backends of a Service are healthy that all are used.
    package static let panic = Self(rawValue: "panic")
    /// So few are healthy that none is used; and enough again, or no more panic.
    package static let quorumLost = Self(rawValue: "quorumLost")
    package static let quorumMet = Self(rawValue: "quorumMet")
    /// A real server takes no new connections any more; is asked for again meanwhile; and is removed.
    package static let drainBegan = Self(rawValue: "drainBegan")
    package static let drainCancelled = Self(rawValue: "drainCancelled")
    package static let drainEnded = Self(rawValue: "drainEnded")
    /// Somebody said something of a backend by hand; took it back; and it ended by itself.
    package static let handSet = Self(rawValue: "handSet")
    package static let handCleared = Self(rawValue: "handCleared")
    package static let handExpired = Self(rawValue: "handExpired")
    /// A weight that was set by hand has been reached step by step.
    package static let handReached = Self(rawValue: "handReached")
    /// Somebody changed the kernel's table through the agent.
    package static let changedByHand = Self(rawValue: "changedByHand")
    /// A real server that does not answer its clients is left without new ones for a while; and is tried again.
    package static let ejected = Self(rawValue: "ejected")
    package static let readmitted = Self(rawValue: "readmitted")
}
