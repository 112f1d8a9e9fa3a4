import Glibc
import NetlinkTransport

/// Reads `/proc/net/ip_vs`, entry by entry.
///
/// The kernel hands the file out a page at a time, and remembers only how many entries it has given: a server that is removed between two
/// pages makes the reader miss another. So read it in one go where nobody else writes, and do not read on after changing the table.
public struct IPVSTableReader: ~Copyable {
    private let file: Int32
    private var parser = IPVSTableParser()
    private var buffer = [UInt8](repeating: 0, count: 16384)
    private var entries: [IPVSTableEntry] = []
    private var nextEntry = 0
    private var isAtEnd = false

    private static let operation = "read /proc/net/ip_vs"

    /// Opens the file of a network namespace.
    ///
    /// - Parameter namespacePath: the namespace as a file, `/run/netns/blue`; nil is the caller's.
    /// - Throws: `unavailable` where IPVS is not loaded; `system` where the namespace cannot be entered.
    public init(namespacePath: String? = nil) throws(IPVSError) {
        let opened: (file: Int32, errno: Int32)
        do throws(NetworkNamespaceError) {
            // `thread-self`, not `self`: the latter shows the namespace of the process's first thread.
            opened = try NetworkNamespace.run(at: namespacePath) {
                let file = unsafe open("/proc/thread-self/net/ip_vs", O_RDONLY | O_CLOEXEC)
                return (file, errno)
            }
        } catch {
            throw IPVSError(
                operation: "enter the network namespace \(namespacePath ?? "")", reason: .system(error.call), errno: error.errno)
        }
        guard opened.file >= 0 else {
            let reason: IPVSError.Reason =
                switch opened.errno {
                case ENOENT: .unavailable
                case EPERM, EACCES: .notPermitted
                default: .system("open")
                }
            throw IPVSError(operation: Self.operation, reason: reason, errno: opened.errno)
        }
        file = opened.file
    }

    /// A reader of any file that is open, which is closed with the reader.
    package init(file: Int32) { self.file = file }

    deinit { _ = Glibc.close(file) }

    /// The next virtual server with its real servers; nil at the end.
    public mutating func next() throws(IPVSError) -> IPVSTableEntry? {
        while nextEntry == entries.count {
            guard !isAtEnd else { return nil }
            entries.removeAll(keepingCapacity: true)
            nextEntry = 0
            try readMore()
        }
        defer { nextEntry += 1 }
        return entries[nextEntry]
    }

    /// Those that are whole after one more reading, at most a few pages of text (and one virtual server with all its real servers, where that
    /// is longer); nil at the end. For who reads in slices, and does not use ``next()``.
    package mutating func nextPage() throws(IPVSError) -> [IPVSTableEntry]? {
        guard !isAtEnd else { return nil }
        try readMore()
        defer { entries = [] }
        return entries
    }

    /// Every virtual server that is left.
    public mutating func readAll() throws(IPVSError) -> [IPVSTableEntry] {
        var all: [IPVSTableEntry] = []
        while let entry = try next() { all.append(entry) }
        return all
    }

    private mutating func readMore() throws(IPVSError) {
        let file = file
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
        if count < 0 {
            let number = errno
            entries = []
            if number == EINTR { return }
            throw IPVSError(operation: Self.operation, reason: .system("read"), errno: number)
        }
        var found: [IPVSTableEntry] = []
        do throws(IPVSTableError) {
            if count == 0 {
                isAtEnd = true
                try parser.finish { found.append($0) }
            } else {
                let page = buffer
                try parser.consume(page.span.extracting(0..<count)) { found.append($0) }
            }
        } catch {
            isAtEnd = true
            throw IPVSError(operation: Self.operation, reason: .malformedAnswer("\(error)"))
        }
        entries = found
    }
}

extension IPVSHandle {
    /// The whole of `/proc/net/ip_vs` of this handle's network namespace: every virtual server with its real servers in one reading.
    public borrowing func table() throws(IPVSError) -> [IPVSTableEntry] {
        var reader = try tableReader()
        return try reader.readAll()
    }

    /// The same piece by piece.
    package borrowing func tableReader() throws(IPVSError) -> IPVSTableReader { try IPVSTableReader(namespacePath: namespacePath) }
}
