import Synchronization

/// Says when nothing has been heard for too long.
final class Watchdog: Sendable {
    private let deadline: Mutex<ContinuousClock.Instant>

    init(_ deadline: ContinuousClock.Instant) { self.deadline = Mutex(deadline) }

    func move(to deadline: ContinuousClock.Instant) { self.deadline.withLock { $0 = deadline } }

    /// Returns when the deadline has passed without being moved, or when the task is cancelled.
    func wait() async {
        while !Task.isCancelled {
            let deadline = deadline.withLock { $0 }
            guard deadline > .now else { return }
            try? await Task.sleep(until: deadline)
        }
    }
}
