/// What is held of a backend after so many good and bad answers in a row. Pure.
///
/// Rise and fall are independent: a backend that is up stays so until `fall` answers in a row were bad, one that is down until `rise` were
/// good, and one of which nothing is known becomes the one or the other by the same numbers.
struct RiseAndFall: Equatable, Sendable {
    enum State: Hashable, Sendable {
        case unknown
        case up
        case down
    }

    let rise: Int
    let fall: Int
    private(set) var state = State.unknown
    /// How many answers of the last kind there were in a row, as far as they matter.
    private var streak = 0
    private var wasGood = false

    init(rise: Int, fall: Int) {
        self.rise = max(rise, 1)
        self.fall = max(fall, 1)
    }

    /// Takes in an answer, and says whether the state is another now.
    mutating func take(isGood: Bool) -> Bool {
        let wanted = isGood ? rise : fall
        streak = isGood == wasGood ? min(streak + 1, wanted) : 1
        wasGood = isGood
        guard streak >= wanted else { return false }
        let now: State = isGood ? .up : .down
        defer { state = now }
        return state != now
    }

    /// Whether the last answer speaks against the state, or there is no state yet: then it is worth asking again soon.
    var isChanging: Bool {
        switch state {
        case .unknown: true
        case .up: !wasGood
        case .down: wasGood
        }
    }
}
