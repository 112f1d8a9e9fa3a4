/// Reads the connections of a network namespace one after the other, however many there are.
///
/// It keeps some 32 KiB of text and the connections in it. The kernel hands the file out a page at a time and lets go of its table in
/// between: a connection that comes or goes meanwhile may be missed, and one may be seen twice. Each page begins with a walk to where
/// the last one ended, so that before a change of 2025 reading took time by the square of the number of connections.
///
///     var connections = try IPVSConnectionReader()
///     while let connection = try connections.next() { print(connection) }
public struct IPVSConnectionReader: ~Copyable {
    /// What is shown beside the connection itself. The kernel has a file for the one, and another for the other.
    public enum Detail: String, Hashable, Sendable, CaseIterable {
        /// The persistence engine of a template, and its data.
        case engine = "ip_vs_conn"
        /// Whether this kernel scheduled the connection, or a synchronisation daemon told of it.
        case origin = "ip_vs_conn_sync"
    }

    private var file: ProcNetFile
    private var parser = IPVSConnectionParser()
    private var connections: [IPVSConnection] = []
    private var nextConnection = 0
    private var isAtEnd = false

    /// Opens the file of a network namespace; nil is the caller's.
    ///
    /// - Throws: `unavailable` where IPVS is not loaded; the errors of entering the namespace.
    public init(namespace: NetworkNamespace? = nil, showing detail: Detail = .engine) throws(IPVSError) {
        file = try ProcNetFile(detail.rawValue, in: namespace)
    }

    /// A reader of any file that is open, which is closed with the reader.
    package init(file: Int32) { self.file = ProcNetFile(Detail.engine.rawValue, file: file) }

    /// The next connection; nil at the end, and after an error.
    public mutating func next() throws(IPVSError) -> IPVSConnection? {
        while nextConnection == connections.count {
            guard !isAtEnd else { return nil }
            try readMore()
        }
        defer { nextConnection += 1 }
        return connections[nextConnection]
    }

    private mutating func readMore() throws(IPVSError) {
        // Not over on the way out of an error: what follows a line that was not understood would be guessed at.
        isAtEnd = true
        nextConnection = 0
        var found = connections
        connections = []
        found.removeAll(keepingCapacity: true)
        var parser = parser
        var isOver = false
        try file.read { piece throws(IPVSTableError) in
            isOver = piece.isEmpty
            if isOver { try parser.finish { found.append($0) } } else { try parser.consume(piece) { found.append($0) } }
        }
        self.parser = parser
        connections = found
        isAtEnd = isOver
    }
}

extension IPVSHandle {
    /// The connections of this handle's network namespace, to be read one after the other.
    public borrowing func connections(
        showing detail: IPVSConnectionReader.Detail = .engine
    ) throws(IPVSError) -> IPVSConnectionReader {
        try IPVSConnectionReader(namespace: namespace, showing: detail)
    }
}
