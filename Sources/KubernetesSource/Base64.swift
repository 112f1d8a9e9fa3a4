import FoundationEssentials

/// Base64 as kubeconfigs and Secrets hold it, with line breaks allowed.
enum Base64 {
    /// The text that is encoded; nil where it is none.
    static func text(_ encoded: String) -> String? {
        guard let data = Data(base64Encoded: encoded, options: .ignoreUnknownCharacters), !data.isEmpty else { return nil }
        return String(validating: data, as: UTF8.self)
    }
}
