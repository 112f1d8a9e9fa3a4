import Glibc

/// What would write this process's memory to a file.
package enum CoreDumps {
    /// Forbids them, for this process and those that it starts: its memory holds credentials.
    package static func forbid() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    }
}
