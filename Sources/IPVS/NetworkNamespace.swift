import NetlinkTransport

/// A network namespace, by the name that `ip netns` knows it by or by a file that stands for it.
///
/// Only the socket or file that is opened is in the namespace; the caller's thread never goes there. Entering takes CAP_SYS_ADMIN.
public enum NetworkNamespace: Hashable, Sendable {
    /// What `ip netns add NAME` made: `/run/netns/NAME`.
    case name(String)
    /// A file that stands for the namespace: `/proc/1234/ns/net`, or wherever it is mounted.
    case path(String)

    /// As a command line takes it: text with a slash is a path, any other a name.
    public init(_ text: String) {
        self = text.utf8.contains(UInt8(ascii: "/")) ? .path(text) : .name(text)
    }

    /// The namespace that a process lives in: `/proc/NUMBER/ns/net`.
    public static func process(_ number: Int32) -> NetworkNamespace { .path("/proc/\(number)/ns/net") }

    /// Where `ip netns` keeps namespaces by name (`NETNS_RUN_DIR` of iproute2, by its path today).
    static let directory = "/run/netns"

    /// The file to open.
    ///
    /// - Throws: `invalidNamespace` where the name is none, so that no name leads out of the directory of names.
    func file() throws(IPVSError) -> String {
        switch self {
        case .name(let name) where Self.isName(name): return "\(Self.directory)/\(name)"
        // `PATH_MAX` of linux/limits.h counts the terminating zero.
        case .path(let path) where !path.isEmpty && path.utf8.count < 4096 && !path.utf8.contains(0): return path
        default: throw IPVSError(entering: self, .invalidNamespace(self))
        }
    }

    /// What iproute2 takes for a name (`invalid_name` in `ip/ipnetns.c`): 1 to 255 bytes, no slash, neither "." nor "..".
    private static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && !text.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") } && text != "." && text != ".."
    }
}

extension NetworkNamespace: CustomStringConvertible {
    /// The name, or the path.
    public var description: String {
        switch self {
        case .name(let text), .path(let text): text
        }
    }
}

extension NetworkNamespace {
    /// Moves the calling thread into the namespace for good. Threads that it makes later are born there; others stay where they are.
    package func enter() throws(IPVSError) {
        let path = try file()
        do throws(NamespaceVisitError) {
            try NamespaceVisit.enter(path)
        } catch {
            throw IPVSError(entering: self, call: error.call, errno: error.errno)
        }
    }

    /// What the block gives, which runs on a thread of its own in the namespace. A socket that it makes stays there.
    package func visit<Value>(_ body: @escaping () -> Value) throws(IPVSError) -> Value {
        let path = try file()
        do throws(NamespaceVisitError) {
            return try NamespaceVisit.run(at: path, body)
        } catch {
            throw IPVSError(entering: self, call: error.call, errno: error.errno)
        }
    }
}
