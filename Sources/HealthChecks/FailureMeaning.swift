internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// What a failure says: something of the backend, or only of this node.
///
/// Of a backend speaks what came from it or from the way to it. What this node lacks (descriptors, memory, ports, permission) says nothing;
/// nor does an error that is not known here, since draining a backend for it would be a guess.
final class FailureMeaning {
    private let hasRoutes: (AddressFamily) -> Bool
    private var looked: [AddressFamily: (at: NIODeadline, hasRoutes: Bool)] = [:]

    enum AddressFamily: Hashable { case ipv4, ipv6 }

    /// Tests say themselves whether the node has routes.
    init(hasRoutes: @escaping (AddressFamily) -> Bool = NodeRoutes.hasAny) { self.hasRoutes = hasRoutes }

    func outcome(of error: any Error, at address: SocketAddress, awaiting: String) -> CheckOutcome {
        switch error {
        case let error as IOError: outcome(errno: error.errnoCode, at: address)
        // Not being able to read one's own certificate authority says nothing of the backend.
        case let error as TLSProblem: .hindered(error.description)
        case ChannelError.writeMessageTooLarge: outcome(errno: EMSGSIZE, at: address)
        case is ChannelError: .bad("the connection was closed while waiting for \(awaiting)")
        case let error as HTTPParserError: .bad("what came is no HTTP: \(Self.short("\(error)"))")
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            .bad("the certificate is for another name: \(Self.short(error.description))")
        // A server name that cannot be one: what was asked for is wrong, not the backend.
        case let error as NIOSSLExtraError: .hindered("TLS: \(Self.short(error.description))")
        case let error as NIOSSLError: .bad(Self.text(of: error))
        case let error as BoringSSLError: .bad("TLS: \(Self.short("\(error)"))")
        default: .bad(Self.short("\(error)"))
        }
    }

    /// What an error of the kernel means.
    func outcome(errno: CInt, at address: SocketAddress) -> CheckOutcome {
        switch Self.meaning(of: errno) {
        case .backend(let text): .bad(text)
        case .route(let text): hasRoutes(to: address) ? .bad(text) : .hindered("this node has no route to anywhere")
        case .node(let text): .hindered(text)
        }
    }

    enum Meaning: Equatable {
        /// It came from the backend, or from the way to it.
        case backend(String)
        /// There is no way to it: its fault where the node has ways to others.
        case route(String)
        case node(String)
    }

    static func meaning(of errno: CInt) -> Meaning {
        switch errno {
        case ECONNREFUSED: .backend("connection refused")
        case ECONNRESET, EPIPE: .backend("connection reset")
        case ECONNABORTED: .backend("connection aborted")
        // The kernel's own time-outs of connections, keep-alive and retransmission.
        case ETIMEDOUT: .backend("connection timed out")
        // No neighbour answers for it, a router says so, or a route of the kind unreachable.
        case EHOSTUNREACH, EHOSTDOWN: .backend("no route to host")
        // What connect(2) answers for a route of the kind blackhole (`fib_props`, net/ipv4/fib_semantics.c): packets of clients vanish too.
        case EINVAL: .backend("its route is a black hole")
        case EPROTO: .backend("protocol error")
        case ENETUNREACH: .route("network unreachable")
        case EMFILE, ENFILE: .node("no file descriptors are left")
        case ENOBUFS, ENOMEM: .node("no memory is left for sockets")
        case EADDRNOTAVAIL: .node("no local port or address is left to connect from")
        case EADDRINUSE: .node("the local address is in use")
        case EAGAIN: .node("the kernel has no more resources for it")
        // Also where a rule of this node's own drops what it sends.
        case EPERM, EACCES: .node("this node does not permit it")
        case EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT: .node("this node's kernel does not have that protocol")
        case ENETDOWN, ENODEV: .node("a network link of this node is down")
        case EMSGSIZE: .node("the payload is too long for a datagram")
        default: .node(systemText(errno))
        }
    }

    private static func systemText(_ errno: CInt) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(errno, &buffer, buffer.count - 1) == 0 else { return "error \(errno)" }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? "error \(errno)" : "\(text) (error \(errno))"
    }

    /// Looked at once a second at most: probes fail by the thousand where it matters.
    private func hasRoutes(to address: SocketAddress) -> Bool {
        let family: AddressFamily = address.protocol == .inet6 ? .ipv6 : .ipv4
        let now = NIODeadline.now()
        if let last = looked[family], now - last.at < .seconds(1) { return last.hasRoutes }
        let answer = hasRoutes(family)
        looked[family] = (now, answer)
        return answer
    }

    private static func text(of error: NIOSSLError) -> String {
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "the certificate cannot be verified" }
        if case .uncleanShutdown = error { return "the connection was cut off within TLS" }
        return "TLS: \(short(text))"
    }

    /// What a peer may have had a hand in: bounded, and without control characters.
    static func short(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(160) { result += scalar.properties.generalCategory == .control ? "�" : String(scalar) }
        return text.unicodeScalars.count > 160 ? result + "…" : result
    }
}
