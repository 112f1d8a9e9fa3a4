/// What the kernel counted of all balanced traffic in a network namespace, over all virtual servers, those that are gone included.
public struct IPVSTotals: Hashable, Sendable {
    /// Connections scheduled.
    public var connections: UInt64
    /// Packets from clients.
    public var incomingPackets: UInt64
    /// Packets to clients that came through this node.
    public var outgoingPackets: UInt64
    /// Bytes from clients.
    public var incomingBytes: UInt64
    /// Bytes to clients that came through this node.
    public var outgoingBytes: UInt64

    /// Reads `/proc/net/ip_vs_stats` of a network namespace; nil is the caller's.
    ///
    /// - Throws: `unavailable` where IPVS is not loaded; `malformedAnswer` where the file is not what the kernel writes; the errors of
    ///   entering the namespace.
    public static func read(in namespace: NetworkNamespace? = nil) throws(IPVSError) -> IPVSTotals {
        var file = try ProcNetFile("ip_vs_stats", in: namespace)
        var bytes: [UInt8] = []
        var isAtEnd = false
        // The kernel writes some 300 bytes; what is far longer is not its file.
        while !isAtEnd, bytes.count < 4096 {
            try file.read { (piece) throws(IPVSTableError) in
                isAtEnd = piece.isEmpty
                for index in piece.indices { bytes.append(piece[index]) }
            }
        }
        do throws(IPVSTableError) {
            return try IPVSTotals(text: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw IPVSError(operation: "read /proc/net/ip_vs_stats", reason: .malformedAnswer("\(error)"))
        }
    }

    /// Two lines of headings, then the five counters in hexadecimal (`ip_vs_stats_show` in `net/netfilter/ipvs/ip_vs_ctl.c`).
    init(text: String) throws(IPVSTableError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 3 else { throw IPVSTableError(line: lines.count, "the file ends before its counters") }
        let words = lines[2].split(separator: " ")
        let numbers = words.compactMap { UInt64($0, radix: 16) }
        guard words.count == 5, numbers.count == 5 else {
            throw IPVSTableError(line: 3, "not five hexadecimal numbers: \(lines[2].prefix(100))")
        }
        (connections, incomingPackets, outgoingPackets) = (numbers[0], numbers[1], numbers[2])
        (incomingBytes, outgoingBytes) = (numbers[3], numbers[4])
    }
}
