import CommandSupport
import ControlCommands

Heaps.share(atMost: 1)
await ControlCommand.main()
