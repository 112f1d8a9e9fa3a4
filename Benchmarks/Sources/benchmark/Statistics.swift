extension [Double] {
    /// The middle one; of an even number, the mean of the two in the middle.
    var median: Double {
        let sorted = sorted()
        guard let last = sorted.last else { return .nan }
        let middle = sorted.count / 2
        guard middle < sorted.count - 1 || sorted.count % 2 == 1 else { return sorted.count == 1 ? last : (sorted[0] + last) / 2 }
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The smallest that at least this share of all are not above (nearest rank).
    func percentile(_ share: Double) -> Double {
        let sorted = sorted()
        guard !sorted.isEmpty else { return .nan }
        let rank = Int((share * Double(sorted.count)).rounded(.up))
        return sorted[Swift.min(Swift.max(rank, 1), sorted.count) - 1]
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
