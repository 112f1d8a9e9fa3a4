import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import Testing

@Suite struct BatchTests {
    static func requests(_ count: Int, size: Int = 40) -> [NetlinkRequest] {
        (0..<count).map { index in
            NetlinkRequest("request \(index)", type: 20) { $0.append(contentsOf: Array(repeating: UInt8(index & 0xff), count: size)) }
        }
    }

    /// Answers what it refuses, and what asks for it; the errors are by the number that a request has among all.
    static func kernel(failing errors: [Int: Int32] = [:], text: String? = nil) -> FakeNetlinkChannel {
        var seen = 0
        return FakeNetlinkChannel { messages in
            messages.compactMap { message in
                defer { seen += 1 }
                let errno = errors[seen] ?? 0
                guard errno != 0 || message.header.flags.contains(.acknowledge) else { return nil }
                return .messages([KernelMessage.acknowledgement(of: message, errno: errno, text: errno == 0 ? nil : text)])
            }
        }
    }

    @Test("Many requests take few sends")
    func chunks() {
        let channel = Self.kernel()
        var socket = NetlinkSocket(channel)
        let results = socket.execute(Self.requests(1000))
        #expect(results.allSatisfy { $0 == nil })
        #expect(results.count == 1000)
        #expect(socket.statistics == NetlinkSocketStatistics(sends: 5, messages: 1000))
        #expect(channel.sent.allSatisfy { $0.dropLast().allSatisfy { $0.header.flags == .request } })
        #expect(channel.sent.allSatisfy { $0.last?.header.flags == [.request, .acknowledge] })
        #expect(channel.sent.allSatisfy { $0.reduce(0) { $0 + Int($1.header.length) } <= 32 << 10 })
    }

    @Test("Long requests make shorter batches")
    func longRequests() {
        let channel = Self.kernel()
        var socket = NetlinkSocket(channel)
        #expect(socket.execute(Self.requests(10, size: 10_000)).allSatisfy { $0 == nil })
        #expect(channel.sent.map(\.count) == [4, 4, 2])
    }

    @Test func nothingIsSentForNothing() {
        var socket = NetlinkSocket(Self.kernel())
        #expect(socket.execute([]).isEmpty)
        #expect(socket.statistics.sends == 0)
    }

    @Test("Each failure is attributed to its request and stops no other")
    func attribution() {
        var socket = NetlinkSocket(Self.kernel(failing: [0: 17, 200: 3, 999: 34], text: "because"))
        let results = socket.execute(Self.requests(1000))
        let failed = results.indices.filter { results[$0] != nil }
        #expect(failed == [0, 200, 999])
        #expect(results[200]?.operation == "request 200")
        #expect(results[200]?.cause == .refused(NetlinkAcknowledgement(errno: 3, message: "because")))
        #expect(results[999]?.errno == 34)
        #expect(results[999]?.kernelMessage == "because")
    }

    @Test("Answers in one datagram, in another order, and twice, count once each")
    func disorder() {
        let channel = FakeNetlinkChannel { messages in
            let answers = messages.reversed().map {
                KernelMessage.acknowledgement(of: $0, errno: $0.payload[0] == 2 ? 2 : 0)
            }
            return [.messages(answers), .messages(answers)]
        }
        var socket = NetlinkSocket(channel)
        #expect(socket.execute(Self.requests(5)).map { $0?.errno } == [nil, nil, 2, nil, nil])
        #expect(socket.execute(Self.requests(1)) == [nil])
    }

    @Test("An answer that comes twice is not another's")
    func doubled() {
        let channel = FakeNetlinkChannel { messages in
            let answers = messages.map { KernelMessage.acknowledgement(of: $0) }
            return [.messages([answers[0], answers[0]]), .messages([answers[1]])]
        }
        var socket = NetlinkSocket(channel)
        #expect(socket.execute(Self.requests(2)) == [nil, nil])
    }

    @Test("Once an answer was dropped, only what was refused and what was acknowledged is known")
    func lostAnswers() {
        let channel = FakeNetlinkChannel { messages in
            [
                .messages([KernelMessage.acknowledgement(of: messages[1], errno: 17)]), .error(.lost),
                .messages([KernelMessage.acknowledgement(of: messages[5])]),
                .messages([KernelMessage.acknowledgement(of: messages[3], errno: 2)]),
            ]
        }
        var socket = NetlinkSocket(channel)
        let results = socket.execute(Self.requests(6))
        #expect(results.map { $0?.errno } == [nil, 17, nil, 2, nil, nil])
        #expect(results.map { $0?.cause == .answerLost } == [true, false, true, false, true, false])
        #expect(results[5] == nil)
        // What was not dropped is here already: nothing is waited for, and all of it is read.
        #expect(channel.waits.suffix(3) == [.zero, .zero, .zero])
        #expect(channel.waiting.isEmpty)
    }

