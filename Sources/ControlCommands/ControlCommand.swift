package import ArgumentParser
import CommandSupport

/// `ipvsctl`: see what this node balances.
package struct ControlCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ipvsctl",
        abstract: "See what this node's kernel balances.",
        discussion: """
            Reads the kernel itself, so it works whether an agent runs or not. Needs root (CAP_NET_ADMIN).

            Exit status: 0 success, 1 failure, 2 wrong usage, 4 a privilege or a kernel feature is missing.
            """,
        version: "ipvsctl \(Version.text)",
        subcommands: [GetCommand.self])

    package init() {}
}
