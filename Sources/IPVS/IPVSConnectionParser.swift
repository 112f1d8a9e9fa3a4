/// Reads the text of `/proc/net/ip_vs_conn` or `/proc/net/ip_vs_conn_sync` (`ip_vs_conn_seq_show` and `ip_vs_conn_sync_seq_show` in
/// `net/netfilter/ipvs/ip_vs_conn.c`), piece by piece.
///
/// Pure: bytes are put in as they come, connections are taken out when their lines are whole. Which of the two files it is shows in each
/// line. Whatever the kernel does not write is an error; none of it makes the parser crash, loop or keep more than one line.
public struct IPVSConnectionParser: Sendable {
    private var lines = TextLines()

    /// A parser at the beginning of the text.
    public init() {}

    /// Takes the next piece of the text, and calls `body` with every connection whose line is now whole.
    public mutating func consume(_ piece: Span<UInt8>, _ body: (IPVSConnection) -> Void) throws(IPVSTableError) {
        try lines.consume(piece) { line, number throws(IPVSTableError) in
            if let connection = try Self.connection(line, number) { body(connection) }
        }
    }

    /// Says that the text is over, and calls `body` with the connection of a last line that has no end.
    public mutating func finish(_ body: (IPVSConnection) -> Void) throws(IPVSTableError) {
        try lines.finish { line, number throws(IPVSTableError) in
            if let connection = try Self.connection(line, number) { body(connection) }
        }
    }

    /// The connection of a line; nil for a title or an empty line.
    private static func connection(_ line: Span<UInt8>, _ number: Int) throws(IPVSTableError) -> IPVSConnection? {
        var fields = TableFields()
        guard let name = fields.next(in: line), !line.word(name, is: "Pro") else { return nil }
        let client = try place("client", line, number, &fields)
        let virtual = try place("virtual server", line, number, &fields)
        let real = try place("real server", line, number, &fields)
        guard client.address.family == virtual.address.family else {
            throw IPVSTableError(line: number, "a client of one address family and a virtual server of the other")
        }
        guard let state = fields.next(in: line) else { throw IPVSTableError(line: number, "no state") }
        var connection = IPVSConnection(
            IPVSConnection.Transport(rawValue: line.string(name)), client: client, virtual: virtual,
            realServer: RealServer.Key(real.address, port: real.port), state: IPVSConnection.State(rawValue: line.string(state)),
            secondsLeft: 0)
        var time = fields.next(in: line)
        if let word = time, let origin = IPVSConnection.Origin(rawValue: line.string(word)) {
            connection.origin = origin
            time = fields.next(in: line)
        }
        guard let seconds = time.flatMap({ line.seconds($0) }) else {
            throw IPVSTableError(line: number, "no time that is left")
        }
        connection.secondsLeft = seconds
        if connection.origin == nil { connection.engine = engine(line, &fields) }
        return connection
    }

    private static func place(
        _ whose: StaticString, _ line: Span<UInt8>, _ number: Int, _ fields: inout TableFields
    ) throws(IPVSTableError) -> IPVSConnection.SocketAddress {
        guard let address = fields.next(in: line), let port = fields.next(in: line) else {
            throw IPVSTableError(line: number, "no address and port of the \(whose)")
        }
        guard let value = line.address(address) else {
            throw IPVSTableError(line: number, "“\(line.string(address))” is not an address")
        }
        guard port.count == 4, let portNumber = line.hexadecimal(port, UInt16.self) else {
            throw IPVSTableError(line: number, "“\(line.string(port))” is not a port")
        }
        return IPVSConnection.SocketAddress(value, port: portNumber)
    }

    /// The name of a persistence engine and, after one space, its data to the end of the line, in which there may be spaces too.
    private static func engine(_ line: Span<UInt8>, _ fields: inout TableFields) -> IPVSConnection.Engine? {
        guard let name = fields.next(in: line) else { return nil }
        let start = min(name.upperBound + 1, line.count)
        return IPVSConnection.Engine(line.string(name), data: line.string(start..<line.count))
    }
}

extension Span where Element == UInt8 {
    /// An address as `%08X` or `%pI6` prints it: `0A600001`, `fd00:0000:0000:0000:0000:0000:0000:0001`.
    func address(_ range: Range<Int>) -> IPAddress? {
        if range.count == 8 { return hexadecimal(range, UInt32.self).map { IPAddress(ipv4: $0) } }
        return range.count == 39 ? eightGroups(range) : nil
    }

    /// Seconds. Old kernels print the time of a connection that is overdue as a difference that went below zero: an enormous number, which
    /// is taken for none.
    func seconds(_ range: Range<Int>) -> UInt32? {
        guard !range.isEmpty, range.count <= 20 else { return nil }
        var number: UInt64 = 0
        for index in range {
            guard self[index] >= UInt8(ascii: "0"), self[index] <= UInt8(ascii: "9") else { return nil }
            let (tenfold, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeToo) = tenfold.addingReportingOverflow(UInt64(self[index] - UInt8(ascii: "0")))
            if isTooLarge || isTooLargeToo { return nil }
            number = sum
        }
        return UInt32(exactly: number) ?? 0
    }
}
