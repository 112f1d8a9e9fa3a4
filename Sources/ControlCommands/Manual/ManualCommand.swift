import ArgumentParser
import CommandSupport
import FoundationEssentials

/// `ipvsctl manual DIRECTORY`: the manual pages, a file each. For `make install`.
struct ManualCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Write the manual pages into a directory.", shouldDisplay: false)

    @Argument(help: "An existing directory.") var directory: String

    func run() async throws {
        for (name, text) in try Self.pages() {
            do {
                try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(name).1"))
            } catch {
                throw CommandFailure("cannot write \(directory)/\(name).1: \(error)")
            }
        }
    }

    static func pages() throws -> [(name: String, text: String)] {
        let program = try CommandDescription.all()
        return ([program] + program.verbs).map { ManualPage(command: $0, version: Version.text) }.map { ($0.name, $0.text) }
    }
}

/// `ipvsctl completions SHELL`: a script that completes verbs, nouns and options.
struct CompletionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a script that completes commands in a shell: bash, zsh or fish.", shouldDisplay: false)

    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash
        case zsh
        case fish
    }

    @Argument(help: "bash, zsh or fish.") var shell: Shell

    func run() async throws {
        let script: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        StandardOutput.write(ControlCommand.completionScript(for: script) + "\n")
    }
}
