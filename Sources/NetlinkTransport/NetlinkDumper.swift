package import NetlinkCodec

/// A socket for dumps that are read piece by piece, with other work in between.
///
/// The kernel makes the next datagram of a dump when one is received; between two receives it holds a position, and keeps nobody waiting who
/// asks on another socket. So a dump can be given up at any time by letting go of the dumper.
package struct NetlinkDumper: ~Copyable {
    private var socket: NetlinkSocket
    private var operation = ""
    /// That of the dump under way; nil where there is none.
    private var sequence: UInt32?

    /// A dumper on a socket of its own.
    package init(_ socket: consuming NetlinkSocket) { self.socket = socket }

    package enum Progress: Hashable, Sendable {
        /// There is more to read.
        case unfinished
        /// The table has been read to its end.
        case finished
        /// The table changed meanwhile (`NLM_F_DUMP_INTR`), or a part was lost: what was read is not one state of it. Begin again, on a new
        /// dumper.
        case interrupted
    }

    /// Asks for a dump. One that is under way is read to its end first, which takes its time.
    package mutating func begin(_ request: NetlinkRequest) throws(NetlinkError) {
        if sequence != nil { socket.hasLeftovers = true }
        operation = request.operation
        sequence = nil
        sequence = try socket.start(request, extraFlags: .dump)
    }

    /// Reads one datagram, and calls `each` with every message in it.
    package mutating func next(
        _ each: (NetlinkHeader, Span<UInt8>) throws(NetlinkDecodingError) -> Void
    ) throws(NetlinkError) -> Progress {
        guard let sequence else { return .finished }
        var piece = ReplyCollector(expecting: .dump)
        piece.sequence = sequence
        guard try receive(&piece, sequence) else { return .interrupted }
        if piece.wasInterrupted || piece.wasOverrun { return .interrupted }
        var progress = Progress.unfinished
        if piece.isOver {
            switch piece.outcome {
            case .complete(let answer) where answer.errno == 0: progress = .finished
            case .complete(let answer) where answer.errno == NetlinkSocket.busy || answer.errno == NetlinkSocket.interruptedCall:
                return .interrupted
            case .complete(let answer): throw fail(.refused(answer))
            case .failed(let cause): throw fail(cause)
            }
        }
        for datagram in piece.datagrams {
            do throws(NetlinkDecodingError) {
                try datagram.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                    guard header.sequence == sequence, header.type >= NetlinkControl.firstFamilyType else { return }
                    try each(header, payload)
                }
            } catch {
                throw fail(.malformed(error))
            }
        }
        if progress == .finished { self.sequence = nil }
        return progress
    }

    /// Receives until something of the dump has come; false where it was dropped.
    private mutating func receive(_ piece: inout ReplyCollector, _ sequence: UInt32) throws(NetlinkError) -> Bool {
        var patience = Patience(socket.timeout)
        while true {
            do throws(NetlinkChannelError) {
                guard !patience.isOver, let datagram = try socket.channel.receive(timeout: patience.left) else {
                    throw NetlinkChannelError.timedOut
                }
                let isOurs = datagram.sender == 0 && piece.take(datagram)
                if isOurs || piece.isOver { return true }
                patience.received(anythingWaitedFor: false)
            } catch {
                if error == .lost { return false }
                throw fail(error.cause(within: socket.timeout))
            }
        }
    }

    private func fail(_ cause: NetlinkError.Cause) -> NetlinkError { NetlinkError(operation, cause, sequence: sequence) }
}
