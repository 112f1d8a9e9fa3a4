import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import Testing

/// One of the ways to use a socket.
enum Exchange: CaseIterable, Sendable {
    case execute, request, dump

    /// Runs one on a socket; the cause of its failure, nil for success.
    func run(_ socket: inout NetlinkSocket) -> NetlinkError.Cause? {
        do throws(NetlinkError) {
            switch self {
            case .execute: try socket.execute(DumpTests.request)
            case .request: _ = try socket.request(DumpTests.request)
            case .dump: try socket.dump(DumpTests.request) { _, _ in }
            }
            return nil
        } catch {
            #expect(error.operation == "list things")
            #expect(!error.description.isEmpty)
            return error.cause
        }
    }

    /// What ends it well.
    func end(_ message: NetlinkReply, errno: Int32 = 0) -> [UInt8] {
        self == .dump ? KernelMessage.done(message.header.sequence, errno: errno) : KernelMessage.acknowledgement(of: message, errno: errno)
    }

    /// A channel whose first exchange goes as told, and each one after it well.
    func channel(_ first: @escaping (NetlinkReply) -> [FakeNetlinkChannel.Arrival]) -> FakeNetlinkChannel {
        var isFirst = true
        return FakeNetlinkChannel { messages in
            defer { isFirst = false }
            return isFirst ? first(messages[0]) : [.messages([end(messages[0])])]
        }
    }
}

/// What may go wrong between us and the kernel, for each kind of exchange: it fails with a sentence, nothing is taken for done, and the next
/// exchange on the same socket works.
@Suite struct FaultTests {
    @Test("What cannot be sent was not done", arguments: Exchange.allCases, [1, 4, 12, 105, 111] as [Int32])
    func sending(exchange: Exchange, errno: Int32) {
        let channel = exchange.channel { [.messages([exchange.end($0)])] }
        var socket = NetlinkSocket(channel)
        for error in [NetlinkChannelError.system(call: "send", errno: errno), .timedOut] {
            channel.sendError = error
            let expected: NetlinkError.Cause = error == .timedOut ? .timedOut(seconds: 5) : .system(call: "send", errno: errno)
            #expect(exchange.run(&socket) == expected)
            #expect(channel.sent.isEmpty)
        }
        #expect(exchange.run(&socket) == nil)
    }

    @Test("Where the answer cannot be read the outcome is not success", arguments: Exchange.allCases, [4, 9, 12] as [Int32])
    func receiving(exchange: Exchange, errno: Int32) {
        let channel = exchange.channel { [.error(.system(call: "recv", errno: errno)), .messages([exchange.end($0)])] }
        var socket = NetlinkSocket(channel)
        #expect(exchange.run(&socket) == .system(call: "recv", errno: errno))
        // What was left of it is not taken for the next one's.
        #expect(exchange.run(&socket) == nil)
        #expect(channel.waiting.isEmpty)
    }

    @Test("The kernel has no memory for what it was asked", arguments: Exchange.allCases, [12, 105] as [Int32])
    func refusing(exchange: Exchange, errno: Int32) {
        var socket = NetlinkSocket(exchange.channel { [.messages([exchange.end($0, errno: errno)])] })
        #expect(exchange.run(&socket) == .refused(NetlinkAcknowledgement(errno: errno)))
        #expect(exchange.run(&socket) == nil)
    }

    @Test("An answer that never comes is waited for once, and no longer than allowed", arguments: Exchange.allCases)
    func silence(exchange: Exchange) {
        let channel = exchange.channel { _ in [] }
        var socket = NetlinkSocket(channel)
        socket.timeout = .seconds(3)
        #expect(exchange.run(&socket) == .timedOut(seconds: 3))
        #expect(channel.waits == [.seconds(3)])
        #expect(exchange.run(&socket) == nil)
    }

    /// Datagrams that answer nothing.
    static let strayAnswers: [(String, @Sendable (NetlinkReply) -> FakeNetlinkChannel.Arrival)] = [
        ("another sequence number", { .messages([KernelMessage.raw(type: 2, sequence: $0.header.sequence &+ 1, payload: [0, 0, 0, 0])]) }),
        ("an earlier one", { .messages([KernelMessage.done($0.header.sequence &- 1)]) }),
        ("another sender", { .datagram(NetlinkDatagram(KernelMessage.acknowledgement(of: $0), sender: 77)) }),
        ("no operation", { .messages([KernelMessage.raw(type: NetlinkControl.noOperation, sequence: $0.header.sequence)]) }),
        ("another type", { .messages([KernelMessage.raw(type: 9, sequence: $0.header.sequence, payload: [0, 0, 0, 0])]) }),
        ("nothing", { _ in .messages([]) }),
    ]

