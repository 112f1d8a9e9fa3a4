package import NetlinkCodec

extension NetlinkSocket {
    /// Runs requests that read one object each, several per send, and returns of each what the kernel replied, or why it did not.
    package mutating func requestEach(_ requests: [NetlinkRequest]) -> [Result<[NetlinkReply], NetlinkError>] {
        var results: [Result<[NetlinkReply], NetlinkError>] = []
        results.reserveCapacity(requests.count)
        while results.count < requests.count {
            let rest = requests[results.count...]
            let chunk = rest.prefix(Self.readsPerDatagram).prefix { $0.messageLength != nil }
            if chunk.isEmpty, let first = rest.first {
                results.append(.failure(NetlinkError(first.operation, .requestTooLong)))
            } else {
                requestChunk(chunk, into: &results)
            }
        }
        return results
    }

    private mutating func requestChunk(_ requests: ArraySlice<NetlinkRequest>, into results: inout [Result<[NetlinkReply], NetlinkError>]) {
        let firstSequence = nextSequences(requests.count)
        var datagram = NetlinkEncoder(reservingCapacity: requests.reduce(0) { $0 + ($1.messageLength ?? 0) })
        for (offset, request) in requests.enumerated() {
            request.write(to: &datagram, sequence: firstSequence + UInt32(offset), port: channel.port, extraFlags: .acknowledge)
        }
        var answers = BatchAnswers(firstSequence: firstSequence, count: requests.count)
        let unanswered: NetlinkError.Cause
        do throws(NetlinkChannelError) {
            try send(datagram, messages: requests.count)
            unanswered = collect(&answers) ?? .answerLost
        } catch {
            unanswered = error.cause(within: timeout)
        }
        for (offset, request) in requests.enumerated() {
            let sequence = firstSequence + UInt32(offset)
            switch answers[sequence] {
            case .some(let answer) where answer.errno == 0: results.append(.success(answers.replies[offset]))
            case .some(let answer): results.append(.failure(NetlinkError(request.operation, .refused(answer), sequence: sequence)))
            case nil: results.append(.failure(NetlinkError(request.operation, unanswered, sequence: sequence)))
            }
        }
    }
}

/// The answers to the requests of one datagram, whose sequence numbers are consecutive.
struct BatchAnswers: DatagramAnswers {
    private let firstSequence: UInt32
    private var answers: [NetlinkAcknowledgement?]
    private(set) var missing: Int
    var areComplete: Bool { missing == 0 }
    private(set) var malformed: NetlinkDecodingError?
    /// What came before the acknowledgements, by the place of the request.
    private(set) var replies: [[NetlinkReply]]

    init(firstSequence: UInt32, count: Int) {
        self.firstSequence = firstSequence
        answers = Array(repeating: nil, count: count)
        missing = count
        replies = Array(repeating: [], count: count)
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
                if header.type >= NetlinkControl.firstFamilyType {
                    taken.replies[index].append(NetlinkReply(header: header, payload: payload.copied()))
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
