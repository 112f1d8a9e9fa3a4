package import NetlinkCodec

extension NetlinkSocket {
    /// Runs a request that reads one object, and returns what the kernel replied.
    ///
    /// An acknowledgement is asked for too: it ends the exchange, also of requests that turn out to have no reply.
    package mutating func request(_ request: NetlinkRequest) throws(NetlinkError) -> [NetlinkReply] {
        var exchange = ReplyCollector(expecting: .acknowledgement)
        let sequence = try run(request, extraFlags: .acknowledge, collecting: &exchange)
        switch exchange.outcome {
        case .complete(let answer) where answer.errno == 0: break
        case .complete(let answer): throw NetlinkError(request.operation, .refused(answer), sequence: sequence)
        case .failed(let cause): throw NetlinkError(request.operation, cause, sequence: sequence)
        }
        var replies: [NetlinkReply] = []
        for datagram in exchange.datagrams {
            do throws(NetlinkDecodingError) {
                try datagram.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                    guard header.sequence == sequence, header.type >= NetlinkControl.firstFamilyType else { return }
                    replies.append(NetlinkReply(header: header, payload: payload.copied()))
                }
            } catch {
                throw NetlinkError(request.operation, .malformed(error), sequence: sequence)
            }
        }
        return replies
    }

    /// Sends one request and collects its answer to the last message. Returns its sequence number.
    mutating func run(
        _ request: NetlinkRequest, extraFlags: NetlinkFlags, collecting exchange: inout ReplyCollector
    ) throws(NetlinkError) -> UInt32 {
        guard let length = request.messageLength, length <= 1 << 16 else { throw NetlinkError(request.operation, .requestTooLong) }
        let sequence = nextSequences(1)
        exchange.sequence = sequence
        var encoded = NetlinkEncoder(reservingCapacity: length)
        request.write(to: &encoded, sequence: sequence, port: channel.port, extraFlags: extraFlags)
        do throws(NetlinkChannelError) {
            try send(encoded, messages: 1)
        } catch {
            throw NetlinkError(request.operation, error.cause(within: timeout), sequence: sequence)
        }

        // Each wait has its limit, and so have all waits together: a kernel that never ends its dump does not hold us for ever.
        let overall = ContinuousClock.now + timeout * 24
        var deadline = ContinuousClock.now + timeout
        while !exchange.isOver {
            let now = ContinuousClock.now
            do throws(NetlinkChannelError) {
                guard now < deadline, now < overall, let datagram = try channel.receive(timeout: now.duration(to: deadline)) else {
                    exchange.fail(.timedOut(seconds: timeout / .seconds(1)))
                    break
                }
                guard datagram.sender == 0 else { continue }
                if exchange.take(datagram) { deadline = ContinuousClock.now + timeout }
            } catch {
                exchange.fail(error.cause(within: timeout))
            }
        }
        if case .failed = exchange.outcome { hasLeftovers = true }
        return sequence
    }
}

/// Collects the answer to one request until its last message. No I/O here: datagrams are put in, and the outcome is read.
struct ReplyCollector {
    /// What the last message of the answer is.
    enum Ending {
        /// `NLMSG_DONE`, or an error instead of a dump.
        case dump
        /// `NLMSG_ERROR` with 0 or an error.
        case acknowledgement
    }

    enum Outcome {
        case complete(NetlinkAcknowledgement)
        case failed(NetlinkError.Cause)
    }

    var sequence: UInt32 = 0
    private let ending: Ending
    private var end: Outcome?
    private(set) var datagrams: [[UInt8]] = []
    private(set) var wasInterrupted = false
    private(set) var wasOverrun = false

    init(expecting ending: Ending) { self.ending = ending }

    var isOver: Bool { end != nil }

    var outcome: Outcome { end ?? .failed(.answerLost) }

    mutating func fail(_ cause: NetlinkError.Cause) {
        if end == nil { end = .failed(cause) }
    }

    /// Takes a datagram; true where any of it was waited for.
    mutating func take(_ datagram: NetlinkDatagram) -> Bool {
        var next = self
        var isOurs = false
        do throws(NetlinkDecodingError) {
            try datagram.bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                guard header.sequence == sequence else { return }
                isOurs = true
                if header.flags.contains(.dumpInterrupted) { next.wasInterrupted = true }
                switch header.type {
                case NetlinkControl.error:
                    next.end = .complete(try NetlinkAcknowledgement(error: payload, flags: header.flags))
                case NetlinkControl.done where ending == .dump:
                    next.end = .complete(try NetlinkAcknowledgement(done: payload, flags: header.flags))
                case NetlinkControl.overrun: next.wasOverrun = true
                default: break
                }
            }
            if isOurs { next.datagrams.append(datagram.bytes) }
            self = next
        } catch {
            fail(.malformed(error))
        }
        return isOurs
    }
}
