import AgentCommands
import CommandSupport

Heaps.share(2)
CoreDumps.forbid()
await AgentCommand.runToExit(BooleanFlags.spelledOut(Array(CommandLine.arguments.dropFirst())))
