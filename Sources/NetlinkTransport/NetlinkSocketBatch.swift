package import NetlinkCodec

/// A request of several that failed: its place among them, and why.
package struct NetlinkFailure: Error, Hashable, Sendable {
    package var index: Int
    package var error: NetlinkError

    package init(index: Int, error: NetlinkError) {
        self.index = index
        self.error = error
    }
}

extension NetlinkSocket {
    /// Limits of one datagram of requests: it takes no more once it has so many messages, or so many bytes.
    ///
    /// Refusals are queued before the call that sends returns: as many as there are messages must fit into the receive buffer, and do so
    /// at less than 1 KiB each into the smallest default (212,992 bytes). More in one send was hardly faster: 128 messages took a third
    /// longer than 200, and 400 as long as 200.
    package static let messagesPerDatagram = 200
    static let bytesPerDatagram = 32 << 10

    /// Runs requests that are answered by an acknowledgement alone, many per send, and returns those that failed.
    ///
    /// The kernel runs them in order. A request that fails stops nothing: those after it are run all the same, also when a whole datagram
    /// could not be sent.
    ///
    /// `operation` is what a request does; it is asked for those that failed. `write` appends one message, from `beginMessage` on; what it leaves
    /// out, or makes too long, fails as such.
    package mutating func execute(
        _ count: Int, named operation: (Int) -> String, writing write: (Int, inout NetlinkEncoder) -> Void
    ) -> [NetlinkFailure] {
        var failures: [NetlinkFailure] = []
        var datagram = NetlinkEncoder()
        var next = 0
        while next < count {
            let batch = fill(&datagram, from: next, to: count, write: write)
            for (sequence, cause) in run(datagram, batch) {
                let index = next + Int(sequence - batch.firstSequence)
                failures.append(NetlinkFailure(index: index, error: NetlinkError(operation(index), cause, sequence: sequence)))
            }
            next += batch.count
        }
        return failures
    }

    /// The same, for requests that are at hand whole: nil for success.
    package mutating func execute(_ requests: [NetlinkRequest]) -> [NetlinkError?] {
        var results: [NetlinkError?] = Array(repeating: nil, count: requests.count)
        for failure in execute(requests.count, named: { requests[$0].operation }, writing: { requests[$0].write(to: &$1) }) {
            results[failure.index] = failure.error
        }
        return results
    }

    /// Runs one request that is answered by an acknowledgement alone.
    package mutating func execute(_ request: NetlinkRequest) throws(NetlinkError) {
        if let error = execute([request])[0] { throw error }
    }

    /// Writes as many of the requests as one datagram takes. The last one asks for an acknowledgement.
    private mutating func fill(
        _ datagram: inout NetlinkEncoder, from first: Int, to end: Int, write: (Int, inout NetlinkEncoder) -> Void
    ) -> RequestBatch {
        datagram.removeAll()
        let most = min(end - first, Self.messagesPerDatagram)
        var batch = RequestBatch(firstSequence: nextSequences(most))
        var lastStart = 0
        while batch.count < most, datagram.bytes.count < Self.bytesPerDatagram {
            let start = datagram.bytes.count
            write(first + batch.count, &datagram)
            if datagram.endMessage(at: start, sequence: batch.nextSequence, port: channel.port) {
                lastStart = start
                batch.appendSent()
            } else {
                batch.appendUnsendable()
            }
        }
        if batch.acknowledged != nil { datagram.add(.acknowledge, toMessageAt: lastStart) }
        return batch
    }

    /// Sends a datagram and reads the answers to it. Returns the requests that did not succeed, in order.
    private mutating func run(_ datagram: NetlinkEncoder, _ batch: RequestBatch) -> [(sequence: UInt32, cause: NetlinkError.Cause)] {
        var answers = BatchRefusals(to: batch)
        guard batch.acknowledged != nil else { return batch.failures(answers, unanswered: nil) }
        let unanswered: NetlinkError.Cause?
        do throws(NetlinkChannelError) {
            try send(datagram, messages: batch.count - batch.unsendable.count)
            unanswered = collect(&answers)
        } catch {
            unanswered = error.cause(within: timeout)
        }
        return batch.failures(answers, unanswered: unanswered)
    }

    /// Reads until a datagram of requests has its answers. Returns why those that have none have none; nil where all is known.
    mutating func collect(_ answers: inout some DatagramAnswers) -> NetlinkError.Cause? {
        var lost: NetlinkError.Cause?
        var patience = Patience(timeout)
        // Once an answer was dropped nothing says how many were, nor whose; but all that were not are here already. They are read to the
        // end: until the queue is empty the kernel drops whatever else comes, and tells no more of it (`netlink_overrun`).
        while lost != nil || !answers.areComplete {
            do throws(NetlinkChannelError) {
                guard !patience.isOver, let datagram = try channel.receive(timeout: lost == nil ? patience.left : .zero) else {
                    hasLeftovers = true
                    return lost ?? .timedOut(seconds: timeout / .seconds(1))
                }
                patience.received(anythingWaitedFor: datagram.sender == 0 && answers.take(datagram))
            } catch {
                switch error {
                case .lost, .truncated:
                    lost = lost ?? error.cause(within: timeout)
                    patience.received(anythingWaitedFor: false)
                case .timedOut, .system:
                    hasLeftovers = true
                    return error.cause(within: timeout)
                }
            }
            if let malformed = answers.malformed { lost = lost ?? .malformed(malformed) }
        }
        return nil
    }
}

/// What the kernel answers to the requests of one datagram. No I/O here: datagrams are put in, and the outcome is read.
protocol DatagramAnswers {
    /// Nothing more is waited for.
    var areComplete: Bool { get }
    var malformed: NetlinkDecodingError? { get }

    /// Takes the answers out of a datagram; true where there was one that was waited for. Others are late answers to requests that were given
    /// up, or announcements.
    mutating func take(_ datagram: NetlinkDatagram) -> Bool
}
