import Glibc

/// Cuts text that comes in pieces into lines. No more is kept than one line that has not ended.
struct TextLines: Sendable {
    private var partialLine: [UInt8] = []
    /// The number of the last line, from 1.
    private(set) var lineNumber = 0

    /// The kernel's own lines stay below 512 bytes, with the longest data of a persistence engine (`IP_VS_PEDATA_MAXLEN`, 255).
    static let longestLine = 1024

    /// Takes the next piece of the text, and calls `body` with every line that is now whole, and its number.
    mutating func consume(
        _ piece: Span<UInt8>, _ body: (Span<UInt8>, Int) throws(IPVSTableError) -> Void
    ) throws(IPVSTableError) {
        var start = 0
        while let index = Self.end(ofLineAt: start, in: piece) {
            if partialLine.isEmpty {
                try take(piece.extracting(start..<index), body)
            } else {
                append(piece.extracting(start..<index))
                try takePartialLine(body)
            }
            start = index + 1
        }
        guard piece.count - start + partialLine.count <= Self.longestLine else { throw tooLong }
        append(piece.extracting(start..<piece.count))
    }

    /// Says that the text is over: a last line may lack its end.
    mutating func finish(_ body: (Span<UInt8>, Int) throws(IPVSTableError) -> Void) throws(IPVSTableError) {
        if !partialLine.isEmpty { try takePartialLine(body) }
    }

    private static func end(ofLineAt start: Int, in piece: Span<UInt8>) -> Int? {
        unsafe piece.withUnsafeBufferPointer { bytes in
            guard start < bytes.count, let first = bytes.baseAddress else { return nil }
            let end = unsafe memchr(first + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
            return unsafe end.map { unsafe UnsafeRawPointer(first).distance(to: $0) }
        }
    }

    private mutating func takePartialLine(_ body: (Span<UInt8>, Int) throws(IPVSTableError) -> Void) throws(IPVSTableError) {
        let line = partialLine
        partialLine = []
        try take(line.span, body)
    }

    private mutating func take(
        _ line: Span<UInt8>, _ body: (Span<UInt8>, Int) throws(IPVSTableError) -> Void
    ) throws(IPVSTableError) {
        guard line.count <= Self.longestLine else { throw tooLong }
        lineNumber += 1
        try body(line, lineNumber)
    }

    private var tooLong: IPVSTableError { IPVSTableError(line: lineNumber + 1, "a line of more than \(Self.longestLine) bytes") }

    private mutating func append(_ bytes: Span<UInt8>) {
        for index in bytes.indices { partialLine.append(bytes[index]) }
    }
}
