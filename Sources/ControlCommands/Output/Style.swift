import Glibc

/// What a cell says beyond its text.
enum Tone: Sendable {
    case plain
    /// As it should be.
    case good
    /// Worth a look.
    case doubtful
    /// Wrong.
    case bad
    /// Of less weight.
    case faint
    case heading
}

/// Whether and how output is coloured: only on a terminal, and never where NO_COLOR is set (no-color.org) or the terminal is `dumb`.
struct Style: Sendable {
    var hasColour: Bool

    static let plain = Style(hasColour: false)

    /// As standard output and the environment have it.
    static var standard: Style {
        Style(isTerminal: isatty(STDOUT_FILENO) == 1) { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
    }

    init(hasColour: Bool) { self.hasColour = hasColour }

    init(isTerminal: Bool, environment: (String) -> String?) {
        hasColour = isTerminal && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
    }

    func paint(_ text: String, _ tone: Tone) -> String {
        guard hasColour, !text.isEmpty else { return text }
        // SGR parameters of ECMA-48, 8.3.117.
        let code =
            switch tone {
            case .plain: ""
            case .good: "32"
            case .doubtful: "33"
            case .bad: "31"
            case .faint: "2"
            case .heading: "1"
            }
        return code.isEmpty ? text : "\u{1b}[\(code)m\(text)\u{1b}[0m"
    }
}
