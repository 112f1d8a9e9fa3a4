/// Judges whether what a list lacks may be believed.
///
/// An API server that lost its data, or an empty answer of something in between, would otherwise empty every node of the cluster at once.
/// So a list that lacks much of what was known is believed when a second one lacks it too.
struct RemovalGuard: Equatable, Sendable {
    /// The share of what is known, in percent, that one list may remove; 100 believes every list.
    var share: Int

    init(share: Int = 25) { self.share = share }

    /// Whether one list that lacks so many of those known is not enough.
    func doubts(missing: Int, of known: Int) -> Bool { share < 100 && missing * 100 > known * share }

    /// Whether the first list of all, which is empty, is not enough: a cluster has at least the Service of its API server, with a slice.
    func doubtsEmptiness(listed: Int) -> Bool { share < 100 && listed == 0 }
}
