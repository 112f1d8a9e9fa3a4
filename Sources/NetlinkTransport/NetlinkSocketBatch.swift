package import NetlinkCodec

extension NetlinkSocket {
    /// Limits of one datagram of requests.
    ///
    /// Each request asks for its own acknowledgement, and the kernel queues them all before the call that sends returns: so many must
    /// fit into the receive buffer, which the smallest default (212,992 bytes) does at less than 1 KiB each. The kernel copies the datagram
    /// into one piece of memory, which is cheap up to 32 KiB.
    static let messagesPerDatagram = 128
    static let bytesPerDatagram = 32 << 10

    /// Requests with replies in one datagram: a reply takes a page or two of the receive buffer, whatever its length.
    static let readsPerDatagram = 16

    /// Runs requests that are answered by an acknowledgement alone, many per send, and tells of each how it went: nil for success.
    ///
    /// The kernel runs them in order. A request that fails stops nothing: those after it are run all the same, also when a whole datagram
    /// could not be sent.
    package mutating func execute(_ requests: [NetlinkRequest]) -> [NetlinkError?] {
        var results: [NetlinkError?] = []
        results.reserveCapacity(requests.count)
        while results.count < requests.count {
            executeChunk(of: requests, into: &results)
        }
        return results
    }

    /// Runs one request that is answered by an acknowledgement alone.
    package mutating func execute(_ request: NetlinkRequest) throws(NetlinkError) {
        if let error = execute([request])[0] { throw error }
    }

    /// Sends as many of the requests without a result as fit into a datagram, and appends their results.
    private mutating func executeChunk(of requests: [NetlinkRequest], into results: inout [NetlinkError?]) {
        let start = results.count
        guard let firstLength = requests[start].messageLength, firstLength <= 1 << 16 else {
            results.append(NetlinkError(requests[start].operation, .requestTooLong))
            return
        }
        var end = start
        var length = 0
        while end < requests.count, end - start < Self.messagesPerDatagram, let more = requests[end].messageLength {
            guard end == start || length + more <= Self.bytesPerDatagram else { break }
            length += more
            end += 1
        }

        let firstSequence = nextSequences(end - start)
        var datagram = NetlinkEncoder(reservingCapacity: length)
        for index in start..<end {
            requests[index].write(
                to: &datagram, sequence: firstSequence + UInt32(index - start), port: channel.port, extraFlags: .acknowledge)
        }
        var answers = BatchAnswers(firstSequence: firstSequence, count: end - start)
        let unanswered: NetlinkError.Cause
        do throws(NetlinkChannelError) {
            try send(datagram, messages: end - start)
            unanswered = collect(&answers)
        } catch {
            unanswered = error.cause(within: timeout)
        }
        for index in start..<end {
            let sequence = firstSequence + UInt32(index - start)
            switch answers[sequence] {
            case .some(let answer) where answer.errno == 0: results.append(nil)
            case .some(let answer): results.append(NetlinkError(requests[index].operation, .refused(answer), sequence: sequence))
            case nil: results.append(NetlinkError(requests[index].operation, unanswered, sequence: sequence))
            }
        }
    }

    /// Reads until every request has its answer, and returns why those that have none have none.
    mutating func collect(_ answers: inout BatchAnswers) -> NetlinkError.Cause {
        var lost: NetlinkError.Cause?
        var patience = Patience(timeout)
        while answers.missing > 0 {
            do throws(NetlinkChannelError) {
                // Once one was dropped nothing says how many were; but all that were not are here already.
                guard !patience.isOver, let datagram = try channel.receive(timeout: lost == nil ? patience.left : .zero) else {
                    hasLeftovers = true
                    return lost ?? .timedOut(seconds: timeout / .seconds(1))
                }
                patience.received(anythingWaitedFor: datagram.sender == 0 && answers.take(datagram))
            } catch {
                switch error {
                case .lost, .truncated: lost = error.cause(within: timeout)
                case .timedOut, .system:
                    hasLeftovers = true
                    return error.cause(within: timeout)
                }
            }
            if let malformed = answers.malformed { lost = .malformed(malformed) }
        }
        return lost ?? .answerLost
    }
}

/// The answers to the requests of one datagram, whose sequence numbers are consecutive.
struct BatchAnswers {
    private let firstSequence: UInt32
    private var answers: [NetlinkAcknowledgement?]
    private(set) var missing: Int
    private(set) var malformed: NetlinkDecodingError?
    /// What came before the acknowledgements, by the place of the request; nil where nothing is expected.
    private(set) var replies: [[NetlinkReply]]?

    init(firstSequence: UInt32, count: Int, keepsReplies: Bool = false) {
        self.firstSequence = firstSequence
        answers = Array(repeating: nil, count: count)
        missing = count
        if keepsReplies { replies = Array(repeating: [], count: count) }
    }

    subscript(sequence: UInt32) -> NetlinkAcknowledgement? {
        answers[Int(sequence - firstSequence)]
    }

    /// Takes the acknowledgements out of a datagram; true where there was one that was waited for. Others are late answers to
    /// requests that were given up, or announcements.
    mutating func take(_ datagram: NetlinkDatagram) -> Bool {
        let before = missing
        var (taken, hasReplies) = (self, false)
        do throws(NetlinkDecodingError) {
            try datagram.bytes.span.forEachMessage { header, payload throws(NetlinkDecodingError) in
                guard header.sequence >= firstSequence else { return }
                let index = Int(header.sequence - firstSequence)
                guard index < taken.answers.count, taken.answers[index] == nil else { return }
                if taken.replies != nil, header.type >= NetlinkControl.firstFamilyType {
                    taken.replies?[index].append(NetlinkReply(header: header, payload: payload.copied()))
                    hasReplies = true
                }
                guard header.type == NetlinkControl.error else { return }
                taken.answers[index] = try NetlinkAcknowledgement(error: payload, flags: header.flags)
                taken.missing -= 1
            }
        } catch {
            taken.malformed = error
        }
        self = taken
        return missing < before || hasReplies
    }
}
