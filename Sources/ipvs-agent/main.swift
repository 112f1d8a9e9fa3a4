import AgentCommands
import CommandSupport

await AgentCommand.runToExit()
