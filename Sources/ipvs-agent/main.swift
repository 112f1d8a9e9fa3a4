import AgentCommands
import CommandSupport

Heaps.share(atMost: 2)
CoreDumps.forbid()
await AgentCommand.runToExit(BooleanFlags.spelledOut(Array(CommandLine.arguments.dropFirst())))