    @Test("A silent kernel is a time-out of the requests it did not answer")
    func silence() {
        let channel = FakeNetlinkChannel { [.messages([KernelMessage.acknowledgement(of: $0[0], errno: 1)])] }
        var socket = NetlinkSocket(channel)
        let results = socket.execute(Self.requests(3))
        #expect(results[0]?.errno == 1)
        #expect(results.dropFirst().map { $0?.cause } == [.timedOut(seconds: 5), .timedOut(seconds: 5)])
    }

    @Test("A late answer to an exchange that was given up is not taken for another's")
    func lateAnswers() {
        var held: [NetlinkReply] = []
        let channel = FakeNetlinkChannel { messages in
            held = messages
            return []
        }
        var socket = NetlinkSocket(channel)
        #expect(socket.execute(Self.requests(1))[0]?.cause == .timedOut(seconds: 5))
        let late = held
        channel.push(.messages([KernelMessage.acknowledgement(of: late[0], errno: 1)]))
        channel.peer = {
            [.messages([KernelMessage.acknowledgement(of: late[0], errno: 1)]), .messages([KernelMessage.acknowledgement(of: $0[0])])]
        }
        #expect(socket.execute(Self.requests(1)) == [nil])
    }

    @Test("What is left of an exchange that was given up is read before the next is sent, so that it takes no room from its answers")
    func leftovers() {
        let channel = FakeNetlinkChannel()
        var socket = NetlinkSocket(channel)
        #expect(socket.execute(Self.requests(1))[0]?.cause == .timedOut(seconds: 5))
        channel.push(.messages([KernelMessage.done(1)]), .error(.lost), .error(.truncated), .messages([KernelMessage.done(2)]))
        var leftovers: Int?
        channel.peer = { [unowned channel] in
            leftovers = channel.waiting.count
            return [.messages([KernelMessage.acknowledgement(of: $0[0])])]
        }
        #expect(socket.execute(Self.requests(1)) == [nil])
        #expect(leftovers == 0)
    }

    @Test("Messages from other processes and announcements are passed over")
    func strangers() {
        let channel = FakeNetlinkChannel { messages in
            [
                .datagram(NetlinkDatagram(KernelMessage.acknowledgement(of: messages[0], errno: 1), sender: 99)),
                .messages([KernelMessage.raw(type: 16, sequence: 0)]),
                .messages([KernelMessage.acknowledgement(of: messages[0])]),
            ]
        }
        var socket = NetlinkSocket(channel)
        #expect(socket.execute(Self.requests(1)) == [nil])
    }

    @Test("What cannot be sent fails, and what follows is sent all the same")
    func unsendable() {
        let channel = Self.kernel()
        channel.sendError = .system(call: "send", errno: 12)
        var socket = NetlinkSocket(channel)
        let results = socket.execute(Self.requests(300))
        #expect(results[0..<200].allSatisfy { $0?.cause == .system(call: "send", errno: 12) })
        #expect(results[200...].allSatisfy { $0 == nil })
    }

    @Test("A request too long fails alone, wherever it stands", arguments: 0..<3)
    func tooLong(place: Int) {
        let channel = Self.kernel()
        var socket = NetlinkSocket(channel)
        var requests = Self.requests(3)
        requests[place] = NetlinkRequest("long", type: 20) { $0.attribute(1, bytes: Array(repeating: 0, count: 70_000)) }
        let results = socket.execute(requests)
        #expect(results.indices.filter { results[$0] != nil } == [place])
        #expect(results[place]?.cause == .requestTooLong)
        #expect(channel.sent.map(\.count) == [2])
        #expect(channel.sent[0][1].header.flags.contains(.acknowledge))
        // A payload that fits its attributes, but not a message.
        requests = [NetlinkRequest("long", type: 20) { for _ in 0..<3 { $0.attribute(1, bytes: Array(repeating: 0, count: 30_000)) } }]
        #expect(socket.execute(requests).map { $0?.cause } == [.requestTooLong])
        #expect(channel.sent.count == 1)
    }

    @Test("A malformed answer may have been anybody's")
    func malformed() {
        let channel = FakeNetlinkChannel { messages in
            [
                .messages([KernelMessage.acknowledgement(of: messages[0], errno: 3), [9, 0, 0, 0]]),
                .messages([KernelMessage.acknowledgement(of: messages[2])]),
            ]
        }
        var socket = NetlinkSocket(channel)
        let results = socket.execute(Self.requests(3))
        #expect(results[0]?.errno == 3)
        #expect(results[2] == nil)
        guard case .malformed = results[1]?.cause else {
            Issue.record("\(String(describing: results[1]))")
            return
        }
    }
}
