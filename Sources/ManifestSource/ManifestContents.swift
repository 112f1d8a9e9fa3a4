package import ServiceModel

/// What one file says, after reading it.
package struct ManifestContents: Equatable, Sendable {
    /// What is said about one object.
    package struct Entry: Equatable, Sendable {
        /// The object's kind and name; nil where they could not be read.
        package var key: SourceObject.Key?
        /// Nil where the document is bad, and the last good version stays.
        package var object: SourceObject?
        /// `web.yaml:12, document 2`.
        package var place: String

        package init(key: SourceObject.Key?, object: SourceObject?, place: String) {
            self.key = key
            self.object = object
            self.place = place
        }
    }

    /// In the order of the file. Documents that are not ours have none.
    package var entries: [Entry]
    package var problems: [SourceProblem]
    /// False where the file is not YAML or JSON at all: then all of its last good contents stay.
    package var isWellFormed: Bool

    package init(entries: [Entry] = [], problems: [SourceProblem] = [], isWellFormed: Bool = true) {
        self.entries = entries
        self.problems = problems
        self.isWellFormed = isWellFormed
    }
}
