import CommandSupport
import FoundationEssentials
import IPVS
import NIOHTTP1
import NodeModel
import Planner
import RuntimeFiles
import Telemetry
import VirtualServerDocuments

/// A change that the agent is asked for, since it is the one writer: as what is to stand and what is to go, some virtual servers at a time. The
/// agent compares with the kernel as it finds it, so that asking twice is asking once.
struct AskedChange {
    /// What comes before what goes.
    private(set) var parts: [Part] = []
    let force: Bool

    struct Part: Equatable {
        var list: VirtualServerList
        var removes: Bool
    }

    init(
        _ change: TableChange, of table: [VirtualServer.Key: VirtualServerState], force: Bool,
        atOnce: Int = ChangeRequest.mostVirtualServers
    ) {
        self.force = force
        var state = NodeState()
        state.virtualServers = table
        for operation in change.operations { state.apply(operation) }
        let keys = change.keys.sorted()
        for removes in [false, true] {
            let meant = keys.filter { (state.virtualServers[$0] == nil) == removes }
            for start in stride(from: 0, to: meant.count, by: atOnce) {
                var list = VirtualServerList()
                for key in meant[start..<min(start + atOnce, meant.count)] {
                    list.servers[key] = state.virtualServers[key] ?? table[key]
                }
                parts.append(Part(list: list, removes: removes))
            }
        }
    }

    /// Asks whether the agent would do all of it, before it is to do any; and whether there is anything that it would do.
    func check(_ agent: AgentSocket, _ holder: String) async throws -> Bool {
        var hasWork = false
        for part in parts {
            do throws(AgentSocketProblem) {
                let report = try await ask(part, agent, isTrial: true)
                for line in ChangeText.leftAlone(report) { printError(line) }
                if !report.operations.isEmpty { hasWork = true }
            } catch {
                throw Self.failure(error, agent, holder)
            }
        }
        return hasWork
    }

    /// Has the agent do it, part by part, and says what it did.
    func carryOut(_ agent: AgentSocket) async throws {
        for part in parts {
            let report: ChangeReport
            do throws(AgentSocketProblem) {
                report = try await ask(part, agent, isTrial: false)
            } catch {
                let unknown =
                    error.isAnswer
                    ? ""
                    : "; whether the last \(part.list.servers.count) virtual servers were changed is not known: the same command again does what is left, and rollback takes it back"
                throw CommandFailure("\(error.text(agent.path))\(unknown)")
            }
            try Self.show(report)
        }
    }

    /// What an agent that was asked before anything was done did not do, and why.
    static func failure(_ problem: AgentSocketProblem, _ agent: AgentSocket, _ holder: String) -> CommandFailure {
        guard problem == .absent else { return CommandFailure("\(problem.text(agent.path)); nothing was changed") }
        return CommandFailure("\(holder), and cannot be asked: \(problem.text(agent.path)) (--socket); nothing was changed")
    }

    /// Says what the agent did, operation by operation, and fails where one of them failed.
    static func show(_ report: ChangeReport) throws(CommandFailure) {
        for line in ChangeText.done(report) { StandardOutput.write(line + "\n") }
        for line in ChangeText.putBack(report) { printError(line) }
        if let failure = ChangeText.failure(report) { throw CommandFailure(failure) }
    }

    private func ask(_ part: Part, _ agent: AgentSocket, isTrial: Bool) async throws(AgentSocketProblem) -> ChangeReport {
        guard let body = try? DocumentText.jsonLine(part.list.document) else { throw .broken("the list cannot be written") }
        return try await agent.change(
            options: ["remove=\(part.removes)", "force=\(force)", "dryRun=\(isTrial)"], body: body)
    }
}

extension AgentSocket {
    /// Asks for a change of the kernel's table in this network namespace.
    func change(options: [String], body: String) async throws(AgentSocketProblem) -> ChangeReport {
        let named = options + (NamespaceIdentity.current.map { ["namespace=\($0)"] } ?? [])
        var asking = self
        // It may have to wait for its turn in the loop, and then for the kernel.
        asking.patience = .seconds(60)
        asking.wholePatience = .seconds(60)
        let answer = try await asking.ask("/v1/apply?" + named.joined(separator: "&"), method: .POST, body: body)
        guard answer.status == 200 else { throw .refused(answer.status, String(decoding: answer.body, as: UTF8.self)) }
        guard let report = try? JSONDecoder().decode(ChangeReport.self, from: Data(answer.body)) else {
            throw .broken("its answer is not understood")
        }
        return report
    }
}
