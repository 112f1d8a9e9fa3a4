/// What may be asked of a running agent. Its loop answers between two pieces of work, and each answer is a small piece itself: whoever asks
/// cannot keep it from its work.
package protocol AgentInquiry: Sendable {
    func status() async throws(InquiryFailure) -> AgentStatus

    /// The names of all Services that are ours to balance, in no order.
    func serviceNames() async throws(InquiryFailure) -> [String]

    /// These Services, in this order; those that are gone are left out. At most `ServiceReport.batch` at a time.
    func services(_ names: [String]) async throws(InquiryFailure) -> [ServiceReport]

    /// The virtual servers of these Services, in this order; those that are gone are left out. At most `ServiceReport.batch` at a time.
    func entrances(of services: [String]) async throws(InquiryFailure) -> [ServiceEntrances]

    func drift() async throws(InquiryFailure) -> DriftDocument
    func plan() async throws(InquiryFailure) -> PlanDocument
}

/// The virtual servers that a Service has, by their names: `10.96.0.1:80 TCP`.
package struct ServiceEntrances: Hashable, Sendable {
    /// `default/web`.
    package var service: String
    package var names: [String]

    package init(service: String, names: [String]) {
        self.service = service
        self.names = names
    }
}

/// Why an agent did not answer.
package enum InquiryFailure: Error, Hashable, Sendable {
    /// It has been doing something else all the while that may be waited.
    case busy(AgentStatus.Activity?)
    /// Too many have asked and wait for their answers.
    case crowded
    /// What was asked for has not been read whole yet, so nothing can be said of it.
    case starting
    case stopping
}

extension InquiryFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .busy(let activity?): "the agent did not answer in time: it has been \(activity.doing) since \(activity.since)"
        case .busy(nil): "the agent did not answer in time"
        case .crowded: "too many requests wait for the agent's answer"
        case .starting: "the agent has not yet read what is asked for"
        case .stopping: "the agent is stopping"
        }
    }

    package var remedy: String {
        switch self {
        case .busy: "try again; if that lasts, see the agent's log, and whether the machine is overloaded"
        case .crowded: "ask less often"
        case .starting: "try again; if that lasts, status says what it waits for"
        case .stopping: "ask again when it has been started"
        }
    }
}
