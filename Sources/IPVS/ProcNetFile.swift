import Glibc
import NetlinkTransport

/// A file below `/proc/net` of a network namespace, read a piece at a time.
struct ProcNetFile: ~Copyable {
    /// What is being done, for errors: "read /proc/net/ip_vs".
    private let operation: String
    private let file: Int32
    private var buffer = [UInt8](repeating: 0, count: mostPages * pageSize)

    /// What one reading yields at most (`seq_read_iter` in `fs/seq_file.c`), but for a single record that is longer.
    static var pageSize: Int { 4096 }

    /// As many pages as are read before they are looked at, so that the kernel's code and ours each run longer in a row: that made a look at
    /// 60,000 lines a sixth faster.
    static var mostPages: Int { 8 }

    /// Opens the file of that name.
    ///
    /// - Throws: `unavailable` where there is none, which means that IPVS is not loaded; the errors of entering the namespace.
    init(_ name: String, in namespace: NetworkNamespace?) throws(IPVSError) {
        operation = "read /proc/net/\(name)"
        let path = try namespace?.file()
        let opened: (file: Int32, errno: Int32)
        do throws(NamespaceVisitError) {
            // `thread-self`, not `self`: the latter shows the namespace of the process's first thread.
            opened = try NamespaceVisit.run(at: path) {
                let file = unsafe open("/proc/thread-self/net/\(name)", O_RDONLY | O_CLOEXEC)
                return (file, errno)
            }
        } catch {
            // Without a namespace nothing is entered, and nothing thrown.
            throw IPVSError(entering: namespace ?? .path("/proc/thread-self/ns/net"), call: error.call, errno: error.errno)
        }
        guard opened.file >= 0 else {
            let reason: IPVSError.Reason =
                switch opened.errno {
                case ENOENT: .unavailable
                case EPERM, EACCES: .notPermitted
                default: .system("open")
                }
            throw IPVSError(operation: operation, reason: reason, errno: opened.errno)
        }
        file = opened.file
    }

    /// Any file that is open, which is closed with this.
    init(_ name: String, file: Int32) {
        operation = "read /proc/net/\(name)"
        self.file = file
    }

    deinit { _ = Glibc.close(file) }

    /// Reads the next piece, and gives it to `body`; an empty one is the end of the file.
    ///
    /// The kernel hands out a page at a time, and for each of them walks its table from the beginning to where the last one ended, which among
    /// 50,000 virtual servers takes it milliseconds: whoever has others wait meanwhile reads a single one.
    mutating func read(pages: Int = mostPages, _ body: (Span<UInt8>) throws(IPVSTableError) -> Void) throws(IPVSError) {
        let file = file
        let room = min(pages * Self.pageSize, buffer.count)
        var (count, isOver) = (0, false)
        while !isOver, count <= room - Self.pageSize {
            let more = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(file, bytes.baseAddress.map { unsafe $0 + count }, room - count)
            }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { throw IPVSError(operation: operation, reason: .system("read"), errno: errno) }
            count += more
            isOver = more == 0
        }
        do throws(IPVSTableError) {
            try body(buffer.span.extracting(0..<count))
        } catch {
            throw IPVSError(operation: operation, reason: .malformedAnswer("\(error)"))
        }
    }
}
