import Agent
import ArgumentParser
import CommandSupport
import NodeKernel
import Planner

/// `ipvs-agent cleanup`.
struct CleanupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup", abstract: "Remove from the kernel exactly what the agent owns.",
        discussion: """
            The dummy link with its addresses, the virtual servers on them, our sets, chains and rules. Kernel settings that an agent \
            changed since the machine was started are put back, where nobody has changed them again. What others made stays. An agent \
            that runs has to be stopped first.
            """)

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        let assembly = AgentAssembly(try options.resolve())
        try Privilege.check()
        let lock = try assembly.lock()
        let round = await assembly.reconciler().cleanup()
        if round.succeeded {
            assembly.journal.erase()
            assembly.originals.erase()
        }
        _ = consume lock
        print(
            round.plan.isEmpty && round.succeeded
                ? "Nothing of ours was there." : "\(round.done) operations done, \(round.failures.count) failed.")
        try RoundStatus.check(round, problems: [])
    }
}
