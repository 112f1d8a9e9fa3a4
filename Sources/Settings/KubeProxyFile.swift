import Yams

/// A `KubeProxyConfiguration`, as a cluster's kube-proxy has it in its ConfigMap, read as settings of ours.
///
/// A field without a value, or with the zero that the API writes for one, says nothing.
struct KubeProxyFile {
    private(set) var entries: [SettingsFile.Entry] = []
    private(set) var problems: [SettingsProblem] = []
    /// What was set and has no effect.
    private(set) var warnings: [SettingsProblem] = []

    static let apiVersion = "kubeproxy.config.k8s.io/v1alpha1"
    static let kind = "KubeProxyConfiguration"

    private let name: String
    /// Aliases make a small text mean a huge document; kube-proxy's has a hundred fields.
    private var valuesLeft = 20_000

    init(_ mapping: Node.Mapping, name: String) {
        self.name = name
        // Whose configuration it is says what is followed.
        entries.append(.init(definition: .kubernetes, text: "true", origin: .file(name, line: 1, key: "kind")))
        for (key, value) in mapping {
            guard let key = key.scalar?.string, key != "apiVersion", key != "kind" else { continue }
            read(key, value)
        }
    }

    private mutating func read(_ path: String, _ value: Node) {
        valuesLeft -= 1
        if valuesLeft == 0 { problems.append(SettingsProblem(place: name, message: "more values than any configuration has")) }
        guard valuesLeft > 0 else { return }
        let line = value.mark?.line ?? 1
        let field = KubeProxyField.of(path)
        let text: String
        switch value {
        case .mapping(let mapping):
            // Deeper than any of its fields.
            guard path.utf8.count < 400 else { return }
            for (key, inner) in mapping { if let key = key.scalar?.string { read("\(path).\(key)", inner) } }
            return
        case .sequence(let items):
            text = items.compactMap { $0.scalar?.string }.joined(separator: ",")
        case .scalar(let scalar):
            if scalar.style == .plain, ["~", "null"].contains(scalar.string) { return }
            text = scalar.string
        case .alias: return
        }
        let isZero = ["", "0", "0s", "false", "0.0"].contains(text)
        if isZero, text.isEmpty || field?.zeroCounts != true { return }
        let place = "\(name):\(line), \(path)"
        switch field?.meaning {
        case nil: warnings.append(SettingsProblem(place: place, message: "has no effect: this version does not know it"))
        case .ignored(let reason)?: warnings.append(SettingsProblem(place: place, message: "has no effect: \(reason)"))
        case .refused(let reason)?: problems.append(SettingsProblem(place: place, message: "cannot be had: \(reason)"))
        case .mode?: readMode(text, place)
        case .setting(let definition, let translate)?:
            guard let translated = translate(text) else { return }
            entries.append(.init(definition: definition, text: translated, origin: .file(name, line: line, key: path)))
        }
    }

    private mutating func readMode(_ mode: String, _ place: String) {
        switch mode {
        case "ipvs": break
        case "iptables", "nftables":
            warnings.append(SettingsProblem(place: place, message: "has no effect: this agent balances with IPVS, not with \(mode)"))
        default: problems.append(SettingsProblem(place: place, message: "\"\(mode.prefix(40))\" is no mode for Linux"))
        }
    }
}
