import ManifestSource

/// Any bytes as a manifest. Reading them ends, and says something that holds together.
enum ManifestInput {
    static func tryOne(_ bytes: [UInt8]) {
        let contents = ManifestReader().read(bytes, file: "fuzz.yaml")
        precondition(contents.isWellFormed || !contents.problems.isEmpty, "a file that is not well-formed says why")
    }
}
