import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import Testing

@Suite struct RequestTests {
    @Test func replyAndAcknowledgement() throws {
        let channel = FakeNetlinkChannel { messages in
            [
                .messages([KernelMessage.raw(type: 20, sequence: messages[0].header.sequence, payload: [1, 2, 3, 4])]),
                .messages([KernelMessage.acknowledgement(of: messages[0])]),
            ]
        }
        var socket = NetlinkSocket(channel)
        let replies = try socket.request(DumpTests.request)
        #expect(replies.map(\.payload) == [[1, 2, 3, 4]])
        #expect(channel.sent[0][0].header.port == 4711)
    }

    @Test func refusal() {
        var socket = NetlinkSocket(FakeNetlinkChannel { [.messages([KernelMessage.acknowledgement(of: $0[0], errno: 3, text: "no")])] })
        do throws(NetlinkError) {
            _ = try socket.request(DumpTests.request)
            Issue.record("not refused")
        } catch {
            #expect(error.errno == 3)
            #expect(error.description == "list things: ESRCH, No such process (kernel: no)")
        }
    }

    @Test("A kernel that sends without end, but never the answer, is given up")
    func chatter() {
        let channel = FakeNetlinkChannel { _ in (0..<50).map { _ in .messages([KernelMessage.raw(type: 16, sequence: 0)]) } }
        var socket = NetlinkSocket(channel)
        do throws(NetlinkError) {
            _ = try socket.request(DumpTests.request)
            Issue.record("answered")
        } catch {
            #expect(error.cause == .timedOut(seconds: 5))
        }
    }

    @Test("A kernel that never stops sending what nobody waits for is given up too")
    func endlessChatter() {
        let channel = FakeNetlinkChannel()
        channel.push(.messages([KernelMessage.raw(type: 16, sequence: 0)]))
        channel.isEndless = true
        var socket = NetlinkSocket(channel)
        socket.timeout = .milliseconds(20)
        let start = ContinuousClock.now
        #expect(throws: NetlinkError.self) { try socket.request(DumpTests.request) }
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(socket.execute([DumpTests.request]).map { $0?.cause } == [.timedOut(seconds: 0.02)])
    }

    @Test func genericFamily() throws {
        let channel = FakeNetlinkChannel { messages in
            var encoder = NetlinkEncoder()
            encoder.append(GenericNetlinkHeader(command: 1, version: 2))
            encoder.attribute(2, "nlctrl2")
            encoder.attribute(1, 42 as UInt16)
            encoder.nest(7) { groups in
                groups.nest(1) { group in
                    group.attribute(2, 6 as UInt32)
                    group.attribute(1, "notify")
                }
            }
            return [
                .messages([KernelMessage.raw(type: 16, sequence: messages[0].header.sequence, payload: encoder.bytes)]),
                .messages([KernelMessage.acknowledgement(of: messages[0])]),
            ]
        }
        var socket = NetlinkSocket(channel)
        let family = try socket.genericFamily(named: "nlctrl2")
        #expect(family.number == 42)
        #expect(family.multicastGroups == ["notify": 6])
    }

    @Test func missingFamily() {
        var socket = NetlinkSocket(FakeNetlinkChannel { [.messages([KernelMessage.acknowledgement(of: $0[0], errno: 2)])] })
        do throws(NetlinkError) {
            _ = try socket.genericFamily(named: "IPVS")
            Issue.record("found")
        } catch {
            #expect(error.cause == .familyMissing("IPVS"))
        }
    }

    @Test("A reply without a number is not a family")
    func familyWithoutNumber() {
        var socket = NetlinkSocket(FakeNetlinkChannel { [.messages([KernelMessage.acknowledgement(of: $0[0])])] })
        #expect(throws: NetlinkError.self) { try socket.genericFamily(named: "IPVS") }
    }

    @Test func announcements() throws {
        let channel = FakeNetlinkChannel()
        var socket = NetlinkSocket(channel)
        try socket.join(group: 5)
        #expect(channel.joined == [5])
        #expect(try socket.announcements() == [])
        channel.push(
            .datagram(NetlinkDatagram(KernelMessage.raw(type: 16, sequence: 0), sender: 8)),
            .messages([KernelMessage.raw(type: 16, sequence: 0, payload: [1, 2, 3, 4]), KernelMessage.raw(type: 17, sequence: 0)]),
            .error(.lost), .messages([[1, 2, 3]]), .error(.system(call: "recv", errno: 9)))
        guard case .messages(let messages) = try socket.announcements().first else {
            Issue.record("no messages")
            return
        }
        #expect(messages.map(\.header.type) == [16, 17])
        #expect(try socket.announcements() == [.lost])
        #expect(try socket.announcements() == [.lost])
        #expect(throws: NetlinkError.self) { try socket.announcements() }
        #expect(try socket.announcements() == [])
    }

    @Test func theChannelIsClosedWithTheSocket() {
        let channel = FakeNetlinkChannel()
        do {
            let socket = NetlinkSocket(channel)
            #expect(!channel.isClosed)
            _ = socket.fileDescriptor
        }
        #expect(channel.isClosed)
    }
}
