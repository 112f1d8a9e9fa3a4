/// How the agent is: whether what is asked for is in force, and where not, why and what to do.
package struct AgentStatus: Hashable, Sendable, Codable {
    package var apiVersion = TelemetryJSON.apiVersion
    package var kind = "AgentStatus"
    /// When this was so.
    package var time: Moment
    package var version: String
    /// This node's name.
    package var node: String
    package var process: Int32
    package var started: Moment
    package var state: State
    /// Since when the state has been `inForce`.
    package var inForceSince: Moment?
    /// What the agent is doing, where that has kept it from answering: the rest is older then, see `time`.
    package var busy: Activity?
    package var wanted: Wanted
    package var sources: [Source]
    /// The last finished look at the kernel.
    package var sweep: Sweep?
    /// Operations that failed when they were last tried.
    package var failing: Listing<FailingOperation>
    /// What differs in the kernel and waits to be put right.
    package var drift: Listing<Drift>
    /// What is wrong with what was asked for.
    package var documents: Listing<DocumentProblem>
    /// Parts of the kernel that cannot be seen.
    package var hidden: [HiddenPart]

    package init(
        time: Moment, version: String, node: String, process: Int32, started: Moment, inForceSince: Moment? = nil, hasBeenInForce: Bool,
        wanted: Wanted = Wanted(), sources: [Source] = [], sweep: Sweep? = nil, failing: Listing<FailingOperation> = .init(),
        drift: Listing<Drift> = .init(), documents: Listing<DocumentProblem> = .init(), hidden: [HiddenPart] = []
    ) {
        self.time = time
        self.version = version
        self.node = node
        self.process = process
        self.started = started
        self.wanted = wanted
        self.sources = sources
        self.sweep = sweep
        self.failing = failing
        self.drift = drift
        self.documents = documents
        self.hidden = hidden
        let isWhole =
            failing.count == 0 && hidden.isEmpty && drift.count == 0 && sources.allSatisfy { $0.staleSince == nil }
            && !documents.items.contains(where: \.isError)
        state = !hasBeenInForce ? .starting : isWhole ? .inForce : .impaired
        self.inForceSince = state == .inForce ? inForceSince : nil
    }

    package enum State: String, Hashable, Sendable, Codable {
        /// What is asked for has not been read whole yet, or not yet been applied.
        case starting
        /// Everything that is asked for is in the kernel, as far as was seen.
        case inForce
        /// Something is not as it should be: a failing operation, a difference that waits, a document, a source or a hidden part says what.
        case impaired
    }

    /// How much is wanted of this node.
    package struct Wanted: Hashable, Sendable, Codable {
        package var services: Int
        package var virtualServers: Int
        package var realServers: Int
        package var addresses: Int
        /// Entries of sets.
        package var entries: Int

        package init(services: Int = 0, virtualServers: Int = 0, realServers: Int = 0, addresses: Int = 0, entries: Int = 0) {
            self.services = services
            self.virtualServers = virtualServers
            self.realServers = realServers
            self.addresses = addresses
            self.entries = entries
        }
    }

    /// Where what is asked for comes from.
    package struct Source: Hashable, Sendable, Codable {
        /// `manifests /etc/ipvs-agent/manifests`.
        package var name: String
        /// Whether it has been read whole since the start.
        package var isSynced: Bool
        /// Since when it cannot be read; what it said before stays in force.
        package var staleSince: Moment?
        package var message: String?
        package var remedy: String?

        package init(name: String, isSynced: Bool, staleSince: Moment? = nil, message: String? = nil, remedy: String? = nil) {
            self.name = name
            self.isSynced = isSynced
            self.staleSince = staleSince
            self.message = message
            self.remedy = remedy
        }
    }

    /// A look at the kernel.
    package struct Sweep: Hashable, Sendable, Codable {
        package var began: Moment
        package var tookSeconds: Double
        /// How many differences it found.
        package var found: Int

        package init(began: Moment, tookSeconds: Double, found: Int) {
            self.began = began
            self.tookSeconds = tookSeconds
            self.found = found
        }
    }

    /// What the agent is doing.
    package struct Activity: Hashable, Sendable, Codable {
        /// `looking at the kernel`.
        package var doing: String
        package var since: Moment

        package init(doing: String, since: Moment) {
            self.doing = doing
            self.since = since
        }
    }
}
