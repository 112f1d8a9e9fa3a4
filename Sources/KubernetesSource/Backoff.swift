/// How long to wait before the next attempt: longer after each failure, and by chance, so that the nodes of a cluster do not all come at once.
///
/// The bounds are those of client-go's reflector: 0.8 s at first, doubled up to 30 s, from the beginning again after two quiet minutes.
struct Backoff: Sendable {
    var bounds: ClosedRange<Duration>
    /// After so long without a failure, the next one is a first one.
    var quiet = Duration.seconds(120)
    private var failures = 0
    private var last: ContinuousClock.Instant?

    init(bounds: ClosedRange<Duration> = .milliseconds(800) ... .seconds(30)) { self.bounds = bounds }

    /// Counts a failure. Waits between half of the doubled time and all of it, within the bounds.
    mutating func next(now: ContinuousClock.Instant, chance: Double) -> Duration {
        if let last, now - last > quiet { failures = 0 }
        last = now
        // 2^20 of the least is beyond any upper bound.
        let ceiling = min(bounds.upperBound, bounds.lowerBound * (2 << min(failures, 20)))
        failures += 1
        let floor = max(bounds.lowerBound, ceiling / 2)
        return floor + (ceiling - floor) * chance
    }
}
