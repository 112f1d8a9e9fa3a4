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
        let sequence = try start(request, extraFlags: extraFlags)
        exchange.sequence = sequence

        // Each wait has its limit, and so has the number of datagrams: a kernel that never ends its dump does not hold us for ever.
        var patience = Patience(timeout)
        var datagramsLeft = Self.longestDump
        while !exchange.isOver {
            do throws(NetlinkChannelError) {
                guard datagramsLeft > 0, !patience.isOver, let datagram = try channel.receive(timeout: patience.left) else {
                    exchange.fail(.timedOut(seconds: timeout / .seconds(1)))
                    break
                }
                datagramsLeft -= 1
                patience.received(anythingWaitedFor: datagram.sender == 0 && exchange.take(datagram))
            } catch {
                exchange.fail(error.cause(within: timeout))
            }
        }
        if case .failed = exchange.outcome { hasLeftovers = true }
        return sequence
    }

    /// Sends one request, and returns its sequence number.
    mutating func start(_ request: NetlinkRequest, extraFlags: NetlinkFlags) throws(NetlinkError) -> UInt32 {
        guard let length = request.messageLength, length <= 1 << 16 else { throw NetlinkError(request.operation, .requestTooLong) }
        let sequence = nextSequences(1)
        var encoded = NetlinkEncoder(reservingCapacity: length)
        request.write(to: &encoded, sequence: sequence, port: channel.port, extraFlags: extraFlags)
        do throws(NetlinkChannelError) {
            try send(encoded, messages: 1)
        } catch {
            throw NetlinkError(request.operation, error.cause(within: timeout), sequence: sequence)
        }
        return sequence
    }

    /// Datagrams of one dump: at some 4 to 32 KiB each, more than any table that fits into a node's memory.
    private static var longestDump: Int { 1 << 20 }
}

/// How long to wait for the next datagram: a time that runs only while nothing comes that is waited for.
///
/// The clock is asked only then, which is almost never. (It costs a system call where there is no vDSO, and a batch has many answers.)
struct Patience {
    private let timeout: Duration
    private var deadline: ContinuousClock.Instant?

    init(_ timeout: Duration) { self.timeout = timeout }

    /// What is left of the time; zero or less when it is over.
    var left: Duration {
        guard let deadline else { return timeout }
        return ContinuousClock.now.duration(to: deadline)
    }

    /// The time is over, though there may be more to read that is not waited for.
    var isOver: Bool { deadline != nil && left <= .zero }

    mutating func received(anythingWaitedFor: Bool) {
        if anythingWaitedFor {
            deadline = nil
        } else if deadline == nil {
            deadline = ContinuousClock.now + timeout
        }
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
