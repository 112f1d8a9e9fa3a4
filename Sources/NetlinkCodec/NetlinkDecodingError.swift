/// Bytes that are not what the netlink format says: where, and what is wrong with them.
///
/// Offsets count from the start of the span that the outermost call was given, through all nests.
package struct NetlinkDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    package let offset: Int
    package let what: String

    package init(at offset: Int, _ what: String) {
        self.offset = offset
        self.what = what
    }

    package var description: String { "byte \(offset): \(what)" }

    /// The same error as seen from an enclosing span in which this one begins at `start`.
    package func shifted(by start: Int) -> NetlinkDecodingError {
        NetlinkDecodingError(at: offset + start, what)
    }
}
