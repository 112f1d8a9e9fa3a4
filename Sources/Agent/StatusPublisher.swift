import Glibc
import NodeKernel
import NodeModel
import Planner
import ServiceModel
import Telemetry

/// Puts on the board how the agent is, after every piece of work but the slices of a sweep.
struct StatusPublisher {
    private let board: StatusBoard
    private let events: EventLog
    private let (version, node, sourcePath): (String, String, String)
    private let started = Moment.now
    private var inForceSince: Moment?
    private var state: AgentStatus.State?
    /// Since when the source cannot be read.
    private var staleSince: Moment?

    init(version: String, node: String, sourcePath: String = "", board: StatusBoard, events: EventLog) {
        (self.version, self.node, self.sourcePath) = (version, node, sourcePath)
        self.board = board
        self.events = events
    }

    /// How the agent is now.
    func status(of reconciler: Reconciler, isInForce: Bool) -> AgentStatus {
        let failure = reconciler.demand.sourceProblems.first { $0.place == sourcePath }
        let source = AgentStatus.Source(
            name: sourcePath, isSynced: isInForce, staleSince: failure == nil ? nil : staleSince ?? .now, message: failure?.message,
            remedy: failure == nil ? nil : "see that it exists and can be read; what it said before stays in force")
        return reconciler.status(
            version: version, node: node, started: started, inForceSince: inForceSince, hasBeenInForce: isInForce,
            sources: sourcePath.isEmpty ? [] : [source])
    }

    /// Publishes where no slice of longer work is left. In force is what is asked for once it has been applied for the first time.
    mutating func publish(_ reconciler: Reconciler, isInForce: Bool, isIdle: Bool) {
        guard isIdle || state == nil else { return }
        if isInForce, inForceSince == nil { inForceSince = .now }
        var status = status(of: reconciler, isInForce: isInForce)
        staleSince = status.sources.first?.staleSince
        if status.state == .inForce, state != .inForce {
            // It counts anew from the moment in which the last thing that was wrong was put right.
            inForceSince = status.time
            status.inForceSince = inForceSince
            events.post(.inForce, about: "agent", "in force: \(reconciler.summary)")
        }
        state = status.state
        board.publish(status)
    }
}

extension Reconciler {
    /// How the agent is. Costs what is wrong, up to what is shown of it.
    func status(
        version: String, node: String, started: Moment, inForceSince: Moment?, hasBeenInForce: Bool, sources: [AgentStatus.Source] = []
    ) -> AgentStatus {
        let (time, clock) = (Moment.now, now())
        func moment(_ instant: ContinuousClock.Instant) -> Moment { time.advanced(by: instant - clock) }
        let nextAttempt = retries.delay.map { time.advanced(by: $0) }
        let failing = retries.failing.lazy.prefix(Listing<FailingOperation>.limit).map { operation, failing in
            FailingOperation(
                operation: "\(operation)", cause: "\(failing.failure.cause)", message: failing.failure.message,
                remedy: failing.failure.remedy,
                since: moment(failing.since), attempts: failing.attempts,
                nextAttempt: failing.failure.cause == .dependency ? nil : nextAttempt)
        }
        let problems = demand.problems
        let documents = problems.prefix(Listing<DocumentProblem>.limit).map {
            DocumentProblem(place: $0.place, message: $0.message, isError: $0.isError)
        }
        let hidden = hiddenParts.parts.map { part, hidden in
            HiddenPart(
                part: part.words, cause: "\(hidden.failure.cause)", message: hidden.failure.message, remedy: hidden.failure.remedy,
                since: moment(hidden.since))
        }
        return AgentStatus(
            time: time, version: version, node: node, process: getpid(), started: started, inForceSince: inForceSince,
            hasBeenInForce: hasBeenInForce, wanted: demand.size, sources: sources,
            sweep: lastSweep(),
            failing: Listing(failing, count: retries.failing.count),
            drift: Listing(waitingDrifts(Listing<WaitingDrift>.limit), count: ledger.waitingCount),
            documents: Listing(documents, count: problems.count), hidden: hidden.sorted { $0.part < $1.part })
    }

    /// When the kernel was last looked at whole, and what that found.
    func lastSweep() -> AgentStatus.Sweep? {
        let (time, clock) = (Moment.now, now())
        return sweeps.last.map { last in
            AgentStatus.Sweep(began: time.advanced(by: last.ended - last.took - clock), tookSeconds: last.took.inSeconds, found: last.found)
        }
    }

    /// The first of what has drifted and is left alone for now.
    func waitingDrifts(_ most: Int) -> [WaitingDrift] {
        let (time, clock) = (Moment.now, now())
        return ledger.firstWaiting(most).map { subject, waiting in
            WaitingDrift(
                object: "\(subject)", difference: waiting.difference, since: time.advanced(by: waiting.since - clock), times: waiting.count,
                nextRepair: time.advanced(by: waiting.due - clock), remedy: "find the program that writes it, and stop it")
        }
    }

    /// The plan for these, as it would be carried out now. Changes nothing.
    func shownPlan(_ touched: Touched) -> Plan {
        var plan = Planner.plan(touched, wanted: wanted, observed: picture.state, ownership: ownership)
        if withholdsRemovals { plan.operations.removeAll(where: \.removesSomething) }
        return plan
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
