import ArgumentParser
import CommandSupport
import NearNames

/// Verbs and nouns as a person types them: written out, by another name, or by a beginning that is no other's.
struct ShortWords {
    private let root: any ParsableCommand.Type

    init(_ root: any ParsableCommand.Type) { self.root = root }

    /// The arguments with verbs and nouns written out. What follows them is left as it is.
    func expand(_ arguments: [String]) throws(CommandFailure) -> [String] {
        var expanded = arguments
        var command = root
        var path = root.configuration.commandName ?? ""
        for (index, word) in arguments.enumerated() {
            let choices = command.configuration.everySubcommand
            // `help` is the parser's own verb.
            guard !choices.isEmpty, !word.hasPrefix("-"), word != "help" else { break }
            guard let choice = try Self.choose(word, among: choices, after: path) else { break }
            expanded[index] = choice.name
            path += " " + choice.name
            command = choice
        }
        return expanded
    }

    private static func choose(
        _ word: String, among choices: [any ParsableCommand.Type], after path: String
    ) throws(CommandFailure) -> (any ParsableCommand.Type)? {
        let lower = word.lowercased()
        if let exact = choices.first(where: { $0.names.contains(lower) }) { return exact }
        let matches = choices.filter { $0.names.contains { $0.hasPrefix(lower) } }
        // Of a command's name and another's second name, the name counts.
        let byName = matches.filter { $0.name.hasPrefix(lower) }
        let candidates = byName.isEmpty ? matches : byName
        if candidates.count == 1 { return candidates.first }
        if candidates.isEmpty {
            let names = choices.flatMap { $0.names }
            throw CommandFailure(
                "\(path) \(word): there is no such word\(NearNames.suggestion(for: word, among: names)); there are "
                    + choices.filter { $0.configuration.shouldDisplay }.map { $0.name }.joined(separator: ", "), status: ExitStatus.invalid)
        }
        throw CommandFailure(
            "\(path) \(word) may be \(candidates.map { $0.name }.joined(separator: " or ")); write more of it", status: ExitStatus.invalid)
    }
}

extension ParsableCommand {
    fileprivate static var name: String { configuration.commandName ?? String(describing: self).lowercased() }
    fileprivate static var names: [String] { [name] + configuration.aliases }
}

extension CommandConfiguration {
    /// Those in groups and those in none.
    var everySubcommand: [any ParsableCommand.Type] { ungroupedSubcommands + groupedSubcommands.flatMap { $0.subcommands } }
}
