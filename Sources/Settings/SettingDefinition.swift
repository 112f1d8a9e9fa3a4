/// One setting: its name, what it means, what it may be, and what it is where nobody says anything.
///
/// Flags, environment variables, the file's keys, help texts and `docs/settings.md` all follow from these definitions.
package struct SettingDefinition: Sendable {
    /// What a setting's text may be.
    package enum Kind: Equatable, Sendable {
        case text
        /// `true` or `false`.
        case boolean
        case integer(ClosedRange<Int>)
        /// A Go duration, `1h30m`.
        case duration
        /// One of a few words.
        case word([String])
        /// Several values, separated by commas.
        case list
        /// `FIRST-LAST`.
        case portRange

        /// What stands for the value in a help text.
        package var placeholder: String {
            switch self {
            case .text: "TEXT"
            case .boolean: "true|false"
            case .integer(let range): "\(range.lowerBound)…\(range.upperBound)"
            case .duration: "DURATION"
            case .word(let words): words.joined(separator: "|")
            case .list: "LIST"
            case .portRange: "FIRST-LAST"
            }
        }
    }

    /// The flag's name without its dashes: `ipvs-scheduler`.
    package let name: String
    package let kind: Kind
    /// The default as one would write it; empty for none.
    package let defaultText: String
    /// A sentence or two without the last full stop.
    package let help: String
    /// The name of kube-proxy's flag of the same meaning.
    package let kubeProxyFlag: String?

    init(_ name: String, _ kind: Kind, default defaultText: String = "", kubeProxy kubeProxyFlag: String? = nil, _ help: String) {
        self.name = name
        self.kind = kind
        self.defaultText = defaultText
        self.help = help
        self.kubeProxyFlag = kubeProxyFlag
    }

    /// `--ipvs-scheduler`.
    package var flag: String { "--\(name)" }

    /// `IPVS_AGENT_IPVS_SCHEDULER`.
    package var variable: String { Self.variablePrefix + name.uppercased().replacing("-", with: "_") }

    /// `ipvsScheduler`.
    package var key: String {
        let words = name.split(separator: "-")
        return (words.first.map(String.init) ?? "") + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    package static let variablePrefix = "IPVS_AGENT_"
}
