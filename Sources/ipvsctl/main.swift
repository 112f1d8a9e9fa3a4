import ControlCommands

await ControlCommand.main()
