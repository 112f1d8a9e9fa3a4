import HealthModel

/// Backends that answer directly and not through the kernel's balancing, or the other way round.
///
/// Both are asked at different times, so at each death they differ for a moment. What has lasted twice as long as either needs for a verdict
/// is told. Pure: time is handed in.
struct PathDoubts {
    enum Change: Equatable {
        /// They agree again, after it was told that they do not.
        case agree
    }

    /// When a difference is told, if it lasts; by the probe that goes through.
    private var pending: [Probe: ContinuousClock.Instant] = [:]
    private var told: Set<Probe> = []

    /// Takes in whether the two agree now.
    mutating func take(_ probe: Probe, agree: Bool, at now: ContinuousClock.Instant) -> Change? {
        guard agree else {
            if pending[probe] == nil, !told.contains(probe) { pending[probe] = now + probe.longestJudgement * 2 }
            return nil
        }
        pending[probe] = nil
        return told.remove(probe) == nil ? nil : .agree
    }

    /// Lets go of one that is not made any more, or of which the other is not.
    mutating func forget(_ probe: Probe) {
        // Most are of no doubt.
        guard !pending.isEmpty || !told.isEmpty else { return }
        for known in Array(pending.keys) + told where known == probe || known.direct == probe {
            pending[known] = nil
            told.remove(known)
        }
    }

    var due: ContinuousClock.Instant? { pending.values.min() }

    /// Hands over those that have lasted, once.
    mutating func takeDue(at now: ContinuousClock.Instant) -> [Probe] {
        let due = pending.filter { $0.value <= now }.map(\.key)
        for probe in due { pending[probe] = nil }
        told.formUnion(due)
        return due
    }
}

extension Probe {
    /// How long a verdict takes at most, from the moment that there is a reason for it; and once more an interval.
    var longestJudgement: Duration { timing.interval * (max(rise, fall) + 1) + timing.timeout }
}
