import AgentCommands
import CommandSupport

await AgentCommand.runToExit(BooleanFlags.spelledOut(Array(CommandLine.arguments.dropFirst())))
