import CommandSupport
import Conntrack
import Glibc
import IPVS
import NetlinkTransport
import NodeModel

/// One real connection, or datagram, and what the kernel shows of it.
struct LiveConnection: Hashable {
    enum Result: Hashable {
        /// The connection stands, or the datagram was answered.
        case answered
        case refused
        case silence
        /// Something else, in the kernel's words.
        case failed(String)
    }

    var result: Result
    /// Its entry in IPVS' connection table.
    var entry: IPVSConnection?
    /// Its entry in connection tracking.
    var flow: FlowLook?
    /// Why connection tracking could not be asked.
    var flowProblem: String?
}

/// The client's end of it: a socket in the client's network namespace, bound but not yet connected, so that its port is known before anything is
/// foretold.
struct LiveClient: ~Copyable {
    private let file: CInt
    private let transport: TransportProtocol
    let address: IPAddress
    let port: UInt16

    deinit { _ = Glibc.close(file) }

    /// A client in its network namespace; without one, in that which is looked into.
    init(_ transport: TransportProtocol, _ address: IPAddress, port: UInt16, namespace: NetworkNamespace?) throws {
        guard transport != .sctp else { throw CommandFailure("--live speaks TCP and UDP", status: ExitStatus.invalid) }
        let kind = (transport == .tcp ? CInt(SOCK_STREAM.rawValue) : CInt(SOCK_DGRAM.rawValue)) | closedAndNeverWaiting
        let family = address.family == .ipv4 ? AF_INET : AF_INET6
        func make() -> (file: CInt, errno: CInt) { (Glibc.socket(family, kind, 0), errno) }
        let made: (file: CInt, errno: CInt)
        do throws(IPVSError) {
            // A socket stays in the namespace in which it was made.
            made = try namespace.map { (name) throws(IPVSError) in try name.visit(make) } ?? make()
        } catch {
            throw CommandFailure(error)
        }
        guard made.file >= 0 else { throw CommandFailure("no socket: \(Self.words(made.errno))") }
        guard SocketBytes(address, port).bind(made.file) == 0 else {
            let cause = errno
            _ = Glibc.close(made.file)
            let remedy = cause == EADDRNOTAVAIL ? "; name the client's network namespace with --from" : ""
            throw CommandFailure("cannot be the client \(address): \(Self.words(cause))\(remedy)")
        }
        (file, self.transport, self.address) = (made.file, transport, address)
        self.port = SocketBytes.localPort(of: made.file) ?? port
    }

    /// Calls, and waits for an answer; then looks at what the kernel remembers of it.
    func call(_ destination: IPAddress, _ destinationPort: UInt16, within limit: Duration) throws -> LiveConnection {
        var live = LiveConnection(result: exchange(SocketBytes(destination, destinationPort), within: limit))
        do throws(IPVSError) {
            var reader = try IPVSConnectionReader()
            while let connection = try reader.next() {
                guard !connection.isTemplate, connection.client == .init(address, port: port),
                    connection.virtual == .init(destination, port: destinationPort),
                    connection.transport == (transport == .tcp ? .tcp : .udp)
                else { continue }
                live.entry = connection
                break
            }
        } catch {
            throw CommandFailure(error)
        }
        do throws(NetlinkError) {
            live.flow = try FlowLook.find(
                transport, from: .init(address, port: port), to: .init(destination, port: destinationPort))
        } catch {
            live.flowProblem = "\(error)"
        }
        return live
    }

    private func exchange(_ destination: SocketBytes, within limit: Duration) -> LiveConnection.Result {
        let deadline = ContinuousClock.now + limit
        if destination.connect(file) != 0, errno != EINPROGRESS { return Self.result(errno) }
        guard transport == .udp else {
            guard wait(CInt(POLLOUT), until: deadline) else { return .silence }
            let error = SocketBytes.error(of: file)
            return error == 0 ? .answered : Self.result(error)
        }
        let word: [UInt8] = Array("ipvsctl trace --live\n".utf8)
        guard unsafe word.withUnsafeBytes({ unsafe send(file, $0.baseAddress, $0.count, 0) }) >= 0 else { return Self.result(errno) }
        guard wait(CInt(POLLIN), until: deadline) else { return .silence }
        var answer: UInt8 = 0
        return unsafe recv(file, &answer, 1, 0) >= 0 ? .answered : Self.result(errno)
    }

    /// Whether the socket has something to tell before the deadline.
    private func wait(_ events: CInt, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            var entry = pollfd(fd: file, events: Int16(events), revents: 0)
            let count = unsafe poll(&entry, 1, CInt(min(left / .milliseconds(1), 60_000)) + 1)
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }

    private static func result(_ error: CInt) -> LiveConnection.Result {
        error == ECONNREFUSED ? .refused : .failed(words(error))
    }

    private static func words(_ error: CInt) -> String { unsafe String(cString: strerror(error)) }
}

/// `SOCK_CLOEXEC` and `SOCK_NONBLOCK`.
private let closedAndNeverWaiting = CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)

/// A `struct sockaddr_in` or `sockaddr_in6` in its bytes.
private struct SocketBytes {
    private var bytes: [UInt8]

    init(_ address: IPAddress, _ port: UInt16) {
        let isOld = address.family == .ipv4
        // The family is in the machine's order, port and address in the network's. IPv6 has flow information before, and a scope after.
        bytes = unsafe withUnsafeBytes(of: UInt16(isOld ? AF_INET : AF_INET6)) { unsafe Array($0) }
        bytes += [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
        if !isOld { bytes += [0, 0, 0, 0] }
        bytes += address.bytes
        bytes += [UInt8](repeating: 0, count: isOld ? 8 : 4)
    }

    func bind(_ file: CInt) -> CInt {
        unsafe bytes.withUnsafeBytes { raw in
            unsafe Glibc.bind(file, raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
        }
    }

    func connect(_ file: CInt) -> CInt {
        unsafe bytes.withUnsafeBytes { raw in
            unsafe Glibc.connect(file, raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
        }
    }

    static func localPort(of file: CInt) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutableBytes(of: &storage) { raw in
            guard unsafe getsockname(file, raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length) == 0 else { return nil }
            return unsafe UInt16(raw[2]) << 8 | UInt16(raw[3])
        }
    }

    static func error(of file: CInt) -> CInt {
        var error: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return errno }
        return error
    }
}
