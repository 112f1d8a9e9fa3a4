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
        var answers = BatchAnswers(firstSequence: firstSequence, count: requests.count, keepsReplies: true)
        let unanswered: NetlinkError.Cause
        do throws(NetlinkChannelError) {
            try send(datagram, messages: requests.count)
            unanswered = collect(&answers)
        } catch {
            unanswered = error.cause(within: timeout)
        }
        for (offset, request) in requests.enumerated() {
            let sequence = firstSequence + UInt32(offset)
            switch answers[sequence] {
            case .some(let answer) where answer.errno == 0: results.append(.success(answers.replies?[offset] ?? []))
            case .some(let answer): results.append(.failure(NetlinkError(request.operation, .refused(answer), sequence: sequence)))
            case nil: results.append(.failure(NetlinkError(request.operation, unanswered, sequence: sequence)))
            }
        }
    }
}
