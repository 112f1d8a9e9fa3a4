internal import Glibc

/// Whether this node has any route that leads off it.
enum NodeRoutes {
    /// The main table as the kernel prints it. A node that keeps all its routes in other tables is taken for one without.
    static func hasAny(_ family: FailureMeaning.AddressFamily) -> Bool {
        // Its beginning is enough, since any line will do: a node with a million routes has some there.
        let text = beginning(of: family == .ipv4 ? "/proc/net/route" : "/proc/net/ipv6_route")
        return family == .ipv4 ? hasIPv4Route(text) : hasIPv6Route(text)
    }

    /// Lines of `fib_route_seq_show` (net/ipv4/fib_trie.c): interface, destination, gateway, flags in hexadecimal, …
    static func hasIPv4Route(_ text: String) -> Bool {
        text.split(separator: "\n").dropFirst().contains { line in
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count > 3, let flags = UInt32(fields[3], radix: 16) else { return false }
            return fields[0] != "lo" && isUsable(flags)
        }
    }

    /// Lines of `rt6_info_route` (net/ipv6/route.c), ten fields: flags in hexadecimal are the ninth, the interface the last. Every link has
    /// its link-local and multicast routes, which lead to no backend.
    static func hasIPv6Route(_ text: String) -> Bool {
        text.split(separator: "\n").contains { line in
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count == 10, let flags = UInt32(fields[8], radix: 16) else { return false }
            return fields[9] != "lo" && isUsable(flags) && !fields[0].hasPrefix("fe80") && !fields[0].hasPrefix("ff00")
        }
    }

    /// RTF_UP without RTF_REJECT, from linux/route.h.
    private static func isUsable(_ flags: UInt32) -> Bool { flags & 0x0001 != 0 && flags & 0x0200 == 0 }

    private static func beginning(of path: String) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var filled = 0
        // A page comes with each read.
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                return unsafe read(file, rest.baseAddress, rest.count)
            }
            guard count > 0 else { break }
            filled += count
        }
        return String(decoding: bytes.prefix(filled), as: UTF8.self)
    }
}
