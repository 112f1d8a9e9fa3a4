import NearNames

/// Makes settings of what flags, environment and file say: a flag comes before an environment variable, and that before the file.
///
/// Pure: texts in, settings or everything that is wrong out.
package enum SettingsResolver {
    /// The environment variable that names the settings file, as `--config` does.
    package static let configVariable = "IPVS_AGENT_CONFIG"

    /// Checks everything that was said, and throws all that is wrong with it at once.
    ///
    /// - Parameters:
    ///   - flags: raw texts by the setting's name, without dashes: `["ipvs-scheduler": "wrr"]`.
    ///   - environment: all environment variables; those that do not begin with `IPVS_AGENT_` are not looked at.
    ///   - file: the settings file's name and text, where there is one.
    /// - Returns: the settings, typed.
    /// - Throws: every problem, each with its place.
    package static func resolve(
        flags: [String: String] = [:], environment: [String: String] = [:], file: (name: String, text: String)? = nil
    ) throws(InvalidSettings) -> AgentSettings {
        var values = SettingValues()
        if let file {
            let read = SettingsFile(name: file.name, text: file.text)
            values.problems += read.problems
            values.warnings += read.warnings
            for entry in read.entries { values.set(entry.definition, entry.text, entry.origin) }
        }
        for (variable, text) in environment.sorted(by: { $0.key < $1.key }) where variable.hasPrefix(SettingDefinition.variablePrefix) {
            if variable == configVariable { continue }
            guard let definition = SettingDefinition.all.first(where: { $0.variable == variable }) else {
                let near = NearNames.suggestion(for: variable, among: SettingDefinition.all.map(\.variable) + [configVariable])
                values.problems.append(SettingsProblem(place: variable, message: "unknown setting\(near)"))
                continue
            }
            values.set(definition, text, .environment(variable))
        }
        for (name, text) in flags.sorted(by: { $0.key < $1.key }) {
            guard let definition = SettingDefinition.all.first(where: { $0.name == name }) else {
                let near = NearNames.suggestion(for: "--\(name)", among: SettingDefinition.all.map(\.flag))
                values.problems.append(SettingsProblem(place: "--\(name)", message: "unknown setting\(near)"))
                continue
            }
            values.set(definition, text, .flag(definition.flag))
        }
        let settings = AgentSettings(&values)
        guard values.problems.isEmpty else { throw InvalidSettings(problems: values.problems) }
        return settings
    }
}
