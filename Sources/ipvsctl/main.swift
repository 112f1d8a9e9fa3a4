import CommandSupport
import ControlCommands

Heaps.share(1)
await ControlCommand.main()
