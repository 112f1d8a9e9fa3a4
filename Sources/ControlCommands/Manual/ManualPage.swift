/// A manual page in the macros of man(7). Pure: a command's description in, text out.
struct ManualPage {
    let command: CommandDescription
    let version: String

    /// The page's name: `ipvsctl-get`.
    var name: String { command.path.split(separator: " ").joined(separator: "-") }

    var text: String {
        var lines = [
            ".TH \"\(Self.escaped(name.uppercased()))\" 1 \"\" \"ipvsctl \(version)\" \"ipvsctl\"", ".SH NAME",
            "\(Self.escaped(name)) \\- \(Self.escaped(command.abstract ?? ""))", ".SH SYNOPSIS",
        ]
        lines += synopsis(command)
        if let discussion = command.discussion, !discussion.isEmpty { lines += [".SH DESCRIPTION"] + Self.paragraphs(discussion) }
        lines += options(command, heading: ".SH")
        for verb in command.verbs where command.superCommands?.isEmpty == false {
            lines += [".SH \"\(Self.escaped(verb.path.uppercased()))\""] + Self.paragraphs(verb.abstract ?? "") + synopsis(verb)
            if let aliases = verb.aliases, !aliases.isEmpty { lines += [".PP", "Also: \(Self.escaped(aliases.joined(separator: ", ")))."] }
            if let discussion = verb.discussion { lines += [".PP"] + Self.paragraphs(discussion) }
            lines += options(verb, heading: ".SS")
        }
        if command.superCommands?.isEmpty != false {
            lines.append(".SH VERBS")
            for verb in command.verbs { lines += [".TP", "\\fB\(Self.escaped(verb.commandName))\\fR", Self.escaped(verb.abstract ?? "")] }
        }
        lines.append(".SH \"SEE ALSO\"")
        lines.append(
            command.superCommands?.isEmpty != false
                ? command.verbs.map { "\\fBipvsctl-\(Self.escaped($0.commandName))\\fR(1)" }.joined(separator: ", ")
                    + ", \\fBipvsadm\\fR(8)"
                : "\\fBipvsctl\\fR(1), \\fBipvsadm\\fR(8)")
        return lines.joined(separator: "\n") + "\n"
    }

    private func synopsis(_ command: CommandDescription) -> [String] {
        var words = ["\\fB\(Self.escaped(command.path))\\fR"]
        if !command.verbs.isEmpty { words.append("\\fIverb\\fR") }
        let shown = (command.arguments ?? []).filter { $0.shouldDisplay }
        if shown.contains(where: { $0.kind != "positional" && $0.isOptional }) { words.append("[\\fIoptions\\fR]") }
        for argument in shown where argument.kind == "option" && !argument.isOptional { words.append(Self.option(argument)) }
        for argument in shown where argument.kind == "positional" {
            let value = "\\fI\(Self.escaped(argument.valueName ?? "value"))\\fR" + (argument.isRepeating ? " ..." : "")
            words.append(argument.isOptional ? "[\(value)]" : value)
        }
        return [words.joined(separator: " ")]
    }

    private func options(_ command: CommandDescription, heading: String) -> [String] {
        let shown = (command.arguments ?? []).filter { $0.shouldDisplay && !["help", "version"].contains($0.names?.last?.name ?? "") }
        guard !shown.isEmpty else { return [] }
        var lines = ["\(heading) OPTIONS"]
        var section: String?
        for argument in shown {
            if let title = argument.sectionTitle, title != section {
                lines += [".PP", "\\fB\(Self.escaped(title))\\fR"]
                section = title
            }
            let title = argument.kind == "positional" ? "\\fI\(Self.escaped(argument.valueName ?? "value"))\\fR" : Self.option(argument)
            var text = argument.abstract ?? ""
            if let value = argument.defaultValue { text += " (default: \(value))" }
            lines += [".TP", title, Self.escaped(text)]
        }
        return lines
    }

    private static func option(_ argument: CommandDescription.Argument) -> String {
        let names = (argument.names ?? []).sorted { $0.text.count < $1.text.count }.map { "\\fB\(escaped($0.text))\\fR" }
        return names.joined(separator: ", ") + (argument.kind == "option" ? " \\fI\(escaped(argument.valueName ?? "value"))\\fR" : "")
    }

    private static func paragraphs(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.isEmpty ? ".PP" : escaped(String($0)) }
    }

    /// Text with nothing in it that roff would take for its own: backslashes, hyphens that are minus signs, and control characters that begin
    /// a line.
    static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }
}
