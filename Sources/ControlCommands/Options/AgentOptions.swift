import ArgumentParser
import CommandSupport

/// Where a running agent is asked.
struct AgentOptions: ParsableArguments {
    static let defaultSocket = "/run/ipvs-agent/agent.sock"

    @Option(help: ArgumentHelp("The agent's socket.", valueName: "path"))
    var socket = Self.defaultSocket

    @Flag(help: "Ask no agent: show what the kernel says, and no more.")
    var noAgent = false

    var agent: AgentSocket { AgentSocket(path: socket) }

    func knowledge() async -> AgentKnowledge {
        guard !noAgent else {
            var nothing = AgentKnowledge()
            nothing.absence = "no agent was asked (--no-agent)"
            return nothing
        }
        return await agent.knowledge()
    }

    /// Turns what went wrong with the agent into a sentence and an exit status.
    func failure(_ problem: AgentSocketProblem) -> CommandFailure {
        CommandFailure(problem.text(socket), status: problem == .notPermitted ? ExitStatus.unavailable : ExitStatus.failure)
    }
}
