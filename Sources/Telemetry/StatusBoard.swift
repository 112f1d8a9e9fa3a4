import Synchronization

/// What can be said of the agent without asking its loop: what that is doing, and how it was when it was last asked.
package final class StatusBoard: Sendable {
    private let content = Mutex<(activity: AgentStatus.Activity?, latest: AgentStatus?)>((nil, nil))

    package init() {}

    /// What the loop is doing; nil while it waits for work.
    package var activity: AgentStatus.Activity? {
        get { content.withLock { $0.activity } }
        set { content.withLock { $0.activity = newValue } }
    }

    package func began(_ doing: String, at time: Moment = .now) { activity = AgentStatus.Activity(doing: doing, since: time) }
    package func ended() { activity = nil }

    package func publish(_ status: AgentStatus) { content.withLock { $0.latest = status } }

    /// The last status that was given, marked with what has kept the loop from giving a newer one.
    package var latest: AgentStatus? {
        content.withLock { content in
            guard var status = content.latest else { return nil }
            status.busy = content.activity
            return status
        }
    }
}