    @Test("What answers nothing is passed over", arguments: Exchange.allCases, 0..<6)
    func passedOver(exchange: Exchange, index: Int) {
        let stray = Self.strayAnswers[index].1
        var socket = NetlinkSocket(exchange.channel { [stray($0), .messages([exchange.end($0)])] })
        #expect(exchange.run(&socket) == nil, "\(Self.strayAnswers[index].0)")
        // Alone, it is no answer.
        socket = NetlinkSocket(exchange.channel { [stray($0)] })
        #expect(exchange.run(&socket) == .timedOut(seconds: 5), "\(Self.strayAnswers[index].0)")
        #expect(exchange.run(&socket) == nil)
    }

    @Test("An answer cut short is not success", arguments: Exchange.allCases, 1..<36)
    func cutShort(exchange: Exchange, length: Int) {
        // Cut between two sizes the datagram is malformed; cut inside the error number the message says so itself.
        var socket = NetlinkSocket(exchange.channel { .init([.messages([Array(exchange.end($0).prefix(length))])]) })
        let whole = exchange == .dump ? 20 : 36
        guard length < whole else { return }
        guard case .malformed = exchange.run(&socket) else {
            Issue.record("\(length) bytes were taken")
            return
        }
        #expect(exchange.run(&socket) == nil)
        let short = KernelMessage.raw(type: NetlinkControl.error, sequence: 0, payload: [0, 0])
        socket = NetlinkSocket(
            exchange.channel { message in
                var short = short
                for byte in 0..<4 { short[8 + byte] = UInt8(truncatingIfNeeded: message.header.sequence >> UInt32(8 * byte)) }
                return [.messages([short])]
            })
        guard case .malformed = exchange.run(&socket) else {
            Issue.record("two bytes of an error number were taken")
            return
        }
    }

    @Test("A channel that says without end that it lost something is given up", arguments: [NetlinkChannelError.lost, .truncated])
    func endlessLoss(error: NetlinkChannelError) {
        for exchange in Exchange.allCases {
            let channel = FakeNetlinkChannel()
            channel.push(.error(error))
            channel.isEndless = true
            var socket = NetlinkSocket(channel)
            socket.timeout = .milliseconds(20)
            socket.dumpAttempts = 2
            let start = ContinuousClock.now
            #expect(exchange.run(&socket) != nil)
            #expect(exchange.run(&socket) != nil)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("Strangers who never stop do not hold who waits for announcements")
    func endlessStrangers() throws {
        let channel = FakeNetlinkChannel()
        channel.push(.datagram(NetlinkDatagram(KernelMessage.raw(type: 16, sequence: 0), sender: 8)))
        channel.isEndless = true
        var socket = NetlinkSocket(channel)
        #expect(try socket.announcements() == [])
        channel.isEndless = false
        channel.push(.messages([KernelMessage.raw(type: 17, sequence: 0)]))
        guard case .messages = try socket.announcements().first else {
            Issue.record("not heard")
            return
        }
    }

    @Test("Announcements that cannot be read are an error or a loss, and the next one is heard")
    func announcements() throws {
        let good = FakeNetlinkChannel.Arrival.messages([KernelMessage.raw(type: 16, sequence: 0)])
        for (fault, isLoss) in [
            (FakeNetlinkChannel.Arrival.error(.system(call: "recv", errno: 12)), false), (.error(.lost), true), (.error(.truncated), true),
            (.messages([[9, 9, 9]]), true),
        ] {
            let channel = FakeNetlinkChannel()
            channel.push(fault, good)
            var socket = NetlinkSocket(channel)
            if isLoss {
                #expect(try socket.announcements() == [.lost])
            } else {
                #expect(throws: NetlinkError.self) { try socket.announcements() }
            }
            guard case .messages = try socket.announcements().first else {
                Issue.record("not heard after \(fault)")
                return
            }
        }
    }
}
