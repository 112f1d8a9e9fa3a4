import ArgumentParser
import CommandSupport
import FoundationEssentials
import IPVS
import VirtualServerDocuments

/// `ipvsctl save`: the table, so that restore makes the same again.
struct SaveCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "save", abstract: "Write the table of virtual servers down, nothing left out.",
        discussion: "What is written is a VirtualServerList, or with --format ipvsadm what ipvsadm -Sn prints (sorted).")

    @Option(help: "How to write: yaml, json or ipvsadm.") var format = TableFormat.yaml
    @Argument(help: ArgumentHelp("The file to write; without it, standard output.", valueName: "file")) var file: String?
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        let table = try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) }
        let text = try TableFile.text(VirtualServerList(table), format)
        guard let file, file != "-" else { return StandardOutput.write(text) }
        do {
            try Data(text.utf8).write(to: URL(filePath: file), options: .atomic)
        } catch {
            throw CommandFailure("cannot write \(file): \(error)")
        }
    }
}
