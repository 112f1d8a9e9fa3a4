import Addresses
import Glibc
import HealthModel
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

@testable import HealthChecks

/// The event loops of all tests.
let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

/// A server on loopback that does as it is told.
final class Backend: Sendable {
    /// What a connection's handler does.
    enum Behaviour: Sendable {
        /// Accepts, reads, and answers nothing; closes when the client does.
        case silent
        /// Says something at once.
        case banner([UInt8])
        /// Answers the first bytes that come with pieces, a little apart, and maybe closes.
        case answer([[UInt8]], closes: Bool = true)
        /// The same over TLS, as `backend.test`.
        case tls([[UInt8]])
        /// Sends without end.
        case flood
        case grpc(GRPCBehaviour, tls: Bool = false)
    }

    struct GRPCBehaviour: Sendable {
        var headers: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
        var message: [UInt8]? = [0, 0, 0, 0, 2, 8, 1]
        var trailers: HPACKHeaders? = ["grpc-status": "0"]
    }

    struct Seen: Sendable {
        var connections = 0
        /// Of which the client's end was a FIN, or a reset.
        var ends = 0
        var resets = 0
        var closed = 0
        var bytes: [UInt8] = []
        var grpcRequest: HPACKHeaders?
    }

    private let state = Mutex(Seen())
    private let channel: any Channel
    let port: UInt16

    var seen: Seen { state.withLock { $0 } }

    init(_ behaviour: Behaviour, host: String = "127.0.0.1") async throws {
        let box = Box()
        channel = try await ServerBootstrap(group: group).serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let backend = box.backend.withLock({ $0 }) else { throw ChannelError.ioOnClosedChannel }
                    try backend.install(behaviour, channel)
                }
            }
            .bind(host: host, port: 0).get()
        port = UInt16(channel.localAddress?.port ?? 0)
        box.backend.withLock { $0 = self }
    }

    private final class Box: Sendable { let backend = Mutex<Backend?>(nil) }

    func close() async throws { try await channel.close() }

    func note(_ change: (inout Seen) -> Void) { state.withLock { change(&$0) } }

    private func install(_ behaviour: Behaviour, _ channel: any Channel) throws {
        note { $0.connections += 1 }
        let pipeline = channel.pipeline.syncOperations
        func secure(_ protocols: [String]) throws {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(TestCertificates.server.utf8)).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(TestCertificates.serverKey.utf8), format: .pem)))
            configuration.applicationProtocols = protocols
            try pipeline.addHandler(NIOSSLServerHandler(context: NIOSSLContext(configuration: configuration)))
        }
        switch behaviour {
        case .grpc(let behaviour, let tls):
            if tls { try secure(["h2"]) }
            _ = try pipeline.configureHTTP2Pipeline(
                mode: .server, connectionConfiguration: .init(), streamConfiguration: .init()
            ) { stream in
                stream.eventLoop.makeCompletedFuture { try stream.pipeline.syncOperations.addHandler(GRPCHandler(self, behaviour)) }
            }
            try pipeline.addHandler(EndHandler(self))
        case .tls:
            try secure(["http/1.1"])
            try pipeline.addHandler(Handler(self, behaviour))
        default: try pipeline.addHandler(Handler(self, behaviour))
        }
    }

    /// Sees how connections end.
    private final class EndHandler: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame

        private let backend: Backend

        init(_ backend: Backend) { self.backend = backend }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed = event as? ChannelEvent {
                backend.note { $0.ends += 1 }
                context.close(promise: nil)
            }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? IOError, error.errnoCode == ECONNRESET { backend.note { $0.resets += 1 } }
            context.close(promise: nil)
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let backend: Backend
        private let behaviour: Behaviour
        private var hasAnswered = false

        init(_ backend: Backend, _ behaviour: Behaviour) {
            self.backend = backend
            self.behaviour = behaviour
        }

        func channelActive(context: ChannelHandlerContext) {
            switch behaviour {
            case .banner(let bytes): context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            case .flood: flood(context)
            default: break
            }
        }

        func channelInactive(context: ChannelHandlerContext) { backend.note { $0.closed += 1 } }

        private func flood(_ context: ChannelHandlerContext) {
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { self.flood(context) }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(repeating: 65, count: 1 << 16)), promise: promise)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            backend.note { $0.bytes += bytes }
            guard !hasAnswered else { return }
            hasAnswered = true
            switch behaviour {
            case .answer(let pieces, let closes): write(pieces[...], closes: closes, context)
            case .tls(let pieces): write(pieces[...], closes: true, context)
            default: break
            }
        }

        private func write(_ pieces: ArraySlice<[UInt8]>, closes: Bool, _ context: ChannelHandlerContext) {
            guard let first = pieces.first else {
                if closes { context.close(promise: nil) }
                return
            }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: first)), promise: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(5)) {
                self.write(pieces.dropFirst(), closes: closes, context)
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed = event as? ChannelEvent {
                backend.note { $0.ends += 1 }
                context.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? IOError, error.errnoCode == ECONNRESET { backend.note { $0.resets += 1 } }
            context.close(promise: nil)
        }
    }

    private final class GRPCHandler: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias OutboundOut = HTTP2Frame.FramePayload

        private let backend: Backend
        private let behaviour: GRPCBehaviour

        init(_ backend: Backend, _ behaviour: GRPCBehaviour) {
            self.backend = backend
            self.behaviour = behaviour
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .headers(let frame): backend.note { $0.grpcRequest = frame.headers }
            case .data(let frame):
                if case .byteBuffer(let bytes) = frame.data { backend.note { $0.bytes += bytes.readableBytesView } }
                guard frame.endStream else { return }
                let isAll = behaviour.message == nil && behaviour.trailers == nil
                context.write(wrapOutboundOut(.headers(.init(headers: behaviour.headers, endStream: isAll))), promise: nil)
                if let message = behaviour.message {
                    let isLast = behaviour.trailers == nil
                    context.write(
                        wrapOutboundOut(.data(.init(data: .byteBuffer(ByteBuffer(bytes: message)), endStream: isLast))), promise: nil)
                }
                if let trailers = behaviour.trailers {
                    context.write(wrapOutboundOut(.headers(.init(headers: trailers, endStream: true))), promise: nil)
                }
                context.flush()
            default: break
            }
        }
    }
}

