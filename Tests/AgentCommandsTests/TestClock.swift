import Foundation
import Synchronization

/// A clock that is set by the test.
final class TestClock: Sendable {
    private let seconds = Mutex(1_800_000_000.0)

    var now: Date { Date(timeIntervalSince1970: seconds.withLock { $0 }) }

    func advance(_ duration: Double) { seconds.withLock { $0 += duration } }
}
