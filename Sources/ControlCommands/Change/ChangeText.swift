import NodeModel
import Planner
import Telemetry

/// What a change prints, line by line: what was done on standard output, and what was not on standard error.
enum ChangeText {
    /// The most that are named one by one.
    private static let most = 20

    /// What was done here, in its order; `failed` are the places of those that were not.
    static func done(_ operations: [Operation], without failed: Set<Int> = []) -> [String] {
        operations.enumerated().filter { !failed.contains($0.offset) }.map { "\($0.element)" }
    }

    /// What the agent did.
    static func done(_ report: ChangeReport) -> [String] { report.operations.filter { $0.outcome == "done" }.map(\.operation) }

    /// What stays since it is somebody else's.
    static func leftAlone(_ servers: [ManagedServer]) -> [String] {
        lines(servers) { "left alone: \($0.virtualServer) is not in the list, and is not ours: \($0.owner); --force removes it" }
    }

    /// What stays since the agent manages it.
    static func leftAlone(_ report: ChangeReport) -> [String] {
        lines(report.leftAlone) {
            "left alone: \($0.virtualServer) is \($0.owner)'s; --force removes it until the agent puts it back"
        }
    }

    private static func lines(_ servers: [ManagedServer], _ text: (ManagedServer) -> String) -> [String] {
        servers.prefix(most).map(text) + (servers.count > most ? ["left alone: \(servers.count - most) more"] : [])
    }

    /// What was changed and will not stay so.
    static func putBack(_ report: ChangeReport) -> [String] {
        report.putBack.map { server in
            "the agent wants \(server.virtualServer) otherwise for \(server.owner), and puts it back when it next looks, every "
                + "\(Int(report.looksEverySeconds)) s"
        }
    }

    /// What the agent could not do; nil where it did all.
    static func failure(_ report: ChangeReport) -> String? {
        let failures = report.operations.filter { $0.outcome == "failed" }.map { result in
            "cannot \(result.operation): \(result.message ?? "")" + (result.remedy.map { ". \($0)" } ?? "")
        }
        guard !failures.isEmpty else { return nil }
        return failures.joined(separator: "\n") + "\n\(failures.count) operation\(failures.count == 1 ? "" : "s") failed"
    }
}
