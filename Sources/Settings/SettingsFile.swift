import NearNames
import Yams

/// The settings file: one YAML document, `apiVersion: ipvs-agent.dev/v1alpha1`, `kind: AgentConfiguration`, and flat keys; or kube-proxy's own.
struct SettingsFile {
    /// A key's value as a flag would give it, with its place.
    struct Entry {
        var definition: SettingDefinition
        var text: String
        var origin: SettingOrigin
    }

    private(set) var entries: [Entry] = []
    private(set) var problems: [SettingsProblem] = []
    /// What was set and has no effect: only kube-proxy's own configuration has such.
    private(set) var warnings: [SettingsProblem] = []

    static let apiVersion = "ipvs-agent.dev/v1alpha1"
    static let kind = "AgentConfiguration"

    init(name: String, text: String) {
        do {
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            // A file of comments only says nothing, and that is fine.
            guard let root = try parser.nextRoot() else { return }
            read(root, name: name)
            if let second = try parser.nextRoot() {
                report("\(name):\(second.mark?.line ?? 1)", "a second document; the settings are one")
            }
        } catch {
            let (line, message) = Self.describe(error)
            report(line.map { "\(name):\($0)" } ?? name, message)
        }
    }

    private mutating func read(_ root: Node, name: String) {
        guard case .mapping(let mapping) = root else {
            if case .scalar(let scalar) = root, scalar.string.isEmpty { return }
            return report("\(name):\(root.mark?.line ?? 1)", "not a mapping of settings")
        }
        if mapping["kind"]?.scalar?.string == KubeProxyFile.kind, mapping["apiVersion"]?.scalar?.string == KubeProxyFile.apiVersion {
            let file = KubeProxyFile(mapping, name: name)
            (entries, warnings) = (file.entries, file.warnings)
            problems += file.problems
            return
        }
        var header: Set<String> = []
        for (key, value) in mapping {
            let place = "\(name):\(key.mark?.line ?? 1)"
            guard case .scalar(let scalar) = key else {
                report(place, "a key that is not a name")
                continue
            }
            let key = scalar.string
            switch key {
            case "apiVersion", "kind":
                header.insert(key)
                let wanted = key == "kind" ? Self.kind : Self.apiVersion
                if value.scalar?.string != wanted { report("\(place), \(key)", "not \(wanted)") }
            default:
                read(key, value, place: place, file: name)
            }
        }
        for key in ["apiVersion", "kind"] where !header.contains(key) {
            report("\(name):1, \(key)", "missing: \(key): \(key == "kind" ? Self.kind : Self.apiVersion)")
        }
    }

    private mutating func read(_ key: String, _ value: Node, place: String, file: String) {
        guard let definition = SettingDefinition.all.first(where: { $0.key == key }) else {
            // Who knows the flag writes its name.
            let asFlag = SettingDefinition.all.first { $0.name == key }.map { "; did you mean \($0.key)?" }
            return report(
                "\(place), \(key.prefix(80))",
                "unknown setting" + (asFlag ?? NearNames.suggestion(for: key, among: SettingDefinition.all.map(\.key))))
        }
        let place = "\(place), \(key)"
        let text: String
        switch value {
        case .scalar(let scalar):
            // A key without a value leaves the default.
            if scalar.style == .plain, ["", "~", "null"].contains(scalar.string) { return }
            text = scalar.string
        case .sequence(let sequence):
            guard definition.kind == .list else { return report(place, "a list where one value is wanted") }
            let items = sequence.compactMap { $0.scalar?.string }
            guard items.count == sequence.count else { return report(place, "a list of something else than plain values") }
            text = items.joined(separator: ",")
        default:
            return report(place, "a mapping where \(definition.kind == .list ? "a list" : "one value") is wanted")
        }
        let line = value.mark?.line ?? 1
        entries.append(Entry(definition: definition, text: text, origin: .file(file, line: line, key: key)))
    }

    private mutating func report(_ place: String, _ message: String) { problems.append(SettingsProblem(place: place, message: message)) }

    private static func describe(_ error: any Error) -> (line: Int?, message: String) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            (mark.line, "not readable as YAML: \(problem), column \(mark.column)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            (context.mark.line, "\(duplicates.joined(separator: ", ")) is set twice")
        default:
            (nil, "not readable as YAML")
        }
    }
}
