internal import NIOCore

/// A connection is made, and closed as a client would that has nothing to say.
///
/// The close is a FIN, and the backend's own FIN is waited for: a reset would stand in the logs of many servers at every probe. So it is this
/// node that keeps the TIME_WAIT (`ConnectionTable` counts what that costs). The ways round that were left: SO_LINGER with 0 sends the
/// reset, and to wait for the backend to close first would take its idle time-out.
final class TCPChecker: Checker {
    private let target: CheckTarget

    init(_ target: CheckTarget) { self.target = target }

    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
        let check = TCPCheck(target, report: report)
        check.connect()
        return check
    }
}

private final class TCPCheck: ConnectionCheck, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var dropped = 0

    override func install(_ pipeline: ChannelPipeline.SynchronousOperations) throws { try pipeline.addHandler(self) }

    func channelActive(context: ChannelHandlerContext) {
        // A connection from a port of this node to that very port meets itself, and nobody listens (RFC 9293, simultaneous open).
        guard context.localAddress != context.remoteAddress else {
            give(.bad("connection refused"))
            return end()
        }
        give(.good)
        leave()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        dropped += unwrapInboundIn(data).readableBytes
        if dropped > Bounds.dropped { end() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }
}

/// How much is taken from a backend.
enum Bounds {
    /// What is read and dropped while a connection ends.
    static let dropped = 1 << 20
    /// How much of a response's body is looked at.
    static let body = 1 << 16
    /// The longest answer that `grpc.health.v1` can have is a few bytes.
    static let message = 1 << 12
}
