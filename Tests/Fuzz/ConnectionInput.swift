import IPVS

/// Any bytes as `/proc/net/ip_vs_conn`. Nothing but an error may come of it, and the same in pieces as whole.
enum ConnectionInput {
    static func tryOne(_ bytes: [UInt8]) {
        let whole = parse(bytes, pieces: max(bytes.count, 1))
        let inPieces = parse(bytes, pieces: 13)
        precondition(whole == inPieces, "read differently in pieces")
        for connection in whole ?? [] {
            precondition(connection.engine == nil || connection.origin == nil, "both files in one line")
            precondition(connection.firewallMark == nil || connection.isTemplate, "a mark without a template")
        }
    }

    private static func parse(_ bytes: [UInt8], pieces: Int) -> [IPVSConnection]? {
        var parser = IPVSConnectionParser()
        var connections: [IPVSConnection] = []
        do throws(IPVSTableError) {
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
                try parser.consume(piece.span) { connections.append($0) }
            }
            try parser.finish { connections.append($0) }
            return connections
        } catch {
            return nil
        }
    }
}
