import ArgumentParser
import CommandSupport
import IPVS
import NodeModel
import Planner
import Telemetry
import VirtualServerDocuments

/// `ipvsctl diff`: wanted against the kernel.
struct DiffCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show where the kernel differs from what is wanted.",
        discussion: """
            With a file, the table is compared with it; without one, the agent says what differs and waits to be put right. + is wanted and missing, \
            - is there and not wanted, ~ is otherwise. Exits with 0 where nothing differs, and with 3 where something does.
            """)

    @Option(name: [.customShort("f"), .customLong("file")], help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
    var file: String?
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "File") var arguments: TableArguments
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        let listing: ItemList<DifferenceItem>
        if let file {
            let list = try TableFile.read(file, arguments.format)
            let table = VirtualServerList(try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) })
            let change = TableChange(from: table.servers, to: list.servers, removing: { _ in true }, actions: arguments.actions)
            listing = ItemList(items: change.operations.compactMap { DifferenceItem($0, in: table) })
        } else {
            do throws(AgentSocketProblem) {
                let drift = try await agent.agent.document(DriftDocument.self, at: "/v1/drift")
                listing = ItemList(
                    items: drift.items.map { DifferenceItem(sign: "~", object: $0.object, difference: $0.difference, remedy: $0.remedy) })
            } catch {
                throw agent.failure(error)
            }
        }
        if listing.items.isEmpty, output.output == .table || output.output == .wide { return StandardOutput.write("Nothing differs.\n") }
        StandardOutput.write(try listing.text(output, style: .standard) + "\n")
        if !listing.items.isEmpty { throw CommandFailure("", status: ExitStatus.different) }
    }
}

/// One difference in a listing.
struct DifferenceItem: ListedItem {
    static let kind = "DifferenceListing"

    /// `+` is wanted and missing, `-` is there and not wanted, `~` is otherwise.
    var sign: String
    var object: String
    var difference: String
    var remedy: String?

    var name: String { object }

    static var columns: [ListedColumn<DifferenceItem>] {
        [
            .text("") { $0.sign }.toned { $0.sign == "+" ? .good : $0.sign == "-" ? .bad : .doubtful },
            .text("OBJECT") { $0.object },
            .text("WANTED AND FOUND") { $0.difference },
            .text("REMEDY", .ifAny) { $0.remedy ?? "" },
        ]
    }

    init(sign: String, object: String, difference: String, remedy: String? = nil) {
        self.sign = sign
        self.object = object
        self.difference = difference
        self.remedy = remedy
    }

    /// The difference that an operation would take away.
    init?(_ operation: Operation, in table: VirtualServerList) {
        switch operation {
        case .addVirtualServer(let server):
            self.init(sign: "+", object: "virtual server \(server.key)", difference: "\(server.configuration)")
        case .removeVirtualServer(let key):
            self.init(sign: "-", object: "virtual server \(key)", difference: table.servers[key].map { "\($0.configuration)" } ?? "")
        case .updateVirtualServer(let server):
            let found = table.servers[server.key].map { "\($0.configuration)" } ?? "nothing"
            self.init(sign: "~", object: "virtual server \(server.key)", difference: "\(server.configuration) instead of \(found)")
        case .addRealServer(let server, let key):
            self.init(sign: "+", object: "real server \(server.key) of \(key)", difference: "\(server.configuration)")
        case .removeRealServer(let server, let key):
            self.init(
                sign: "-", object: "real server \(server) of \(key)",
                difference: table.servers[key]?.realServers[server].map { "\($0)" } ?? "")
        case .updateRealServer(let server, let key):
            let found = table.servers[key]?.realServers[server.key].map { "\($0)" } ?? "nothing"
            self.init(sign: "~", object: "real server \(server.key) of \(key)", difference: "\(server.configuration) instead of \(found)")
        default: return nil
        }
    }
}
