import Glibc
package import NetlinkTransport

/// Why something was not done to a link or its addresses.
package enum LinkError: Error, Hashable, Sendable {
    /// What the kernel, or the socket, said; the operation with its object is in it.
    case netlink(NetlinkError)
    /// A link of that name is there and is not a dummy. It is somebody's, and is left as it is.
    case otherKind(name: String, kind: String?)
    /// An address of others is on our link.
    case holdsAddress(name: String, String)
    case noSuchLink(String)
    case notAName(String)

    /// What to do about it, where that is known.
    package var remedy: String? {
        switch self {
        case .otherKind: return "Choose another name for the dummy link, or remove that link."
        case .holdsAddress(let name, let address):
            return "Take the address away (ip address del \(address) dev \(name)) and try again, or keep the link."
        case .noSuchLink: return "It was removed by somebody else; it is made again at the next pass."
        case .notAName: return "A link's name is 1 to 15 bytes long, without spaces, slashes and colons."
        case .netlink(let error): return Self.remedy(for: error)
        }
    }

    private static func remedy(for error: NetlinkError) -> String? {
        switch error.errno {
        case EPERM: "Run as root, or with CAP_NET_ADMIN in the network namespace."
        // The kernel knows no such kind of link, and could not load it (ENOTSUP and EOPNOTSUPP are the same number).
        case EOPNOTSUPP where error.operation.hasPrefix("create dummy"):
            "Load the module dummy (modprobe dummy), or use a kernel that has it."
        case EACCES where error.operation.hasPrefix("bind"), EOPNOTSUPP where error.operation.hasPrefix("bind"):
            "IPv6 may be switched off: see the sysctls net.ipv6.conf.*.disable_ipv6."
        case ENOBUFS where error.operation.hasPrefix("bind"): "The kernel could not get the memory for the address."
        default: nil
        }
    }
}

extension LinkError: CustomStringConvertible {
    package var description: String {
        let what =
            switch self {
            case .netlink(let error): "\(error)"
            case .otherKind(let name, let kind):
                "link \(name) is \(kind.map { "of kind \($0)" } ?? "a device"), not a dummy: it is not ours and is left as it is"
            case .holdsAddress(let name, let address): "link \(name) holds \(address), which is not the agent's"
            case .noSuchLink(let name): "there is no link \(name)"
            case .notAName(let name): "not the name of a link: \(name.debugDescription)"
            }
        return what + (remedy.map { ". " + $0 } ?? "")
    }
}