/// A datagram server: what it answers to what.
final class DatagramBackend: Sendable {
    private let channel: any Channel
    let port: UInt16

    init(_ answer: @escaping @Sendable ([UInt8]) -> [UInt8]?) async throws {
        channel = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(answer)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = UInt16(channel.localAddress?.port ?? 0)
    }

    func close() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>

        private let answer: ([UInt8]) -> [UInt8]?

        init(_ answer: @escaping ([UInt8]) -> [UInt8]?) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            guard let answer = answer(Array(envelope.data.readableBytesView)) else { return }
            let reply = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))
            context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
        }
    }
}

/// Lends a port of loopback at which nobody listens, and which nobody else gets meanwhile.
///
/// A closed listener would not do: a child that any test forks holds a copy of it until it executes its program, and connections and
/// datagrams still get into that. So for TCP here is a socket that never listens; for UDP one that hears its peer only, which is silent.
func withRefusingPort(datagrams: Bool = false, _ body: (UInt16) async throws -> Void) async throws {
    let type = CInt((datagrams ? SOCK_DGRAM : SOCK_STREAM).rawValue | SOCK_CLOEXEC.rawValue)
    let (mine, peer) = (socket(AF_INET, type, 0), socket(AF_INET, type, 0))
    defer {
        close(mine)
        close(peer)
    }
    let address = try bindToLoopback(mine)
    if datagrams {
        let other = try bindToLoopback(peer)
        try check(unsafe withSocketAddress(other) { unsafe connect(mine, $0, $1) })
    }
    try await body(UInt16(bigEndian: address.sin_port))
}

private func bindToLoopback(_ descriptor: CInt) throws -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    try check(unsafe withSocketAddress(address) { unsafe bind(descriptor, $0, $1) })
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try check(
        unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(descriptor, $0, &size) }
        })
    return address
}

private func withSocketAddress(_ address: sockaddr_in, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    unsafe withUnsafePointer(to: address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe call($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}

private func check(_ result: CInt) throws {
    if result != 0 { throw IOError(errnoCode: errno, reason: "reserving a port") }
}

func probe(_ kind: HealthCheck.Kind, _ port: UInt16, address: IPAddress = IPAddress(ipv4: 0x7f00_0001), timeout: Duration = .seconds(60))
    -> Probe
{
    var timing = ProbeTiming()
    timing.interval = timeout
    timing.timeout = timeout
    return Probe(address: address, port: port, check: HealthCheck(kind), timing: timing, rise: 1, fall: 1)
}

/// Asks once, as the prober does, and returns a while after the answer, so that the connection's end is seen too.
func ask(_ probe: Probe) async throws -> CheckOutcome {
    let loop = group.next()
    return try await loop.flatSubmit {
        let promise = loop.makePromise(of: CheckOutcome.self)
        do throws(CheckerProblem) {
            let checker = try Checkers(loop: loop).checker(for: probe)
            let held = Held(checker)
            held.running = checker.begin { outcome in
                guard !held.isDone else { return promise.fail(ReportedTwice()) }
                held.isDone = true
                promise.succeed(outcome)
            }
            loop.assumeIsolated().scheduleTask(in: TimeAmount(probe.timing.timeout)) {
                if !held.isDone, let silence = held.running?.silence {
                    held.isDone = true
                    promise.succeed(silence)
                }
                held.running?.end()
            }
        } catch {
            promise.fail(error)
        }
        return promise.futureResult
    }.get()
}

struct ReportedTwice: Error {}

private final class Held {
    let checker: any Checker
    var running: (any RunningCheck)?
    var isDone = false

    init(_ checker: any Checker) { self.checker = checker }
}

/// Waits until something holds, for ten seconds at most.
func eventually(_ holds: () -> Bool) async throws -> Bool {
    for _ in 0..<1000 {
        if holds() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return holds()
}
