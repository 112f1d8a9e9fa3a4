import CommandSupport
import ControlCommands

await ControlCommand.runToExit()
