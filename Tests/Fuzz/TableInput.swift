import IPVS

/// Any bytes as `/proc/net/ip_vs`. Nothing but an error may come of it, and the same in pieces as whole.
enum TableInput {
    static func tryOne(_ bytes: [UInt8]) {
        let whole = parse(bytes, pieces: max(bytes.count, 1))
        let inPieces = parse(bytes, pieces: 13)
        precondition(whole == inPieces, "read differently in pieces")
    }

    private static func parse(_ bytes: [UInt8], pieces: Int) -> [IPVSTableEntry]? {
        var parser = IPVSTableParser()
        var entries: [IPVSTableEntry] = []
        do throws(IPVSTableError) {
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
                try parser.consume(piece.span) { entries.append($0) }
            }
            try parser.finish { entries.append($0) }
            return entries
        } catch {
            return nil
        }
    }
}
