/// What wakes the loop when nothing is posted: each at its time, once.
struct LoopTimers {
    private typealias Instant = ContinuousClock.Instant

    private let mailbox: Mailbox
    private var change: Task<Void, Never>?
    private var retry: Task<Void, Never>?
    private var work: (task: Task<Void, Never>, due: ContinuousClock.Instant)?
    private var pause: Task<Void, Never>?
    private var expiry: (task: Task<Void, Never>, due: ContinuousClock.Instant)?

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    /// Wakes the loop when the least time between changes is over.
    mutating func setChange(_ due: ContinuousClock.Instant) {
        if change == nil { change = wake(at: due) { _ in } }
    }

    mutating func endChange() { change = nil }

    /// Has what failed tried again. A timer that runs is let run, so that a stream of other work cannot put the retry off for ever.
    mutating func setRetry(after delay: Duration?) {
        if retry == nil, let delay { retry = wake(at: .now + delay) { $0.isRetryDue = true } }
    }

    mutating func endRetry() { retry = nil }

    /// Wakes the loop when there will be work.
    mutating func setWork(_ due: ContinuousClock.Instant?) {
        guard due != work?.due else { return }
        work?.task.cancel()
        work = due.map { due in (wake(at: due) { _ in }, due) }
    }

    /// Wakes the loop for the next slice of a sweep.
    mutating func pause(_ duration: Duration) {
        if pause == nil { pause = wake(at: .now + duration) { $0.isSliceDue = true } }
    }

    var isPausing: Bool { pause != nil }

    mutating func endPause() { pause = nil }

    /// Wakes the loop when something that was said by hand ends. Times of the wall clock come out a little different each time.
    mutating func setExpiry(_ due: ContinuousClock.Instant?) {
        if let due, let set = expiry?.due, set > .now, abs((due - set) / .milliseconds(1)) < 50 { return }
        if due == nil, expiry == nil { return }
        expiry?.task.cancel()
        expiry = due.map { due in (wake(at: due) { _ in }, due) }
    }

    func end() { for task in [change, retry, work?.task, pause, expiry?.task] { task?.cancel() } }

    private func wake(
        at due: ContinuousClock.Instant, _ change: @escaping @Sendable (inout Mailbox.Content) -> Void
    ) -> Task<Void, Never> {
        Task { [mailbox] in if (try? await Task.sleep(until: due)) != nil { mailbox.post(change) } }
    }
}
