import ArgumentParser
import FoundationEssentials

/// A command as the parser itself describes it: what help, completions and manual pages all come from.
struct CommandDescription: Decodable {
    var commandName: String
    var superCommands: [String]?
    var aliases: [String]?
    var abstract: String?
    var discussion: String?
    var shouldDisplay: Bool?
    var subcommands: [CommandDescription]?
    var arguments: [Argument]?

    struct Argument: Decodable {
        var kind: String
        var shouldDisplay: Bool
        var sectionTitle: String?
        var isOptional: Bool
        var isRepeating: Bool
        var names: [Name]?
        var valueName: String?
        var defaultValue: String?
        var abstract: String?

        struct Name: Decodable {
            var kind: String
            var name: String

            var text: String { kind == "long" ? "--\(name)" : "-\(name)" }
        }
    }

    /// Verbs of our own, without the parser's `help`.
    var verbs: [CommandDescription] { (subcommands ?? []).filter { $0.commandName != "help" && $0.shouldDisplay ?? true } }

    /// `ipvsctl get services`.
    var path: String { ((superCommands ?? []) + [commandName]).joined(separator: " ") }

    static func all() throws -> CommandDescription {
        struct Tool: Decodable { var command: CommandDescription }
        return try JSONDecoder().decode(Tool.self, from: Data(ControlCommand._dumpHelp().utf8)).command
    }
}
