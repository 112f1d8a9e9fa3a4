extension SettingDefinition {
    /// All settings as a table in Markdown: what stands in `docs/settings.md`.
    package static var markdownTable: String {
        var lines = ["| flag | in the file | value | default | kube-proxy | meaning |", "| --- | --- | --- | --- | --- | --- |"]
        for setting in all {
            let value = setting.kind.placeholder.replacing("|", with: " \\| ")
            let fallback = setting.defaultText.isEmpty ? "" : "`\(setting.defaultText)`"
            lines.append(
                "| `\(setting.flag)` | `\(setting.key)` | \(value) | \(fallback) | \(setting.kubeProxyFlag == nil ? "" : "the same") | \(setting.help) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
