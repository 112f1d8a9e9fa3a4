import NodeKernel
import NodeModel
import Planner

/// What has failed and is to be tried again, and when: after a second, then twice as long each time, up to a minute.
struct RetrySchedule {
    private var touched = Touched()
    private var looking: ObservationScope = []
    private var attempts = 0
    /// The operations that failed when they were last tried.
    private var failing: Set<Operation> = []

    static let longestDelay = Duration.seconds(60)

    /// Nil where nothing has failed.
    var delay: Duration? {
        guard !touched.isEmpty || !looking.isEmpty else { return nil }
        return min(.seconds(1 << min(attempts, 6)), Self.longestDelay)
    }

    /// Notes the failures of a turn. A turn without any starts the delays anew.
    mutating func record(_ failures: [OperationFailure]) {
        for failure in failures {
            failing.insert(failure.operation)
            // The picture was wrong: look first, and try then.
            if failure.showsThatThePictureIsWrong {
                looking.formUnion(failure.operation.scope)
            } else {
                touched.insert(failure.operation)
            }
        }
        if failures.isEmpty { settle() }
    }

    mutating func failed(looking scope: ObservationScope) { looking.formUnion(scope) }

    mutating func settle() {
        if touched.isEmpty, looking.isEmpty { (attempts, failing) = (0, []) }
    }

    /// Whether this operation has failed before and has been reported.
    func knows(_ operation: Operation) -> Bool { failing.contains(operation) }

    /// Hands over what is to be tried, or looked at, and counts the attempt.
    mutating func take() -> (touched: Touched, looking: ObservationScope) {
        defer {
            touched = Touched()
            looking = []
            attempts += 1
        }
        return (touched, looking)
    }
}

extension OperationFailure {
    fileprivate var showsThatThePictureIsWrong: Bool {
        switch (failure.cause, operation) {
        // A set that is fuller, or smaller, than it was thought to be: had it been known, it would have grown first.
        case (.stale, _), (.resource, .addMember): true
        default: false
        }
    }
}
