import Glibc
import NetlinkTransport

/// A file below `/proc/net` of a network namespace, read a piece at a time.
struct ProcNetFile: ~Copyable {
    /// What is being done, for errors: "read /proc/net/ip_vs".
    private let operation: String
    private let file: Int32
    private var buffer = [UInt8](repeating: 0, count: 16384)

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
    mutating func read(_ body: (Span<UInt8>) throws(IPVSTableError) -> Void) throws(IPVSError) {
        let file = file
        var count = -1
        repeat {
            count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
        } while count < 0 && errno == EINTR
        guard count >= 0 else { throw IPVSError(operation: operation, reason: .system("read"), errno: errno) }
        do throws(IPVSTableError) {
            try body(buffer.span.extracting(0..<count))
        } catch {
            throw IPVSError(operation: operation, reason: .malformedAnswer("\(error)"))
        }
    }
}
