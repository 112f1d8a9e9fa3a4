/// A text that no log, error or dump shows: a token, a password, a private key.
package struct Secret: Hashable, Sendable {
    private let text: String

    package init(_ text: String) { self.text = text }

    /// The text itself, for the one place that needs it.
    package func reveal() -> String { text }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "(hidden)" }
    package var debugDescription: String { "(hidden)" }
    /// `dump`, and the text of whatever holds a secret, go by the mirror.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
