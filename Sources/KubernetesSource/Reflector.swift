/// Decides, for one resource, what to ask the API server next, and what follows from its answers: lists, watches, waiting, listing again.
///
/// Pure: time and chance are handed in, and somebody else sends requests and keeps objects. The rules are those of client-go's reflector
/// (`tools/cache/reflector.go`), and where they differ they are stricter.
struct Reflector: Sendable {
    enum Step: Equatable {
        case wait(Duration)
        case send(ReflectorRequest)
    }

    /// How an answer ended.
    enum Ending: Equatable {
        /// A page came whole.
        case page(resourceVersion: String, continuation: String?)
        /// The server ended a stream, in between two lines.
        case ended
        /// The connection could not be made, or broke; why.
        case broken(String)
        /// The server said nothing for too long.
        case silent
        /// What came cannot be read, so what it was is not known.
        case unreadable(String)
        case refused(APIStatus, retryAfter: Duration?)
    }

    /// An event of a stream, as far as it matters here.
    enum Event: Equatable {
        case change(resourceVersion: String)
        case bookmark(resourceVersion: String, endsInitialEvents: Bool)
        case error(APIStatus)
    }

    enum Verdict: Equatable {
        case go
        /// All that there is has been told; the stream goes on.
        case listComplete
        /// The stream is to be left.
        case leave
    }

    /// Why nothing new has come for a while.
    struct Trouble: Equatable, Sendable {
        var since: ContinuousClock.Instant
        var message: String
    }

    private enum Phase: Equatable {
        case streaming
        case paging(String?)
        case watching(String)
    }

    let timing: ReflectorTiming
    private var backoff: Backoff
    private var phase: Phase
    private var offersStreaming: Bool
    /// How often a token has run out in this list. From the second time on, the whole is asked for at once.
    private var expiries = 0
    private var pendingWait: Duration?
    /// Attempts that have failed one after another, at watching.
    private var failedWatches = 0
    private var failure: Trouble?
    private var failures = 0

    // Of the stream that is open.
    private var openedAt: ContinuousClock.Instant?
    private var heard = 0
    private var hasAll = false
    private var error: APIStatus?

    static let pageSize = 500

    init(timing: ReflectorTiming = ReflectorTiming(), offersStreaming: Bool = true) {
        self.timing = timing
        self.offersStreaming = offersStreaming
        backoff = Backoff(bounds: timing.backoff)
        phase = offersStreaming ? .streaming : .paging(nil)
    }

    /// What stands in the way, from the second failure on: one may be chance, and the next attempt tells.
    var trouble: Trouble? { failures > 1 ? failure : nil }

    /// What failed last, be it only once; nil where nothing does.
    var lastFailure: String? { failure?.message }

    /// How long the server may say nothing now; nil for as long as the stream may take.
    var patience: Duration? { phase == .streaming && !hasAll ? timing.initialSilence : nil }

    /// How long an answer to this may take in all; nil where each silence is bounded instead.
    func limit(of request: ReflectorRequest) -> Duration? {
        switch request {
        case .page: nil
        case .streamingList(let seconds), .watch(_, let seconds): .seconds(seconds) + timing.watchGrace
        }
    }

    /// What to do next.
    mutating func next(now: ContinuousClock.Instant, chance: Double) -> Step {
        if let wait = pendingWait {
            pendingWait = nil
            return .wait(wait)
        }
        openedAt = now
        (heard, error) = (0, nil)
        let seconds = timing.watchSeconds.lowerBound + Int(Double(timing.watchSeconds.count - 1) * chance)
        switch phase {
        case .streaming:
            hasAll = false
            return .send(.streamingList(seconds: seconds))
        case .paging(let continuation):
            return .send(.page(continuation: continuation, limit: expiries > 1 ? nil : Self.pageSize))
        case .watching(let version):
            return .send(.watch(resourceVersion: version, seconds: seconds))
        }
    }

    /// A stream has been open for as long as a watch is at least. One that breaks at once does not show that all is well.
    mutating func stayed() {
        if case .watching = phase { clearFailure() }
    }

    mutating func take(_ event: Event) -> Verdict {
        switch event {
        case .error(let status):
            error = status
            return .leave
        case .change(let version):
            heard += 1
            if case .watching = phase { watched(to: version) }
            return .go
        case .bookmark(let version, let endsInitialEvents):
            heard += 1
            switch phase {
            case .watching:
                watched(to: version)
                return .go
            case .streaming where endsInitialEvents && !version.isEmpty:
                hasAll = true
                expiries = 0
                phase = .watching(version)
                clearFailure()
                return .listComplete
            case .streaming, .paging:
                return .go
            }
        }
    }

    /// Takes in how the answer to the last request ended.
    ///
    /// - Returns: whether a list has come to its end with this.
    mutating func take(_ ending: Ending, now: ContinuousClock.Instant, chance: Double) -> Bool {
        if case .page(let version, let continuation) = ending {
            clearFailure()
            if let continuation, !continuation.isEmpty {
                phase = .paging(continuation)
                return false
            }
            expiries = 0
            // Every list has a version; one without it is no list that could be watched on.
            guard !version.isEmpty, version != "0" else {
                fail("the API server gave a list without a version", now, chance)
                listAgain()
                return false
            }
            phase = .watching(version)
            return true
        }
        switch phase {
        case .paging: endPage(ending, now, chance)
        case .streaming: endInitialEvents(ending, now, chance)
        case .watching: endWatch(ending, now, chance)
        }
        return false
    }

