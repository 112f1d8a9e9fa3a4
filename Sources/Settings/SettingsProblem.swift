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
