/// When the choice of the back end saw the rules, which can stand for one look at them.
///
/// A start chooses and looks at once. To read the rules again for it would cost a process for each family.
struct RulesAtChoice {
    private var seen: ContinuousClock.Instant?

    /// How long rules that were seen are what stands: as long as between two looks of an agent that runs (`--ipvs-sync-period`), by default.
    static let holds = Duration.seconds(30)

    /// Notes that they were seen, by a choice that began at this time.
    mutating func note(at time: ContinuousClock.Instant) { seen = time }

    /// They were changed since, or somebody is to see what stands now.
    mutating func forget() { seen = nil }

    /// Whether what was seen can stand for a look at this time. The next look is to see for itself.
    mutating func take(at time: ContinuousClock.Instant) -> Bool {
        defer { forget() }
        return seen.map { time - $0 < Self.holds } ?? false
    }
}
