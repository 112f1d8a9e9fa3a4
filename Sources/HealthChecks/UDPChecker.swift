internal import NIOCore

/// A datagram is sent. Where a reply is expected, it has to come and begin with the expected bytes; where none is, ICMP's "port unreachable"
/// is the bad answer, and anything else within the time a good one.
final class UDPChecker: Checker {
    private let payload: [UInt8]
    private let reply: [UInt8]?
    private let target: CheckTarget

    init(payload: [UInt8], reply: [UInt8]?, _ target: CheckTarget) {
        self.payload = payload
        self.reply = reply
        self.target = target
    }

    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
        let reply = reply
        let check = DatagramCheck(target, payload: payload, isSilenceGood: reply == nil, report: report) { bytes in
            guard let reply else { return .good }
            return bytes.starts(with: reply) ? .good : .bad("another reply than expected")
        }
        check.connectDatagrams()
        return check
    }
}

/// Sends one datagram and judges what comes back.
final class DatagramCheck: ConnectionCheck, ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let payload: [UInt8]
    private let isSilenceGood: Bool
    /// Nil where the datagram is none of ours.
    private let judge: ([UInt8]) -> CheckOutcome?

    init(
        _ target: CheckTarget, payload: [UInt8], isSilenceGood: Bool = false, report: @escaping (CheckOutcome) -> Void,
        judge: @escaping ([UInt8]) -> CheckOutcome?
    ) {
        self.payload = payload
        self.isSilenceGood = isSilenceGood
        self.judge = judge
        super.init(target, report: report)
        awaited = "a reply"
    }

    override var silence: CheckOutcome { isSilenceGood ? .good : super.silence }

    override func install(_ pipeline: ChannelPipeline.SynchronousOperations) throws { try pipeline.addHandler(self) }

    func channelActive(context: ChannelHandlerContext) {
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenFailure { self.fail($0) }
        let bytes = context.channel.allocator.buffer(bytes: payload)
        if context.remoteAddress != nil {
            context.writeAndFlush(NIOAny(bytes), promise: written)
        } else {
            context.writeAndFlush(NIOAny(AddressedEnvelope(remoteAddress: target.address, data: bytes)), promise: written)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let outcome = judge(Array(unwrapInboundIn(data).data.readableBytesView)) else { return }
        give(outcome)
        end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }
}
