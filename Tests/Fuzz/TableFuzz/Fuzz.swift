import IPVS

/// What is called with each input: any bytes as `/proc/net/ip_vs`. Nothing but an error may come of it, and the same in pieces as whole.
@_cdecl("LLVMFuzzerTestOneInput")
public func tryOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let whole = parse(bytes, pieces: max(count, 1))
    let inPieces = parse(bytes, pieces: 13)
    precondition(whole == inPieces, "read differently in pieces")
    return 0
}

private func parse(_ bytes: [UInt8], pieces: Int) -> [IPVSTableEntry]? {
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
