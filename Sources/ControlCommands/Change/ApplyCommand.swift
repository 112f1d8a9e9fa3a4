import ArgumentParser
import CommandSupport
import IPVS
import Planner
import VirtualServerDocuments

/// `ipvsctl apply -f FILE`: what a file says is made so; what it does not name stays.
struct ApplyCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Make the virtual servers of a file stand as it says.",
        discussion: """
            Virtual servers that the file does not name stay as they are, unless --prune takes them away; of one that it names, real servers that it \
            does not name go. What is as it should be is not touched, and connections of what stays stay.
            """)

    @Option(name: [.customShort("f"), .customLong("file")], help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
    var file: String
    @Flag(help: "Take away virtual servers that the file does not name.") var prune = false
    @OptionGroup(title: "File") var arguments: TableArguments
    @OptionGroup(title: "Change") var change: ChangeOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        try await change.make(file, arguments, kernel, prunes: prune)
    }
}

extension ChangeOptions {
    /// Makes the table as a file says: what it does not name stays, or goes as far as it is ours (`prunes`).
    func make(_ file: String, _ arguments: TableArguments, _ kernel: KernelOptions, prunes: Bool) async throws {
        let list = try TableFile.read(file, arguments.format)
        try await carryOut(kernel) { table, owners in
            TableChange(
                from: table.servers, to: list.servers, removing: { _ in prunes }, isOurs: { force || owners.isOurs($0) },
                actions: arguments.actions)
        }
    }
}

/// `ipvsctl restore FILE`: the table becomes what the file says.
struct RestoreCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make the table what a file says, and nothing else.",
        discussion: "The same as apply --prune. Others' virtual servers that the file does not name stay, unless --force is given.")

    @Argument(help: ArgumentHelp("The file; without it or with -, standard input.", valueName: "file")) var file = "-"
    @OptionGroup(title: "File") var arguments: TableArguments
    @OptionGroup(title: "Change") var change: ChangeOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        try await change.make(file, arguments, kernel, prunes: true)
    }
}

/// `ipvsctl rollback`: takes the last change back.
struct RollbackCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Bring the table back to what it was before a change.",
        discussion: """
            Only virtual servers that ipvsctl has changed since the machine started are brought back; what others changed meanwhile stays, unless \
            --force is given. A rollback is a change itself, and can be rolled back.
            """)

    @Argument(help: ArgumentHelp("The snapshot; without it, the latest.", valueName: "snapshot")) var name: String?
    @Flag(help: "List the snapshots, the latest last, and change nothing.") var list = false
    @OptionGroup(title: "Change") var change: ChangeOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        let names = change.snapshots.names()
        if list { return StandardOutput.write(names.map { $0 + "\n" }.joined()) }
        guard let name = name ?? names.last else {
            throw CommandFailure("there is no snapshot in \(change.snapshotDirectory)", status: ExitStatus.invalid)
        }
        let snapshot = try change.snapshots.read(name)
        try await change.carryOut(kernel) { table, owners in
            Self.change(from: table, to: snapshot, isMeant: { change.force || owners.touched.contains($0) })
        }
    }

    /// What brings those that are meant back to a snapshot.
    static func change(
        from table: VirtualServerList, to snapshot: VirtualServerList, isMeant: (VirtualServer.Key) -> Bool
    ) -> TableChange {
        TableChange(
            from: table.servers, to: snapshot.servers.filter { isMeant($0.key) },
            removing: { snapshot.servers[$0] == nil && isMeant($0) })
    }
}
