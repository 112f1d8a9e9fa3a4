/// What probing has come to so far.
package struct ProberFigures: Equatable, Sendable {
    /// Probes that go on.
    package var probes = 0
    /// Checks that have begun and not answered yet.
    package var underWay = 0
    package var begun = 0
    package var good = 0
    package var bad = 0
    package var hindered = 0
    /// The longest that a start came after it was due, as a share of its interval, since the figures were last taken.
    package var latestShare = 0.0
    package var latest = Duration.zero

    package init() {}

    static func + (one: ProberFigures, other: ProberFigures) -> ProberFigures {
        var sum = one
        sum.probes += other.probes
        sum.underWay += other.underWay
        sum.begun += other.begun
        sum.good += other.good
        sum.bad += other.bad
        sum.hindered += other.hindered
        sum.latestShare = max(one.latestShare, other.latestShare)
        sum.latest = max(one.latest, other.latest)
        return sum
    }
}
