import Agent
import AgentCommands
import CommandSupport

ProcessMemory.shareHeaps()
CoreDumps.forbid()
await AgentCommand.runToExit(BooleanFlags.spelledOut(Array(CommandLine.arguments.dropFirst())))
