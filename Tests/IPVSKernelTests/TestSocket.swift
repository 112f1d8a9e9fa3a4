import Foundation
import IPVS
import NetlinkTransport

/// A socket in a network namespace, of a client or a server: real connections without a process for each.
struct TestSocket: ~Copyable {
    private let descriptor: Int32

    struct Failed: Error {
        let call: String
        let errno: Int32
    }

    enum Kind {
        case stream
        case datagram

        var number: Int32 { Int32(self == .stream ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue) }
    }

    private init(_ kind: Kind, _ family: AddressFamily, in namespace: String) throws {
        let (file, number) = try NamespaceVisit.run(at: "/run/netns/\(namespace)") {
            let file = socket(family == .ipv4 ? AF_INET : AF_INET6, kind.number, 0)
            return (file, errno)
        }
        guard file >= 0 else { throw Failed(call: "socket", errno: number) }
        descriptor = file
        // Nothing here may wait long.
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// A server that listens; the kernel accepts for it.
    static func listening(at place: RealServer.Key, in namespace: String) throws -> TestSocket {
        let made = try TestSocket(.stream, place.address.family, in: namespace)
        let descriptor = made.descriptor
        made.set(SOL_SOCKET, SO_REUSEADDR, 1)
        try unsafe Self.with(place) { address, length in
            guard unsafe bind(descriptor, address, length) == 0, listen(descriptor, 16) == 0 else {
                throw Failed(call: "bind", errno: errno)
            }
        }
        return made
    }

    /// A client that has connected, or with datagrams knows whom to send to; with a firewall mark on its packets.
    static func connected(
        _ kind: Kind = .stream, to place: RealServer.Key, in namespace: String, mark: Int32 = 0
    ) throws -> TestSocket {
        let made = try TestSocket(kind, place.address.family, in: namespace)
        let descriptor = made.descriptor
        if mark != 0 { made.set(SOL_SOCKET, SO_MARK, mark) }
        if kind == .stream { made.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        try unsafe Self.with(place) { address, length in
            guard unsafe connect(descriptor, address, length) == 0 else { throw Failed(call: "connect", errno: errno) }
        }
        return made
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failed(call: "send", errno: errno)
        }
    }

    /// Where the socket sends from.
    var place: IPVSConnection.SocketAddress {
        var storage = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let bytes = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = unsafe getsockname(descriptor, $0, &length) }
            return unsafe Array(UnsafeRawBufferPointer(start: pointer, count: Int(length)))
        }
        let address = IPAddress(bytes: length > 16 ? bytes[8..<24] : bytes[4..<8])
        return .init(address ?? IPAddress(ipv4: 0), port: UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
    }

    private static func with(_ place: RealServer.Key, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) throws {
        // struct sockaddr_in and sockaddr_in6 as they lie in memory: family, port, (flow,) address, (zeros, scope).
        let isFour = place.address.family == .ipv4
        let port = [UInt8(place.port >> 8), UInt8(place.port & 255)]
        let bytes =
            [UInt8(isFour ? AF_INET : AF_INET6), 0] + port + (isFour ? [] : [0, 0, 0, 0]) + place.address.bytes
            + Array(repeating: 0, count: isFour ? 8 : 4)
        try unsafe bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            try unsafe body(start.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
        }
    }
}
