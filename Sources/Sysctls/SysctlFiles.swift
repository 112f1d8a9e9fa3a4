import Glibc

/// Reads and writes kernel settings by their dotted names, as files under `/proc/sys`.
///
/// The files belong to the network namespace of the process for names under `net`.
package struct SysctlFiles: Sendable {
    private let root: String

    /// - Parameter root: where the kernel shows its settings; another directory in tests.
    package init(root: String = "/proc/sys") { self.root = root }

    /// The value, without the newline at its end. Several numbers are separated as the kernel separates them.
    package func read(_ name: String) throws(SysctlError) -> String {
        let path = try path(of: name, action: .read)
        let file = try open(path, O_RDONLY, .read, name)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Self.longestValue)
        var count = 0
        while count < bytes.count {
            let more = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(file, buffer.baseAddress.map { unsafe $0 + count }, buffer.count - count)
            }
            if more < 0 {
                if errno == EINTR { continue }
                throw SysctlError(.read, name, errno: errno)
            }
            if more == 0 { break }
            count += more
        }
        while count > 0, bytes[count - 1] == UInt8(ascii: "\n") { count -= 1 }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// Whether the setting is there, and cannot be written by this process although it may be by others: `/proc/sys` is mounted read-only, or
    /// the setting belongs to the first network namespace alone.
    package func isReadOnly(_ name: String) -> Bool {
        guard let path = try? path(of: name, action: .read), unsafe access(path, R_OK) == 0 else { return false }
        return unsafe access(path, W_OK) != 0 && (errno == EACCES || errno == EROFS)
    }

    /// Sets the value. The kernel takes the whole of it in one write, or refuses it.
    package func write(_ name: String, _ value: String) throws(SysctlError) {
        let path = try path(of: name, action: .write(value))
        let file = try open(path, O_WRONLY, .write(value), name)
        defer { close(file) }
        let bytes = Array((value + "\n").utf8)
        while true {
            let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
            if written >= 0 { return }
            if errno != EINTR { throw SysctlError(.write(value), name, errno: errno) }
        }
    }

    /// The longest value that is read: one page, which is what the kernel gives at most.
    private static let longestValue = 4096

    private func open(_ path: String, _ flags: Int32, _ action: SysctlError.Action, _ name: String) throws(SysctlError) -> Int32 {
        while true {
            let file = unsafe Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW)
            if file >= 0 { return file }
            if errno != EINTR { throw SysctlError(action, name, errno: errno) }
        }
    }

    /// `net.ipv4.vs.conntrack` → `net/ipv4/vs/conntrack`. A part of the name can have no dot of its own, which the name of an interface
    /// (`eth0.100`) can; none is among the settings that we use.
    private func path(of name: String, action: SysctlError.Action) throws(SysctlError) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { part in
            !part.isEmpty && part.unicodeScalars.allSatisfy { $0 != "/" && $0.value > 0x20 && $0.value != 0x7f }
        }
        guard isName, parts.count >= 2, name.utf8.count <= 255 else { throw SysctlError(action, name, errno: EINVAL, isName: false) }
        return root + "/" + parts.joined(separator: "/")
    }
}
