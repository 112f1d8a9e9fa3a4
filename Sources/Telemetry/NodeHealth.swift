/// Whether this node is to be given traffic, as load balancers and the kubelet ask it. Pure: the time is handed in.
package struct NodeHealth: Hashable, Sendable {
    /// Whether what is asked for has been applied since the start.
    package var isInForce = false
    /// Why something that all Services stand on (rules, sets, the link) is not as wanted; nil where it is.
    package var failure: String?
    /// Why the node is to be given no new traffic although it works: it is being deleted, or its autoscaler is about to; nil where it stays.
    package var leaving: String?
    /// When changes were last applied, or found to change nothing.
    package var lastApplied: Moment?
    /// Since when the oldest change that is not applied yet has waited.
    package var waitingSince: Moment?
    /// What the loop is busy with.
    package var activity: AgentStatus.Activity?

    package init() {}

    /// Why the agent does not get on: a change has waited, or one piece of work lasted, longer than is to be expected. Nil where it does.
    ///
    /// That is what a restart might mend. Until all has been applied for the first time, which may take its time, it counts as getting on.
    package func stall(at time: Moment, patience: Duration) -> String? {
        guard isInForce else { return nil }
        if let waitingSince, waitingSince.advanced(by: patience) < time { return "a change has waited since \(waitingSince)" }
        if let activity, activity.since.advanced(by: patience) < time { return "it has been \(activity.doing) since \(activity.since)" }
        return nil
    }

    /// Why what is asked for cannot be said to be in force in the kernel; nil where it can.
    package func defect(at time: Moment, patience: Duration) -> String? {
        isInForce ? failure ?? stall(at: time, patience: patience) : "what is asked for has not been applied since the start"
    }
}

/// What a node has for a Service with a health check node port.
package struct LocalService: Hashable, Sendable {
    package var namespace: String
    package var name: String
    /// How many ready endpoints this node has.
    package var endpoints: Int

    package init(namespace: String, name: String, endpoints: Int) {
        self.namespace = namespace
        self.name = name
        self.endpoints = endpoints
    }

    /// `default/web`.
    package var service: String { "\(namespace)/\(name)" }
}
