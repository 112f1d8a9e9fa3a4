import Glibc

/// Numbers of `errno.h` as text.
package enum ErrorNumber {
    /// The symbol and the C library's words: "ENOENT, No such file or directory".
    package static func text(_ number: Int32) -> String {
        guard let words = unsafe strerror(number) else { return "error \(number)" }
        let meaning = unsafe String(cString: words)
        return symbols[number].map { "\($0), \(meaning)" } ?? "error \(number), \(meaning)"
    }

    /// Those that netlink families answer with.
    private static let symbols: [Int32: String] = [
        EPERM: "EPERM", ENOENT: "ENOENT", ESRCH: "ESRCH", EINTR: "EINTR", EIO: "EIO", ENXIO: "ENXIO", EAGAIN: "EAGAIN",
        ENOMEM: "ENOMEM", EACCES: "EACCES", EFAULT: "EFAULT", EBUSY: "EBUSY", EEXIST: "EEXIST", ENODEV: "ENODEV",
        EINVAL: "EINVAL", ENFILE: "ENFILE", EMFILE: "EMFILE", ENOSPC: "ENOSPC", ERANGE: "ERANGE", EMSGSIZE: "EMSGSIZE",
        EPROTO: "EPROTO", EPROTONOSUPPORT: "EPROTONOSUPPORT", EOPNOTSUPP: "EOPNOTSUPP", EAFNOSUPPORT: "EAFNOSUPPORT",
        EADDRNOTAVAIL: "EADDRNOTAVAIL", EADDRINUSE: "EADDRINUSE", ENETDOWN: "ENETDOWN", ENETUNREACH: "ENETUNREACH",
        ENOBUFS: "ENOBUFS", EALREADY: "EALREADY",
    ]
}
