import ArgumentParser
import CommandSupport
import Glibc
import IPVS
import NodeModel
import RuntimeFiles
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

    var snapshots: Snapshots { Snapshots(directory: snapshotDirectory) }

    /// The writer's lock. Whoever holds it would put right what we change.
    func lock() throws -> WriterLock {
        do throws(FileProblem) {
            return try WriterLock(directory: runtimeDirectory)
        } catch {
            throw CommandFailure("\(error). While it runs, change what it is asked for: its manifests or Services")
        }
    }

    /// Reads the table, asks what is to be done, writes the table down, and does it. Nothing is changed before all of that went well.
    func carryOut(
        _ kernel: KernelOptions, _ decide: (VirtualServerList, Owners) throws -> TableChange
    ) throws {
        let lock = try lock()
        defer { extendLifetime(lock) }
        var touched = TouchedKeys(directory: runtimeDirectory)
        let table = VirtualServerList(try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) })
        let owners = Owners(view: try NodeView.read(dummy: link), touched: touched)
        let change = try decide(table, owners)
        for key in change.leftAlone {
            printError("left alone: \(key) is not in the list, and is not ours: \(owners.owner(of: key)); --force removes it")
        }
        guard !change.isEmpty else { return StandardOutput.write("Nothing to do.\n") }
        if snapshot { StandardOutput.write("snapshot \(try snapshots.take(table))\n") }
        do {
            try touched.remember(change.keys)
        } catch {
            throw CommandFailure("nothing was changed: \(error)")
        }
        let operations = change.operations.compactMap { IPVSOperation($0) }
        let failures = try kernel.withKernel { (handle) throws(IPVSError) in handle.execute(operations) }
        let failed = Set(failures.map(\.index))
        for (index, operation) in change.operations.enumerated() where !failed.contains(index) { StandardOutput.write("\(operation)\n") }
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
