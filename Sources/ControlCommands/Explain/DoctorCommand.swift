import ArgumentParser
import CommandSupport

/// `ipvsctl doctor`: what is wrong with the node itself.
struct DoctorCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what stands in the way of traffic on this node.",
        discussion: """
            Settings against the kernel's version, modules, both back ends of iptables, other programs, sizes of tables: each with its remedy. \
            What is wrong comes first. Exits with 1 where something is wrong.
            """)

    @Flag(help: "Show also what is as it should be.") var all = false
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("The link that holds virtual addresses.", valueName: "link")) var link = NodeLinks.defaultName
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        var isWrong = false
        try await output.show {
            var facts = await NodeFactsRead.read(kernel, dummy: link, connections: true)
            facts.agentAnswers = await agent.knowledge().absence == nil
            let findings = Diagnosis(facts).findings
            isWrong = findings.contains { $0.gravity == .wrong }
            let shown = findings.filter { all || $0.gravity != .good }
            return ItemList(
                items: shown.isEmpty ? [Finding(.good, "node", "nothing stands in the way, as far as it was looked at")] : shown)
        }
        if isWrong { throw CommandFailure("") }
    }
}
