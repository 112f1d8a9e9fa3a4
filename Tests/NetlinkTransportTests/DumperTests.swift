import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import Testing

@Suite struct DumperTests {
    /// What each call of `next` delivers, to the end or to something else than more.
    private func read(_ channel: FakeNetlinkChannel) throws -> (pieces: [[UInt8]], last: NetlinkDumper.Progress) {
        var dumper = NetlinkDumper(NetlinkSocket(channel))
        try dumper.begin(DumpTests.request)
        var pieces: [[UInt8]] = []
        var progress = NetlinkDumper.Progress.unfinished
        while progress == .unfinished {
            var piece: [UInt8] = []
            progress = try dumper.next { _, payload throws(NetlinkDecodingError) in piece.append(payload[0]) }
            pieces.append(piece)
        }
        return (pieces, progress)
    }

    @Test func eachDatagramIsAPiece() throws {
        let channel = DumpTests.kernel([DumpTests.whole])
        let (pieces, last) = try read(channel)
        #expect(pieces == [[1, 2], [3], []] && last == .finished)
        #expect(channel.sent[0][0].header.flags == [.request, .dump])
    }

    @Test func nothingIsReadBeyondTheEndAndAnotherCanFollow() throws {
        let channel = DumpTests.kernel([DumpTests.whole, { [.messages([DumpTests.item($0, 9), KernelMessage.done($0)])] }])
        var dumper = NetlinkDumper(NetlinkSocket(channel))
        #expect(try dumper.next { _, _ in } == .finished, "nothing was asked for")
        for expected in [3, 1] {
            try dumper.begin(DumpTests.request)
            var count = 0
            while try dumper.next({ _, _ in count += 1 }) == .unfinished {}
            #expect(count == expected)
            #expect(try dumper.next { _, _ in count += 1 } == .finished)
            #expect(count == expected)
        }
    }

    @Test("What is left of a dump is read before the next, and not taken for it")
    func leftovers() throws {
        let channel = DumpTests.kernel([DumpTests.whole, DumpTests.whole])
        var dumper = NetlinkDumper(NetlinkSocket(channel))
        try dumper.begin(DumpTests.request)
        _ = try dumper.next { _, _ in }
        try dumper.begin(DumpTests.request)
        var count = 0
        while try dumper.next({ _, _ in count += 1 }) == .unfinished {}
        #expect(count == 3)
    }

    @Test("A change, a loss and a busy socket interrupt, and of that datagram nothing is delivered")
    func interrupted() throws {
        let answers: [@Sendable (UInt32) -> [FakeNetlinkChannel.Arrival]] = [
            { [.messages([DumpTests.item($0, 8)]), .messages([DumpTests.item($0, 9, flags: .dumpInterrupted)])] },
            { [.messages([DumpTests.item($0, 8)]), .messages([KernelMessage.done($0, flags: .dumpInterrupted)])] },
            { [.messages([DumpTests.item($0, 8)]), .error(.lost)] },
            { [.messages([DumpTests.item($0, 8)]), .messages([KernelMessage.done($0, errno: 4)])] },
        ]
        for answer in answers {
            let (pieces, last) = try read(DumpTests.kernel([answer]))
            #expect(pieces == [[8], []] && last == .interrupted)
        }
    }

    @Test func refusalsTimeOutsAndMalformedAnswersAreErrors() {
        let answers: [(@Sendable (UInt32) -> [FakeNetlinkChannel.Arrival], NetlinkError.Cause?)] = [
            ({ [.messages([KernelMessage.done($0, errno: 12)])] }, .refused(NetlinkAcknowledgement(errno: 12))),
            ({ _ in [] }, .timedOut(seconds: 5)),
            ({ [.messages([DumpTests.item($0 &- 1, 8)])] }, .timedOut(seconds: 5)),
            ({ [.messages([DumpTests.item($0, 1), [3, 0, 0, 0]])] }, nil),
        ]
        for (answer, cause) in answers {
            do {
                Issue.record("read \(try read(DumpTests.kernel([answer])))")
            } catch let error as NetlinkError {
                #expect(error.operation == "list things")
                if let cause { #expect(error.cause == cause) }
            } catch {
                Issue.record("\(error)")
            }
        }
    }
}

@Suite struct ReadsTests {
    private static func request(_ number: UInt8) -> NetlinkRequest {
        NetlinkRequest("read \(number)", type: 20) { $0.append(contentsOf: [number, 0, 0, 0]) }
    }

    /// Replies to each message with its payload, unless that says to refuse; replies and acknowledgements in datagrams of their own.
    private static var echo: FakeNetlinkChannel {
        FakeNetlinkChannel { messages in
            messages.flatMap { message -> [FakeNetlinkChannel.Arrival] in
                let sequence = message.header.sequence
                if message.payload[0] % 10 == 3 { return [.messages([KernelMessage.acknowledgement(of: message, errno: 3)])] }
                return [
                    .messages([KernelMessage.raw(type: 20, sequence: sequence, payload: message.payload)]),
                    .messages([KernelMessage.acknowledgement(of: message)]),
                ]
            }
        }
    }

    @Test func eachRequestHasItsOwnReplyOrRefusal() {
        let channel = Self.echo
        var socket = NetlinkSocket(channel)
        let results = socket.requestEach((0..<40).map { Self.request($0) })
        #expect(results.count == 40)
        for (number, result) in results.enumerated() {
            switch result {
            case .success(let replies): #expect(replies.map { $0.payload[0] } == [UInt8(number)] && number % 10 != 3)
            case .failure(let error): #expect(error.errno == 3 && number % 10 == 3)
            }
        }
        #expect(channel.sent.count == 3, "sixteen to a send")
    }

    @Test func oneThatIsTooLongIsNotSentAndStopsNoOther() {
        let long = NetlinkRequest("long", type: 20) { $0.attribute(1, bytes: Array(repeating: 0, count: 70000)) }
        var socket = NetlinkSocket(Self.echo)
        let results = socket.requestEach([Self.request(1), long, long, Self.request(2)])
        let causes = results.map { if case .failure(let error) = $0 { error.cause } else { nil } as NetlinkError.Cause? }
        #expect(causes == [nil, .requestTooLong, .requestTooLong, nil])
    }

    @Test func silenceIsATimeOutOfThoseThatHadNoAnswer() {
        let channel = FakeNetlinkChannel { [.messages([KernelMessage.acknowledgement(of: $0[0])])] }
        var socket = NetlinkSocket(channel)
        let results = socket.requestEach([Self.request(1), Self.request(2)])
        let causes = results.map { if case .failure(let error) = $0 { error.cause } else { nil } as NetlinkError.Cause? }
        #expect(causes == [nil, .timedOut(seconds: 5)])
    }
}
