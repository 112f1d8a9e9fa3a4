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
    private let (version, node): (String, String)
    private let started = Moment.now
    private var inForceSince: Moment?
    private var state: AgentStatus.State?

    init(version: String, node: String, board: StatusBoard, events: EventLog) {
        (self.version, self.node) = (version, node)
        self.board = board
        self.events = events
    }

    /// Publishes where no slice of longer work is left. In force is what is asked for once it has been applied for the first time.
    mutating func publish(_ reconciler: Reconciler, isInForce: Bool, isIdle: Bool) {
        guard isIdle || state == nil else { return }
        if isInForce, inForceSince == nil { inForceSince = .now }
        var status = reconciler.status(
            version: version, node: node, started: started, inForceSince: inForceSince, hasBeenInForce: isInForce)
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
    func status(version: String, node: String, started: Moment, inForceSince: Moment?, hasBeenInForce: Bool) -> AgentStatus {
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
        let drift = ledger.firstWaiting(Listing<WaitingDrift>.limit).map { subject, waiting in
            WaitingDrift(
                object: "\(subject)", difference: waiting.difference, since: moment(waiting.since), times: waiting.count,
                nextRepair: moment(waiting.due), remedy: "find the program that writes it, and stop it")
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
            hasBeenInForce: hasBeenInForce, wanted: demand.size,
            sweep: sweeps.last.map { last in
                AgentStatus.Sweep(
                    began: moment(last.ended - last.took),
                    tookSeconds: Double(last.took.components.seconds) + Double(last.took.components.attoseconds) / 1e18, found: last.found)
            },
            failing: Listing(failing, count: retries.failing.count), drift: Listing(drift, count: ledger.waitingCount),
            documents: Listing(documents, count: problems.count), hidden: hidden.sorted { $0.part < $1.part })
    }
}
