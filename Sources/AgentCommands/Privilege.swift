import CommandSupport
import Foundation

/// What the process may do, looked at before anything is tried, so that one sentence says it and not every subsystem.
enum Privilege {
    /// `CAP_NET_ADMIN` in `linux/capability.h`. IPVS, links, sets and rules all ask for it, for reading too.
    private static let networkAdministration = 12

    static func check() throws(CommandFailure) {
        // Where the file cannot be read the kernel will tell.
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8), isMissing(in: status) else { return }
        throw CommandFailure(
            "not permitted to see or change the kernel's network state: run as root, or with CAP_NET_ADMIN", status: ExitStatus.unavailable)
    }

    /// Whether the effective capabilities that `/proc/self/status` shows lack the one that is needed.
    static func isMissing(in status: String) -> Bool {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let capabilities = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16)
        else { return false }
        return capabilities & 1 << networkAdministration == 0
    }
}
