import IPVSModel
import NodeKernel
import NodeModel
import Planner

/// What has failed and is to be tried again, and when: after a second, then twice as long each time, up to a minute.
struct RetrySchedule {
    /// What is to be tried, or looked at.
    struct Work {
        var touched = Touched()
        /// Parts of the kernel to be looked at whole.
        var looking: ObservationScope = []
        /// Virtual servers to be looked at exactly.
        var servers: Set<VirtualServer.Key> = []

        var isEmpty: Bool { touched.isEmpty && looking.isEmpty && servers.isEmpty }
    }

    /// An operation that failed when it was last tried.
    struct Failing {
        var failure: KernelFailure
        var since: ContinuousClock.Instant
        var attempts: Int
    }

    private var work = Work()
    private var attempts = 0
    private(set) var failing: [Operation: Failing] = [:]
    /// Those that are being tried again.
    private var tried: [Operation: Failing] = [:]

    static let longestDelay = Duration.seconds(60)

    /// Nil where nothing has failed.
    var delay: Duration? { work.isEmpty ? nil : min(.seconds(1 << min(attempts, 6)), Self.longestDelay) }

    /// Whether anything has failed that a success would be news of.
    var remembersFailures: Bool { !failing.isEmpty || !tried.isEmpty }

    /// Notes the failures of a turn, and returns those that are news.
    mutating func record(_ failures: [OperationFailure], at now: ContinuousClock.Instant) -> [OperationFailure] {
        var news: [OperationFailure] = []
        for failure in failures {
            let before = failing[failure.operation] ?? tried[failure.operation]
            if before == nil { news.append(failure) }
            failing[failure.operation] = Failing(
                failure: failure.failure, since: before?.since ?? now, attempts: (before?.attempts ?? 0) + 1)
            insert(failure)
        }
        return news
    }

    private mutating func insert(_ failure: OperationFailure) {
        var touched = Touched()
        touched.insert(failure.operation)
        work.touched.formUnion(touched)
        // The picture was wrong: look first, and try then.
        guard failure.showsThatThePictureIsWrong else { return }
        if touched.virtualServers.isEmpty { work.looking.formUnion(failure.operation.scope) }
        work.servers.formUnion(touched.virtualServers)
    }

    mutating func failed(looking scope: ObservationScope) { work.looking.formUnion(scope) }
    mutating func failed(lookingAt servers: some Sequence<VirtualServer.Key>) { work.servers.formUnion(servers) }

    /// Starts the delays anew where nothing fails any more, and returns what had failed and does no longer.
    mutating func settle(_ succeeded: [Operation]) -> [Operation] {
        if failing.isEmpty, tried.isEmpty, work.isEmpty {
            attempts = 0
            return []
        }
        var recovered = succeeded.filter { failing.removeValue(forKey: $0) != nil || tried.removeValue(forKey: $0) != nil }
        guard work.isEmpty else { return recovered }
        // The rest was not tried again: it is no longer asked for.
        recovered += failing.keys
        (attempts, failing) = (0, [:])
        return recovered
    }

    /// Hands over what is to be tried, or looked at, and counts the attempt.
    mutating func take() -> Work {
        defer {
            work = Work()
            tried = failing
            failing = [:]
            attempts += 1
        }
        return work
    }

    /// Ends what `take` began: what was neither done nor failed again is no longer asked for.
    mutating func endAttempt() -> [Operation] {
        defer { tried = [:] }
        return tried.keys.filter { failing[$0] == nil }
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
