import Glibc
import NetlinkTransport

extension IPVSError {
    /// The error of a namespace that was not entered.
    init(entering namespace: NetworkNamespace, _ reason: Reason, errno: Int32? = nil) {
        self.init(operation: "enter the network namespace", object: "\(namespace)", reason: reason, errno: errno)
    }

    /// What a call that did not lead into the namespace means (`open(2)`, `setns(2)`).
    init(entering namespace: NetworkNamespace, call: String, errno: Int32) {
        let reason: Reason =
            switch errno {
            case ENOENT, ENOTDIR: .unknownNamespace(namespace, known: NetworkNamespace.names())
            // Of `ip netns add`, killed between its two steps, there is left a file that stands for nothing.
            case EINVAL where call == "setns": .notNamespace(namespace)
            case EPERM, EACCES: .notPermitted
            default: .system(call)
            }
        self.init(entering: namespace, reason, errno: errno)
    }

    /// The error of a socket that was not opened, in a namespace or where the caller is.
    init(opening error: NetlinkError, in namespace: NetworkNamespace?) {
        // Of the calls that open a socket these two belong to the way into the namespace.
        if let namespace, case .system(let call, let errno) = error.cause, call == "open" || call == "setns" {
            self.init(entering: namespace, call: call, errno: errno)
        } else {
            self.init(error)
        }
    }
}

extension NetworkNamespace {
    /// The names that there are, in order; empty where they cannot be read. No more than `limit` of them are looked at.
    static func names(in directory: String = directory, limit: Int = 1000) -> [String] {
        guard let stream = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while names.count < limit, let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
