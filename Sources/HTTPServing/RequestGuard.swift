import HTTPTypes
package import NIOCore
package import NIOHTTPTypes

/// Closes a connection whose request has more body than it may, or does not come to its end in time.
///
/// The server counts a connection as idle only while nothing comes: one byte now and then would keep it for ever.
package final class RequestGuard: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPRequestPart
    package typealias InboundOut = HTTPRequestPart

    private let limits: ServingLimits
    private var bodyBytes = 0
    private var mostBodyBytes = 0
    private var deadline: Scheduled<Void>?

    package init(_ limits: ServingLimits) { self.limits = limits }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            bodyBytes = 0
            mostBodyBytes = limits.bodyBytes(of: head.path ?? "")
            deadline?.cancel()
            let channel = context.channel
            deadline = context.eventLoop.scheduleTask(in: TimeAmount(limits.requestTime)) { channel.close(promise: nil) }
        case .body(let part):
            bodyBytes += part.readableBytes
            guard bodyBytes <= mostBodyBytes else { return context.close(promise: nil) }
        case .end:
            deadline?.cancel()
            deadline = nil
        }
        context.fireChannelRead(data)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }
}
