import Agent
import AgentCommands
import CommandSupport

ProcessMemory.shareHeaps()
await AgentCommand.runToExit(BooleanFlags.spelledOut(Array(CommandLine.arguments.dropFirst())))
