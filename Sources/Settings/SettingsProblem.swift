/// Something wrong with the settings: where, what, and what to do.
package struct SettingsProblem: Hashable, Sendable, CustomStringConvertible {
    /// `--ipvs-scheduler`, `IPVS_AGENT_IPVS_SCHEDULER` or `config.yaml:3, ipvsScheduler`.
    package var place: String
    /// A sentence without its full stop.
    package var message: String

    package init(place: String, message: String) {
        self.place = place
        self.message = message
    }

    package var description: String { "\(place): \(message)" }
}

/// Everything that is wrong with the settings, so that a person can put it right at one go.
package struct InvalidSettings: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [SettingsProblem]

    /// A line for each problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Finds the name that was meant.
enum Suggestion {
    /// ` Did you mean "ipvsScheduler"?` in a few words, or nothing where no name is near.
    static func text(for name: String, among names: [String]) -> String {
        let nearest = names.map { (name: $0, distance: distance(name.lowercased(), $0.lowercased())) }.min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= max(2, name.utf8.count / 3) else { return "" }
        return "; did you mean \(nearest.name)?"
    }

    /// How many letters have to be changed, added or removed to make one text the other (Levenshtein's distance).
    private static func distance(_ left: String, _ right: String) -> Int {
        // Names are short; a long one is not near any.
        guard left.utf8.count <= 80 else { return .max }
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (index, letter) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (right[column] == letter ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
