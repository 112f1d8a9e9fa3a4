import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import Testing

@Suite struct DumpTests {
    static let request = NetlinkRequest("list things", type: 20) { $0.append(0 as UInt32) }

    static func item(_ sequence: UInt32, _ number: UInt8, flags: NetlinkFlags = []) -> [UInt8] {
        KernelMessage.raw(type: 20, flags: flags.union(.multipart), sequence: sequence, payload: [number, 0, 0, 0])
    }

    /// Answers each request with the next of these, given the request's sequence number.
    static func kernel(_ answers: [(UInt32) -> [FakeNetlinkChannel.Arrival]]) -> FakeNetlinkChannel {
        var left = answers[...]
        return FakeNetlinkChannel { messages in left.popFirst()?(messages[0].header.sequence) ?? [] }
    }

    static let whole: @Sendable (UInt32) -> [FakeNetlinkChannel.Arrival] = {
        [.messages([item($0, 1), item($0, 2)]), .messages([item($0, 3)]), .messages([KernelMessage.done($0)])]
    }

    func read(_ channel: FakeNetlinkChannel, attempts: Int = 3) throws(NetlinkError) -> [UInt8] {
        var socket = NetlinkSocket(channel)
        socket.dumpAttempts = attempts
        var numbers: [UInt8] = []
        try socket.dump(Self.request) { _, payload throws(NetlinkDecodingError) in numbers.append(payload[0]) }
        return numbers
    }

    func cause(_ channel: FakeNetlinkChannel) -> NetlinkError.Cause? {
        do throws(NetlinkError) {
            Issue.record("delivered \(try read(channel))")
            return nil
        } catch {
            #expect(error.operation == "list things")
            return error.cause
        }
    }

    @Test func wholeTable() throws {
        let channel = Self.kernel([Self.whole])
        #expect(try read(channel) == [1, 2, 3])
        #expect(channel.sent[0][0].header.flags == [.request, .dump])
    }

    @Test func emptyTable() throws {
        #expect(try read(Self.kernel([{ [.messages([KernelMessage.done($0)])] }])).isEmpty)
    }

    @Test("A dump that was interrupted anywhere is repeated, and nothing of it is delivered")
    func interrupted() throws {
        let first: (UInt32) -> [FakeNetlinkChannel.Arrival] = {
            [.messages([Self.item($0, 8)]), .messages([Self.item($0, 9, flags: .dumpInterrupted), KernelMessage.done($0)])]
        }
        let second: (UInt32) -> [FakeNetlinkChannel.Arrival] = {
            [.messages([Self.item($0, 8)]), .messages([KernelMessage.done($0, flags: .dumpInterrupted)])]
        }
        #expect(try read(Self.kernel([first, second, Self.whole])) == [1, 2, 3])
        #expect(cause(Self.kernel([first, second, first, Self.whole])) == .interrupted(attempts: 3))
    }

    @Test("A dump of which a part was lost is repeated")
    func lost() throws {
        let full: (UInt32) -> [FakeNetlinkChannel.Arrival] = {
            [.messages([Self.item($0, 8)]), .error(.lost), .messages([KernelMessage.done($0)])]
        }
        #expect(try read(Self.kernel([full, Self.whole])) == [1, 2, 3])
        #expect(cause(Self.kernel([full, full, full])) == .answerLost)
    }

    @Test("EBUSY and EINTR are tried again, other errors are not")
    func errors() throws {
        let busy: (UInt32) -> [FakeNetlinkChannel.Arrival] = { sequence in
            let request = NetlinkReply(header: NetlinkHeader(length: 20, type: 20, flags: [], sequence: sequence, port: 0), payload: [])
            return [.messages([KernelMessage.acknowledgement(of: request, errno: 16)])]
        }
        let interrupted: (UInt32) -> [FakeNetlinkChannel.Arrival] = { [.messages([KernelMessage.done($0, errno: 4)])] }
        #expect(try read(Self.kernel([busy, interrupted, Self.whole])) == [1, 2, 3])
        let refused: (UInt32) -> [FakeNetlinkChannel.Arrival] = {
            [.messages([Self.item($0, 1)]), .messages([KernelMessage.done($0, errno: 12)])]
        }
        #expect(cause(Self.kernel([refused, Self.whole])) == .refused(NetlinkAcknowledgement(errno: 12)))
    }

    @Test func truncated() {
        #expect(cause(Self.kernel([{ [.messages([Self.item($0, 1)]), .error(.truncated)] }])) == .truncated)
    }

    @Test("A dump that does not end is a time-out, not half a table")
    func endless() {
        #expect(cause(Self.kernel([{ [.messages([Self.item($0, 1)])] }])) == .timedOut(seconds: 5))
    }

    @Test("Other sequence numbers are passed over")
    func otherSequences() throws {
        let mixed: (UInt32) -> [FakeNetlinkChannel.Arrival] = {
            [
                .messages([KernelMessage.done($0 &- 1)]), .messages([Self.item($0 &- 1, 7), Self.item($0, 1)]),
                .messages([Self.item(0, 7, flags: .dumpInterrupted)]), .messages([KernelMessage.done($0)]),
            ]
        }
        #expect(try read(Self.kernel([mixed])) == [1])
    }

    @Test("A malformed message is an error with its place")
    func malformed() {
        guard case .malformed(let error) = cause(Self.kernel([{ [.messages([Self.item($0, 1), [3, 0, 0, 0]])] }])) else {
            Issue.record("not malformed")
            return
        }
        #expect(error.offset == 20)
    }

    @Test("A reader's decoding error names the operation, and the next dump works")
    func readerError() throws {
        var socket = NetlinkSocket(Self.kernel([Self.whole, Self.whole]))
        #expect(throws: NetlinkError.self) {
            try socket.dump(Self.request) { _, _ throws(NetlinkDecodingError) in throw NetlinkDecodingError(at: 0, "odd") }
        }
        var count = 0
        try socket.dump(Self.request) { _, _ in count += 1 }
        #expect(count == 3)
    }
}
