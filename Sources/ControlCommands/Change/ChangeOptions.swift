import ArgumentParser
import CommandSupport
import Glibc
import IPVS
import NodeModel
import Planner
import RuntimeFiles
import Telemetry
import VirtualServerDocuments

/// How a change is carried out.
struct ChangeOptions: ParsableArguments {
    @Flag(help: "Change also what another tool manages.")
    var force = false

    @Flag(inversion: .prefixedNo, help: "Write the table down before the change, for rollback.")
    var snapshot = true

    @Option(help: ArgumentHelp("Where the table is written down.", valueName: "directory"))
    var snapshotDirectory = Snapshots.defaultDirectory

    @Option(help: ArgumentHelp("Where the writer's lock is.", valueName: "directory"))
    var runtimeDirectory = "/run/ipvs-agent"

    @Option(help: ArgumentHelp("The link that holds virtual addresses.", valueName: "link"))
    var link = NodeLinks.defaultName

    @OptionGroup(title: "Agent") var agentOptions: AgentOptions

    /// Who is asked where an agent holds the lock: its socket is beside the lock, if no other is named.
    var asked: AgentOptions {
        var options = agentOptions
        if options.socket == AgentOptions.defaultSocket { options.socket = runtimeDirectory + "/agent.sock" }
        return options
    }

    var agent: AgentSocket { asked.agent }

    var snapshots: Snapshots { Snapshots(directory: snapshotDirectory) }

    /// The writer's lock; nil where somebody holds it, whose words `holder` gets.
    func lock(orElse holder: inout String) throws -> WriterLock? {
        do throws(FileProblem) {
            return try WriterLock(directory: runtimeDirectory)
        } catch {
            guard error.isHeld, !agentOptions.noAgent else { throw CommandFailure("\(error)") }
            holder = "\(error)"
            return nil
        }
    }

    /// Reads the table, asks what is to be done, writes the table down, and does it, or has it done by the agent that holds the writer's lock.
    /// Nothing is changed before all of that went well.
    func carryOut(_ kernel: KernelOptions, _ decide: (VirtualServerList, Owners) throws -> TableChange) async throws {
        var holder = ""
        let lock = try lock(orElse: &holder)
        var touched = TouchedKeys(directory: runtimeDirectory)
        let table = VirtualServerList(try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) })
        let owners = Owners(view: try NodeView.read(dummy: link), touched: touched)
        let change = try decide(table, owners)
        let stays = change.leftAlone.map { ManagedServer(virtualServer: "\($0)", owner: owners.owner(of: $0)) }
        for line in ChangeText.leftAlone(stays) { printError(line) }
        guard !change.isEmpty else { return StandardOutput.write("Nothing to do.\n") }
        let asked = lock == nil ? AskedChange(change, of: table.servers, force: force) : nil
        if let asked, try await !asked.check(agent, holder) { return StandardOutput.write("Nothing to do.\n") }
        if snapshot { StandardOutput.write("snapshot \(try snapshots.take(table))\n") }
        do {
            try touched.remember(change.keys)
        } catch {
            throw CommandFailure("nothing was changed: \(error)")
        }
        if let asked { return try await asked.carryOut(agent) }
        let operations = change.operations.compactMap { IPVSOperation($0) }
        let failures = try kernel.withKernel { (handle) throws(IPVSError) in handle.execute(operations) }
        _ = consume lock
        for line in ChangeText.done(change.operations, without: Set(failures.map(\.index))) { StandardOutput.write(line + "\n") }
        try Self.report(failures)
    }

    /// Tells of failures; of those that follow from another only that one.
    static func report(_ failures: [IPVSFailure]) throws {
        guard !failures.isEmpty else { return }
        var unmade: Set<VirtualServer.Key> = []
        for failure in failures { if case .addVirtualServer(let server) = failure.operation { unmade.insert(server.key) } }
        let causes = failures.filter { failure in
            if case .unknownVirtualServer(let key) = failure.error.reason { !unmade.contains(key) } else { true }
        }
        let isUnavailable = causes.allSatisfy { $0.error.isUnavailable }
        throw CommandFailure(
            causes.map(\.description).joined(separator: "\n") + "\n\(failures.count) operation\(failures.count == 1 ? "" : "s") failed",
            status: isUnavailable ? ExitStatus.unavailable : ExitStatus.failure)
    }
}

/// Asks a person for a yes. Without a terminal nobody is asked, and `--yes` has to say it.
enum Question {
    static func ask(_ text: String) throws {
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure("\(text) Say --yes where no terminal can be asked.", status: ExitStatus.invalid)
        }
        StandardOutput.write("\(text) [yes/no] ")
        guard readLine(strippingNewline: true)?.lowercased() == "yes" else { throw CommandFailure("nothing was changed") }
    }
}
