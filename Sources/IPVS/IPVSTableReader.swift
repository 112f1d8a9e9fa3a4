/// Reads `/proc/net/ip_vs`, entry by entry.
///
/// The kernel hands the file out a page at a time, and remembers only how many entries it has given: a server that is removed between two
/// pages makes the reader miss another. So read it in one go where nobody else writes, and do not read on after changing the table.
///
/// - Warning: Where another network namespace has virtual servers too, kernels with one table for all namespaces (6.1 does so; those of 2026
///   have a table for each) leave entries out of every page but the first: they count the others' on the way forward and not when they take up
///   the count again (`ip_vs_info_seq_next` and `ip_vs_info_array` in `net/netfilter/ipvs/ip_vs_ctl.c`). Two namespaces with 300 servers each
///   showed 164 and 180 of them. ``IPVSHandle/virtualServers()`` leaves nothing out.
public struct IPVSTableReader: ~Copyable {
    private var file: ProcNetFile
    private var parser = IPVSTableParser()
    private var entries: [IPVSTableEntry] = []
    private var nextEntry = 0
    private var isAtEnd = false

    private static let fileName = "ip_vs"

    /// Opens the file of a network namespace; nil is the caller's.
    ///
    /// - Throws: `unavailable` where IPVS is not loaded; the errors of entering the namespace.
    public init(namespace: NetworkNamespace? = nil) throws(IPVSError) {
        file = try ProcNetFile(Self.fileName, in: namespace)
    }

    /// A reader of any file that is open, which is closed with the reader.
    package init(file: Int32) { self.file = ProcNetFile(Self.fileName, file: file) }

    /// The next virtual server with its real servers; nil at the end.
    public mutating func next() throws(IPVSError) -> IPVSTableEntry? {
        while nextEntry == entries.count {
            guard !isAtEnd else { return nil }
            entries.removeAll(keepingCapacity: true)
            nextEntry = 0
            try readMore(.manyPages)
        }
        defer { nextEntry += 1 }
        return entries[nextEntry]
    }

    /// How much text is read at once.
    package enum Piece {
        /// One page, four kilobytes: with each the kernel walks its table from the beginning, and others wait for that.
        case page
        /// As many as there is room for, which makes a look at everything fastest.
        case manyPages
    }

    /// Those that are whole after one more piece of text; nil at the end. Not to be mixed with ``next()``.
    package mutating func nextEntries(_ piece: Piece) throws(IPVSError) -> [IPVSTableEntry]? {
        guard !isAtEnd else { return nil }
        try readMore(piece)
        defer { entries = [] }
        return entries
    }

    /// Every virtual server that is left.
    public mutating func readAll() throws(IPVSError) -> [IPVSTableEntry] {
        var all: [IPVSTableEntry] = []
        while let entry = try next() { all.append(entry) }
        return all
    }

    private mutating func readMore(_ piece: Piece) throws(IPVSError) {
        // Not over on the way out of an error: what follows a line that was not understood would be guessed at.
        (isAtEnd, entries) = (true, [])
        var found: [IPVSTableEntry] = []
        var parser = parser
        var isOver = false
        try file.read(pages: piece == .page ? 1 : ProcNetFile.mostPages) { text throws(IPVSTableError) in
            isOver = text.isEmpty
            if isOver { try parser.finish { found.append($0) } } else { try parser.consume(text) { found.append($0) } }
        }
        self.parser = parser
        entries = found
        isAtEnd = isOver
    }
}

extension IPVSHandle {
    /// The whole of `/proc/net/ip_vs` of this handle's network namespace: every virtual server with its real servers in one reading, but
    /// for what ``IPVSTableReader`` warns of.
    public borrowing func table() throws(IPVSError) -> [IPVSTableEntry] {
        var reader = try tableReader()
        return try reader.readAll()
    }

    /// The same piece by piece.
    package borrowing func tableReader() throws(IPVSError) -> IPVSTableReader { try IPVSTableReader(namespace: namespace) }
}
