import ArgumentParser
import CommandSupport
import IPVS
import NodeModel
import Planner
import Telemetry
import VirtualServerDocuments

/// `ipvsctl plan`: what would be done.
struct PlanCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Print the operations of a change in their order, and change nothing.",
        discussion: """
            With a file, those that apply would carry out: by the same code. Without one, those that the agent has before it. Exits with 0 where there \
            is nothing to do, and with 3 where there is.
            """)

    @Option(name: [.customShort("f"), .customLong("file")], help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
    var file: String?
    @Flag(help: "Take away virtual servers that the file does not name.") var prune = false
    @Flag(help: "As if with --force: others' virtual servers, too.") var force = false
    @Option(help: "How to print: table, json or yaml.") var output = OutputFormat.table
    @OptionGroup(title: "File") var arguments: TableArguments
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        var document = OperationsDocument(operations: [])
        if let file {
            let list = try TableFile.read(file, arguments.format)
            let table = VirtualServerList(try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) })
            let options = try ChangeOptions.parse([])
            let owners = Owners(view: try NodeView.read(dummy: options.link), touched: TouchedKeys(directory: options.runtimeDirectory))
            let change = TableChange(
                from: table.servers, to: list.servers, removing: { _ in prune }, isOurs: { force || owners.isOurs($0) },
                actions: arguments.actions)
            document.operations = change.operations.map(\.description)
            document.leftAlone = change.leftAlone.map { "\($0): \(owners.owner(of: $0))" }
        } else {
            do throws(AgentSocketProblem) {
                let plan = try await agent.agent.document(PlanDocument.self, at: "/v1/plan")
                document.operations = plan.operations
                if plan.isCutOff { document.leftAlone = ["the agent tells the first \(plan.operations.count) of \(plan.count)"] }
            } catch {
                throw agent.failure(error)
            }
        }
        StandardOutput.write(try document.text(output) + "\n")
        if !document.operations.isEmpty { throw CommandFailure("", status: ExitStatus.different) }
    }
}

/// Operations as a document.
struct OperationsDocument: Encodable {
    let apiVersion = DocumentText.apiVersion
    let kind = "Plan"
    var operations: [String]
    var leftAlone: [String]?

    func text(_ format: OutputFormat) throws -> String {
        switch format {
        case .json: return try DocumentText.json(self)
        case .yaml: return try DocumentText.yaml(self)
        case .name: return operations.joined(separator: "\n")
        case .table, .wide:
            let rest = (leftAlone ?? []).map { "\n# left alone: \($0)" }.joined()
            guard !operations.isEmpty else { return "Nothing to do." + rest }
            let width = String(operations.count).count
            let lines = operations.enumerated().map { index, operation in
                let number = String(index + 1)
                return "\(String(repeating: " ", count: width - number.count))\(number)  \(operation)"
            }
            return lines.joined(separator: "\n") + "\n\(operations.count) operation\(operations.count == 1 ? "" : "s")." + rest
        }
    }
}
