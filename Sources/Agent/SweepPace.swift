/// How a sweep leaves the processor to whoever brings a change (waits for a file to be whole, reads and decodes it): where there is one, that would
/// have to share it with slice after slice otherwise.
struct SweepPace {
    /// The longest pause: a sweep is to end some time.
    static let longest = Duration.milliseconds(10)

    private var hasGivenWay = false

    /// The pause after a slice: as long as that took.
    mutating func afterSlice(took: Duration) -> Duration {
        hasGivenWay = false
        return min(took, Self.longest)
    }

    /// How much longer to pause where an update is about to come. Once for a slice, since one may be about to come all the time.
    mutating func afterPause(isUpdateComing: Bool) -> Duration? {
        guard isUpdateComing, !hasGivenWay else { return nil }
        hasGivenWay = true
        return Self.longest
    }
}
