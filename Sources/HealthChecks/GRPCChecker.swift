internal import HealthModel
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Asks `grpc.health.v1.Health/Check`, over HTTP/2 with prior knowledge, or by TLS.
final class GRPCChecker: Checker {
    private let request: [UInt8]
    private let headers: HPACKHeaders
    private let tls: HealthCheck.TLSCheck?
    private let target: CheckTarget
    private let contexts: TLSContexts

    init(service: String, tls: HealthCheck.TLSCheck?, _ target: CheckTarget, _ contexts: TLSContexts) {
        request = GRPCHealthMessage.request(service: service)
        headers = [
            ":method": "POST", ":scheme": tls == nil ? "http" : "https", ":path": "/grpc.health.v1.Health/Check",
            ":authority": tls?.serverName ?? target.authority, "content-type": "application/grpc", "te": "trailers",
            "user-agent": "ipvs-agent",
        ]
        self.tls = tls
        self.target = target
        self.contexts = contexts
    }

    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
        let check = GRPCConnection(request, headers, tls, target, contexts, report: report)
        check.connect()
        return check
    }
}

/// The connection: one stream is opened in it.
private final class GRPCConnection: ConnectionCheck, ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let request: [UInt8]
    private let headers: HPACKHeaders
    private let tls: HealthCheck.TLSCheck?
    private let contexts: TLSContexts

    init(
        _ request: [UInt8], _ headers: HPACKHeaders, _ tls: HealthCheck.TLSCheck?, _ target: CheckTarget, _ contexts: TLSContexts,
        report: @escaping (CheckOutcome) -> Void
    ) {
        self.request = request
        self.headers = headers
        self.tls = tls
        self.contexts = contexts
        super.init(target, report: report)
    }

    override func install(_ pipeline: ChannelPipeline.SynchronousOperations) throws {
        if let tls { try pipeline.addHandler(contexts.handler(for: tls, protocols: ["h2"])) }
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.maximumBufferedControlFrames = 100
        // A server opens no streams here: push is off by these settings, and what it opens all the same is refused.
        connection.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0), HTTP2Setting(parameter: .maxConcurrentStreams, value: 0),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 1 << 14),
        ]
        let multiplexer = try pipeline.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: connection, streamConfiguration: .init()
        ) { stream in stream.close() }
        try pipeline.addHandler(self)
        let check = NIOLoopBound(self, eventLoop: target.loop)
        multiplexer.createStreamChannel(promise: nil) { stream in
            stream.eventLoop.makeCompletedFuture { try stream.pipeline.syncOperations.addHandler(GRPCStream(check.value)) }
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        awaited = "an answer of grpc.health.v1"
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        give(.bad("the connection was closed while waiting for \(awaited)"))
        end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }

    /// The stream: a request is written as soon as it stands, and the answer is put together.
    private final class GRPCStream: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias OutboundOut = HTTP2Frame.FramePayload

        private let check: GRPCConnection
        private var message: [UInt8] = []
        private var hasHeaders = false

        init(_ check: GRPCConnection) { self.check = check }

        func channelActive(context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(.headers(.init(headers: check.headers))), promise: nil)
            let bytes = context.channel.allocator.buffer(bytes: check.request)
            context.writeAndFlush(wrapOutboundOut(.data(.init(data: .byteBuffer(bytes), endStream: true))), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .headers(let frame): take(frame.headers, isLast: frame.endStream)
            case .data(let frame):
                if case .byteBuffer(let bytes) = frame.data {
                    message += bytes.readableBytesView.prefix(Bounds.message + 6 - message.count)
                }
                if message.count > Bounds.message + 5 { return tell(.bad("the answer is too long for grpc.health.v1")) }
                // Without trailers, nobody knows how it ended.
                if frame.endStream { tell(.bad("the answer ended without a gRPC status")) }
            case .rstStream(let code): tell(.bad("the stream was reset: \(FailureMeaning.short("\(code)"))"))
            default: break
            }
        }

        private func take(_ headers: HPACKHeaders, isLast: Bool) {
            if !hasHeaders {
                hasHeaders = true
                let status = headers.first(name: ":status") ?? "none"
                guard status == "200" else { return tell(.bad("HTTP status \(FailureMeaning.short(status))")) }
            }
            guard isLast else { return }
            switch headers.first(name: "grpc-status") {
            case "0": tell(verdict)
            // What the health protocol says of a service that the server does not know.
            case "5": tell(.bad("the server does not know that service (NOT_FOUND)"))
            case "12": tell(.bad("the server does not have grpc.health.v1 (UNIMPLEMENTED)"))
            case let status?: tell(.bad("gRPC status \(FailureMeaning.short(status))"))
            case nil: tell(.bad("the answer has no gRPC status"))
            }
        }

        private var verdict: CheckOutcome {
            switch GRPCHealthMessage.response(message) {
            case .status(.serving): .good
            case .status(.notServing): .bad("NOT_SERVING")
            case .status(.serviceUnknown): .bad("SERVICE_UNKNOWN")
            case .status(.unknown): .bad("serving status unknown")
            case .incomplete, .garbage: .bad("the answer is not one of grpc.health.v1")
            }
        }

        private func tell(_ outcome: CheckOutcome) {
            check.give(outcome)
            check.leave()
        }

        func channelInactive(context: ChannelHandlerContext) { tell(.bad("the stream was closed without an answer")) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { check.fail(error) }
    }
}
