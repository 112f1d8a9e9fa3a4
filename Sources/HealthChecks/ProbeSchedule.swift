internal import HealthModel

/// When each probe is sent. Pure: times and the chance come in.
///
/// Intervals run from start to start, by the time at which the start was due, so that what is late once does not move the rest. Only the
/// first start is at random, somewhere in the first interval; so ten thousand probes stay as spread as they began.
struct ProbeSchedule: Sendable {
    private struct Pace {
        var interval: Moment
        var fastInterval: Moment
        /// When the last start was due.
        var last: Moment = 0
    }

    private var heap = TimerHeap()
    private var paces: [Pace] = []

    var count: Int { heap.count }

    /// When the next start is due; nil where there is nothing to start.
    var next: Moment? { heap.first?.due }

    /// Takes in a probe. Its first start comes within an interval; `chance` is below 1.
    mutating func begin(_ slot: Int, _ timing: ProbeTiming, now: Moment, chance: Double) {
        let interval = Moment.least(timing.interval)
        while slot >= paces.count { paces.append(Pace(interval: 1, fastInterval: 1)) }
        paces[slot] = Pace(interval: interval, fastInterval: min(timing.fastInterval.map { .least($0) } ?? interval, interval))
        heap.set(slot, due: now + Moment(Double(interval) * chance))
    }

    mutating func end(_ slot: Int) { heap.remove(slot) }

    /// One that is to be started now, and when it was due; the next start after that is set.
    mutating func take(now: Moment) -> (slot: Int, due: Moment)? {
        guard let first = heap.first, first.due <= now else { return nil }
        let interval = paces[first.slot].interval
        paces[first.slot].last = first.due
        // Where whole intervals were missed (the machine slept), they are left out, and the phase stays.
        let missed = (now - first.due) / interval
        heap.set(first.slot, due: first.due + (missed + 1) * interval)
        return (first.slot, first.due)
    }

    /// Starts the next one later, because the last is still under way.
    mutating func postpone(_ slot: Int, to moment: Moment) {
        if heap[slot] != nil { heap.set(slot, due: moment) }
    }

    /// Starts the next one sooner, because the state is changing: a fast interval after the last start, and never at once again.
    mutating func hasten(_ slot: Int, now: Moment) {
        guard let due = heap[slot] else { return }
        let sooner = max(paces[slot].last + paces[slot].fastInterval, now)
        if sooner < due { heap.set(slot, due: sooner) }
    }

    func interval(of slot: Int) -> Moment { paces[slot].interval }
}

extension Moment {
    /// The shortest interval there is; a document cannot ask for a shorter one.
    private static let shortest: Moment = 1_000_000

    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        self = overflow ? .max / 4 : Swift.min(whole + attoseconds / 1_000_000_000, .max / 4)
    }

    fileprivate static func least(_ duration: Duration) -> Moment { Swift.max(Moment(duration), shortest) }
}

extension Duration {
    /// `2 s`, `250 ms`.
    var short: String {
        let nanoseconds = Moment(self)
        if nanoseconds % 1_000_000_000 == 0 { return "\(nanoseconds / 1_000_000_000) s" }
        return nanoseconds % 1_000_000 == 0 ? "\(nanoseconds / 1_000_000) ms" : "\(nanoseconds / 1000) µs"
    }
}
