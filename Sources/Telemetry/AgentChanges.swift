package import FoundationEssentials

/// Who may be asked to change the kernel's table by hand: the agent, since it is the one writer.
package protocol AgentChanges: Sendable {
    /// Carries a change out, or none of it where it is refused.
    func apply(_ request: ChangeRequest) async throws(ChangeFailure) -> ChangeReport
}

/// What is asked for with `POST /v1/apply`.
package struct ChangeRequest: Hashable, Sendable {
    /// A VirtualServerList, in YAML or JSON.
    package var list = Data()
    /// Whether what the list names is to go, instead of to be as it says.
    package var removes = false
    /// `add`, `update`, `remove`: the kinds of change that are wanted.
    package var actions: Set<String> = ["add", "update", "remove"]
    /// Whether what the agent wants otherwise is changed all the same, until it puts that back.
    package var force = false
    /// Whether to say what would be done, and to do nothing.
    package var isTrial = false
    /// The network namespace that is meant (`DEVICE:INODE`); nil for the agent's own.
    package var namespace: String?
    /// The kernel's time-outs in seconds; 0 for those that stay.
    package var timeouts: Timeouts?

    package struct Timeouts: Hashable, Sendable {
        package var tcp: UInt32 = 0
        package var tcpFin: UInt32 = 0
        package var udp: UInt32 = 0

        package init(tcp: UInt32 = 0, tcpFin: UInt32 = 0, udp: UInt32 = 0) { (self.tcp, self.tcpFin, self.udp) = (tcp, tcpFin, udp) }
    }

    package init() {}

    /// The most virtual servers that one request names: that much the agent does in one piece.
    package static let mostVirtualServers = 200
    /// The longest body, in bytes.
    package static let longest = 4 << 20
}

/// What came of a change, operation by operation in their order.
package struct ChangeReport: Hashable, Sendable, Codable {
    package var apiVersion = TelemetryJSON.apiVersion
    package var kind = "ChangeReport"
    package var time: Moment
    /// Whether nothing was to be done but to say what would be.
    package var isTrial: Bool
    package var operations: [Result]
    /// Virtual servers that were to go and stay, with whose they are.
    package var leftAlone: [ManagedServer]
    /// What the agent wants otherwise, and puts back when it next looks at the kernel.
    package var putBack: [ManagedServer]
    /// How often it looks.
    package var looksEverySeconds: Double

    package struct Result: Hashable, Sendable, Codable {
        package var operation: String
        /// `planned`, `done` or `failed`.
        package var outcome: String
        /// Why it failed, and what to do.
        package var message: String?
        package var remedy: String?

        package init(operation: String, outcome: String, message: String? = nil, remedy: String? = nil) {
            (self.operation, self.outcome, self.message, self.remedy) = (operation, outcome, message, remedy)
        }
    }

    package init(
        time: Moment, isTrial: Bool, operations: [Result] = [], leftAlone: [ManagedServer] = [], putBack: [ManagedServer] = [],
        looksEverySeconds: Double
    ) {
        (self.time, self.isTrial, self.operations, self.leftAlone) = (time, isTrial, operations, leftAlone)
        (self.putBack, self.looksEverySeconds) = (putBack, looksEverySeconds)
    }
}

/// Something that the agent manages.
package struct ManagedServer: Hashable, Sendable, Codable {
    /// `tcp 10.96.0.10:80`.
    package var virtualServer: String
    /// `Service default/web`.
    package var owner: String

    package init(virtualServer: String, owner: String) { (self.virtualServer, self.owner) = (virtualServer, owner) }
}

/// Why a change was not begun.
package enum ChangeFailure: Error, Hashable, Sendable {
    /// What is asked for cannot be: what, and what can.
    case invalid(String, remedy: String)
    /// It is about what the agent manages itself.
    case managed([ManagedServer])
    /// Another network namespace than the agent's is meant.
    case otherNamespace
    /// The kernel's table could not be looked at.
    case unseen(String)
    case notNow(InquiryFailure)
}