    /// Lists anew, after a moment: a list that lacked too much is to be confirmed, or something could not be read.
    mutating func confirm() {
        listAgain()
        pendingWait = timing.confirmation
    }

    // MARK: What follows

    private mutating func endPage(_ ending: Ending, _ now: ContinuousClock.Instant, _ chance: Double) {
        switch ending {
        case .refused(let status, let retryAfter):
            if status.isExpired {
                expiries += 1
                phase = .paging(nil)
                // The list took longer than its version is kept: that is no fault, but happening again and again it is.
                if expiries > 1 { fail(status.words, now, chance, retryAfter: retryAfter) }
                return
            }
            fail(status.words, now, chance, retryAfter: retryAfter)
            // A crowded server will know the token again; any other refusal may be of the token itself.
            if status.code != 429, status.code < 500 { phase = .paging(nil) }
        case .broken(let message), .unreadable(let message):
            // The page is asked for again, by its token.
            fail(message, now, chance)
        case .silent, .ended, .page:
            fail("the API server stopped in the middle of a list", now, chance)
        }
    }

    private mutating func endInitialEvents(_ ending: Ending, _ now: ContinuousClock.Instant, _ chance: Double) {
        switch ending {
        case .refused(let status, let retryAfter):
            endInitialEvents(status, retryAfter: retryAfter, now, chance)
        case .silent:
            // A server that does not know of streaming lists takes this for a watch, and never says that it has told everything.
            offersStreaming = false
            phase = .paging(nil)
        case .broken(let message), .unreadable(let message):
            fail(message, now, chance)
            // It got somewhere and broke: smaller portions may do better.
            if heard > 0 { phase = .paging(nil) }
        case .ended, .page:
            if let error { return endInitialEvents(error, retryAfter: nil, now, chance) }
            fail("the API server ended a list before its end", now, chance)
            phase = .paging(nil)
        }
    }

    private mutating func endInitialEvents(
        _ status: APIStatus, retryAfter: Duration?, _ now: ContinuousClock.Instant, _ chance: Double
    ) {
        if status.refusesStreaming {
            offersStreaming = false
            phase = .paging(nil)
            return
        }
        fail(status.words, now, chance, retryAfter: retryAfter ?? status.retryAfterSeconds.map { .seconds($0) })
        // As client-go does: whatever else is wrong with a streaming list, the plain one is tried.
        if status.code != 429, !status.isExpired { phase = .paging(nil) }
    }

    private mutating func endWatch(_ ending: Ending, _ now: ContinuousClock.Instant, _ chance: Double) {
        let lasted = openedAt.map { now - $0 } ?? .zero
        switch ending {
        case .refused(let status, let retryAfter): endWatch(status, retryAfter: retryAfter, now, chance)
        case .unreadable(let message):
            fail(message, now, chance)
            listAgain()
        case .broken(let message):
            fail(message, now, chance)
            // What broke in the middle is asked for from where it broke.
            if heard > 0 { failedWatches = 0 }
        case .silent:
            // Not one bookmark in all that time: perhaps the version is none that the server will come to.
            if heard == 0 { listAgain() }
        case .ended, .page:
            if let error { return endWatch(error, retryAfter: nil, now, chance) }
            if lasted < timing.shortWatch {
                failedWatches += 1
                wait(backoff.next(now: now, chance: chance))
                if failedWatches > 3 { listAgain() }
            } else if heard == 0, lasted >= .seconds(timing.watchSeconds.lowerBound) {
                listAgain()
            }
        }
    }

    private mutating func endWatch(_ status: APIStatus, retryAfter: Duration?, _ now: ContinuousClock.Instant, _ chance: Double) {
        if status.isExpired {
            // Nobody's fault: the node was away for longer than the server keeps versions.
            wait(backoff.next(now: now, chance: chance))
            return listAgain()
        }
        fail(status.words, now, chance, retryAfter: retryAfter ?? status.retryAfterSeconds.map { .seconds($0) })
        failedWatches += 1
        let isTransient = status.code == 429 || status.code >= 500 || status.code == 401 || status.code == 403
        if status.isFromTheFuture || !isTransient || (status.code >= 500 && failedWatches > 3) { listAgain() }
    }

    private mutating func watched(to version: String) {
        if !version.isEmpty { phase = .watching(version) }
        failedWatches = 0
        clearFailure()
    }

    private mutating func listAgain() {
        failedWatches = 0
        expiries = 0
        phase = offersStreaming ? .streaming : .paging(nil)
    }

    private mutating func fail(_ message: String, _ now: ContinuousClock.Instant, _ chance: Double, retryAfter: Duration? = nil) {
        failures += 1
        failure = Trouble(since: failure?.since ?? now, message: message)
        wait(max(backoff.next(now: now, chance: chance), min(retryAfter ?? .zero, timing.longestRetryAfter)))
    }

    private mutating func clearFailure() { (failure, failures) = (nil, 0) }

    private mutating func wait(_ duration: Duration) { pendingWait = max(pendingWait ?? .zero, duration) }
}
