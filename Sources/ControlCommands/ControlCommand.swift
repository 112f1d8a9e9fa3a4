package import ArgumentParser
import CommandSupport

/// `ipvsctl`: see, explain and change what this node balances.
package struct ControlCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ipvsctl",
        abstract: "See, explain and change what this node's kernel balances.",
        discussion: """
            Reads the kernel itself, so it works whether an agent runs or not; where one answers on its socket, names and states are added. Verbs and \
            nouns may be shortened as long as they are unambiguous. Needs root (CAP_NET_ADMIN).

            Exit status: 0 success, 1 failure, 2 wrong usage or invalid input, 3 a plan or a difference that is not empty, 4 a privilege, a \
            kernel feature or a tool is missing.
            """,
        version: "ipvsctl \(Version.text)",
        subcommands: [ManualCommand.self, CompletionsCommand.self],
        groupedSubcommands: groups)

    private static let groups: [CommandGroup] = [
        CommandGroup(name: "See", subcommands: [GetCommand.self, DescribeCommand.self, TopCommand.self, EventsCommand.self]),
        CommandGroup(name: "Explain", subcommands: [WhyCommand.self, TraceCommand.self, DoctorCommand.self]),
        CommandGroup(
            name: "Change",
            subcommands: [
                PlanCommand.self, DiffCommand.self, ApplyCommand.self, SaveCommand.self, RestoreCommand.self, RollbackCommand.self,
                SetCommand.self, DrainCommand.self, MaintainCommand.self, ReadyCommand.self, ZeroCommand.self, FlushCommand.self,
            ]),
    ]

    package init() {}

    /// Runs the program with its arguments, verbs and nouns written out.
    package static func main() async -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do throws(CommandFailure) {
            await runToExit(try ShortWords(ControlCommand.self).expand(arguments)) { command in
                if let command = command as? any NamespaceCommand { try command.enterNamespace() }
            }
        } catch {
            CommandSupport.exit(error)
        }
    }
}
