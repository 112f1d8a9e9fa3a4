import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose request has more body than it may, or does not come to its end in time.
///
/// The server counts a connection as idle only while nothing comes: one byte now and then would keep it for ever.
final class RequestGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private let limits: SocketLimits
    private var bodyBytes = 0
    private var deadline: Scheduled<Void>?

    init(_ limits: SocketLimits) { self.limits = limits }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            bodyBytes = 0
            deadline?.cancel()
            let channel = context.channel
            deadline = context.eventLoop.scheduleTask(in: TimeAmount(limits.requestTime)) { channel.close(promise: nil) }
        case .body(let part):
            bodyBytes += part.readableBytes
            guard bodyBytes <= limits.bodyBytes else { return context.close(promise: nil) }
        case .end:
            deadline?.cancel()
            deadline = nil
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }
}
