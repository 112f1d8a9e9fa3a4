/// Cuts a stream of bytes into lines, of bounded length.
struct LineFramer {
    enum Line: Equatable {
        /// Without its end.
        case whole([UInt8])
        /// A line that is longer than allowed; its beginning, to find out what it is about.
        case giant(beginning: [UInt8])
    }

    private let maximum: Int
    private let kept: Int
    private var pending: [UInt8] = []
    /// How long the line in hand has become.
    private var length = 0

    /// - Parameters:
    ///   - maximum: the longest line in bytes.
    ///   - kept: how much of a longer one is kept.
    init(maximum: Int, kept: Int = 64 << 10) {
        self.maximum = maximum
        self.kept = min(kept, maximum)
    }

    /// Whether a line has begun and not ended.
    var isInside: Bool { length > 0 }

    /// Takes in what has arrived, and gives each line that has come to its end. Empty lines are none.
    mutating func take(_ bytes: [UInt8], _ line: (Line) throws -> Void) rethrows {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            append(rest[..<end])
            rest = rest[(end + 1)...]
            let (length, content) = (length, pending)
            self.length = 0
            pending.removeAll(keepingCapacity: pending.capacity < 1 << 20)
            if length > maximum {
                try line(.giant(beginning: content))
            } else if length > 0 {
                try line(.whole(content))
            }
        }
        append(rest)
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) {
        length += bytes.count
        if length <= maximum {
            pending += bytes
        } else {
            // What is beyond the bound is dropped as it comes, down to the beginning.
            if pending.count < kept { pending += bytes.prefix(kept - pending.count) }
            if pending.count > kept { pending = Array(pending.prefix(kept)) }
        }
    }
}
