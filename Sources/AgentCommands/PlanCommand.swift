import Agent
import ArgumentParser
import CommandSupport
import FoundationEssentials
import NodeKernel
import NodeModel
import Planner
import ServiceModel

/// `ipvs-agent plan`.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Print the operations that run would carry out, in their order, and change nothing.",
        discussion: "Exits with 0 where there is nothing to do, and with 3 where there is.")

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    @Option(name: [.short, .long], help: "How to print: text or json.")
    var output = Format.text

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        let assembly = AgentAssembly(try options.resolve())
        try Privilege.check()
        let update = try await SourceReading.readOnce(try assembly.source)
        let reconciler = await assembly.reconciler()
        _ = await reconciler.take(update.withoutSync)
        let round = await reconciler.preview()
        switch output {
        case .text: print(Self.text(round.plan))
        case .json: print(try Self.json(round.plan))
        }
        try RoundStatus.check(round, problems: update.problems ?? [])
        if !round.plan.isEmpty { throw CommandFailure("", status: ExitStatus.different) }
    }

    static func text(_ plan: Plan) -> String {
        guard !plan.isEmpty else { return "Nothing to do: the kernel is as it should be." }
        let width = String(plan.operations.count).count
        let lines = plan.operations.enumerated().map { index, operation in
            let number = String(index + 1)
            return "\(String(repeating: " ", count: width - number.count))\(number)  \(operation)"
        }
        return lines.joined(separator: "\n") + "\n\(plan.operations.count) operations."
    }

    private struct Document: Encodable {
        let apiVersion = "ipvs-agent.dev/v1alpha1"
        let kind = "Plan"
        var operations: [String]
    }

    static func json(_ plan: Plan) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(Document(operations: plan.operations.map(\.description))), as: UTF8.self)
    }
}
