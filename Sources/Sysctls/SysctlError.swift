import Glibc

/// A kernel setting that could not be read or written.
package struct SysctlError: Error, Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        case read
        case write(String)
    }

    package let action: Action
    /// The dotted name.
    package let name: String
    package let errno: Int32
    /// False where the name is not one that a setting could have; no file was looked for.
    package let isName: Bool

    package init(_ action: Action, _ name: String, errno: Int32, isName: Bool = true) {
        self.action = action
        self.name = name
        self.errno = errno
        self.isName = isName
    }

    /// What to do about it, where that is known.
    package var remedy: String? {
        guard isName else { return nil }
        switch errno {
        case ENOENT:
            let module = Self.modules.first { name.hasPrefix($0.prefix) }?.module
            guard let module else { return "This kernel has no such setting." }
            return "Load the module \(module) (modprobe \(module)); if it is loaded, the kernel is too old for this setting."
        case EACCES, EPERM: return "Run as root in the network namespace's own user namespace."
        case EROFS: return "Run the container privileged, or with /proc/sys writable; or set \(name) on the host."
        case EINVAL, ERANGE: return "The kernel does not take this value."
        default: return nil
        }
    }

    /// Which module makes the settings under a name.
    private static let modules: [(prefix: String, module: String)] = [
        ("net.ipv4.vs.", "ip_vs"),
        ("net.bridge.", "br_netfilter"),
        ("net.netfilter.nf_conntrack", "nf_conntrack"),
    ]
}

extension SysctlError: CustomStringConvertible {
    package var description: String {
        let what =
            switch action {
            case .read: "read sysctl \(name)"
            case .write(let value): "set sysctl \(name) = \(value)"
            }
        let why = isName ? unsafe String(cString: strerror(errno)) : "not the name of a setting"
        return "\(what): \(why)" + (remedy.map { ". " + $0 } ?? "")
    }
}
