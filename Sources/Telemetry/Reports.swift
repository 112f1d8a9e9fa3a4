/// What differs in the kernel from what is wanted and waits to be put right.
package struct DriftReport: Hashable, Sendable, Codable {
    package var apiVersion = TelemetryJSON.apiVersion
    package var kind = "Drift"
    package var time: Moment
    /// When the kernel was last looked at whole; missing where that has not happened yet.
    package var sweep: AgentStatus.Sweep?
    package var count: Int
    package var items: [Drift]

    /// The most that are shown.
    package static let limit = 10_000

    package init(time: Moment, sweep: AgentStatus.Sweep?, count: Int, items: [Drift]) {
        self.time = time
        self.sweep = sweep
        self.count = count
        self.items = items
    }
}

/// The operations between the agent's picture of the kernel and what is wanted, in their order.
package struct PlanReport: Hashable, Sendable, Codable {
    package var apiVersion = TelemetryJSON.apiVersion
    package var kind = "Plan"
    package var time: Moment
    /// When the kernel was last looked at whole; missing where that has not happened yet.
    package var sweep: AgentStatus.Sweep?
    /// How many of them there are, at least where not all are shown.
    package var count: Int
    /// Whether there are more than are shown.
    package var isCutOff: Bool
    package var operations: [String]

    /// The most that are shown.
    package static let limit = 10_000

    package init(time: Moment, sweep: AgentStatus.Sweep?, count: Int, isCutOff: Bool = false, operations: [String]) {
        self.time = time
        self.sweep = sweep
        self.count = count
        self.isCutOff = isCutOff
        self.operations = operations
    }
}
