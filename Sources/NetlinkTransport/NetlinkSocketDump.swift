package import NetlinkCodec

extension NetlinkSocket {
    /// Reads a whole table and then calls `each` with every message of it.
    ///
    /// A dump during which the table changed (`NLM_F_DUMP_INTR`), or of which a part was lost, is repeated, up to `dumpAttempts` times: what
    /// is delivered is whole, or there is an error.
    package mutating func dump(
        _ request: NetlinkRequest, each: (NetlinkHeader, Span<UInt8>) throws(NetlinkDecodingError) -> Void
    ) throws(NetlinkError) {
        let whole = try wholeDump(request)
        for datagram in whole.datagrams {
            do throws(NetlinkDecodingError) {
                try datagram.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                    guard header.sequence == whole.sequence, header.type >= NetlinkControl.firstFamilyType else { return }
                    try each(header, payload)
                }
            } catch {
                throw NetlinkError(request.operation, .malformed(error), sequence: whole.sequence)
            }
        }
    }

    private mutating func wholeDump(_ request: NetlinkRequest) throws(NetlinkError) -> (datagrams: [[UInt8]], sequence: UInt32) {
        var last: NetlinkError?
        for _ in 0..<max(dumpAttempts, 1) {
            var exchange = ReplyCollector(expecting: .dump)
            let sequence = try run(request, extraFlags: .dump, collecting: &exchange)
            switch exchange.outcome {
            case .complete(let answer) where answer.errno == 0 && !exchange.wasInterrupted && !exchange.wasOverrun:
                return (exchange.datagrams, sequence)
            // EBUSY: the kernel is still at an earlier dump of this socket, which the next send drains.
            case .complete(let answer) where answer.errno == Self.busy || answer.errno == Self.interruptedCall:
                hasLeftovers = true
                last = NetlinkError(request.operation, .refused(answer), sequence: sequence)
            case .complete(let answer) where answer.errno != 0:
                throw NetlinkError(request.operation, .refused(answer), sequence: sequence)
            case .complete:
                last = NetlinkError(request.operation, .interrupted(attempts: dumpAttempts), sequence: sequence)
            case .failed(.answerLost):
                last = NetlinkError(request.operation, .answerLost, sequence: sequence)
            case .failed(let cause):
                throw NetlinkError(request.operation, cause, sequence: sequence)
            }
        }
        throw last ?? NetlinkError(request.operation, .interrupted(attempts: dumpAttempts))
    }

    static let busy: Int32 = 16
    static let interruptedCall: Int32 = 4
}
