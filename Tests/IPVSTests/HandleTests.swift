import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import Testing

@testable import IPVS

/// The handle against a fake peer that knows the family's number and answers as a test says.
@Suite struct HandleTests {
    static let key = ErrorMeaningTests.key

    static func channel(_ answer: @escaping (NetlinkReply) -> [FakeNetlinkChannel.Arrival]) -> FakeNetlinkChannel {
        FakeNetlinkChannel { messages in
            messages.flatMap { message -> [FakeNetlinkChannel.Arrival] in
                guard message.header.type == GenericNetlinkController.family else { return answer(message) }
                var encoder = NetlinkEncoder()
                encoder.append(GenericNetlinkHeader(command: 1, version: 2))
                encoder.attribute(1, 30 as UInt16)
                return [
                    .messages([KernelMessage.raw(type: 16, sequence: message.header.sequence, payload: encoder.bytes)]),
                    .messages([KernelMessage.acknowledgement(of: message)]),
                ]
            }
        }
    }

    static func refusing(_ errno: Int32) -> FakeNetlinkChannel {
        channel { [.messages([KernelMessage.acknowledgement(of: $0, errno: errno)])] }
    }

    @Test func failuresOfABatchNameTheirOperation() throws {
        var seen = 0
        let channel = Self.channel { message in
            seen += 1
            return [.messages([KernelMessage.acknowledgement(of: message, errno: seen == 2 ? 17 : 0)])]
        }
        var ipvs = try IPVSHandle(NetlinkSocket(channel))
        let real = ErrorMeaningTests.real
        let operations: [IPVSOperation] = [
            .addVirtualServer(ErrorMeaningTests.virtual), .addRealServer(real, to: Self.key), .updateRealServer(real, of: Self.key),
        ]
        let failures = ipvs.execute(operations)
        #expect(failures == [IPVSFailure(index: 1, operation: operations[1], error: IPVSError(operations[1], errno: 17))])
        #expect(ipvs.statistics == NetlinkSocketStatistics(sends: 2, messages: 4))
        #expect(channel.sent[1].allSatisfy { $0.header.type == 30 })
    }

    @Test func oneOperationThrows() throws {
        var ipvs = try IPVSHandle(NetlinkSocket(Self.refusing(3)))
        do throws(IPVSError) {
            try ipvs.remove(Self.key)
            Issue.record("removed")
        } catch {
            #expect(error.reason == .unknownVirtualServer(Self.key))
        }
    }

    @Test func readingWhatIsNotThere() throws {
        var ipvs = try IPVSHandle(NetlinkSocket(Self.refusing(3)))
        do throws(IPVSError) {
            _ = try ipvs.virtualServer(Self.key)
            Issue.record("read")
        } catch {
            #expect(error.reason == .unknownVirtualServer(Self.key))
            #expect(error.object == "tcp 10.96.0.1:80")
        }
    }

    @Test("A lost answer leaves the outcome unknown")
    func lostAnswer() throws {
        var ipvs = try IPVSHandle(NetlinkSocket(Self.channel { _ in [.error(.lost)] }))
        let failure = try #require(ipvs.execute([.flush]).first)
        guard case .outcomeUnknown = failure.error.reason else {
            Issue.record("\(failure)")
            return
        }
    }

    @Test func missingFamily() {
        let channel = FakeNetlinkChannel { [.messages([KernelMessage.acknowledgement(of: $0[0], errno: 2)])] }
        do throws(NetlinkError) {
            _ = try IPVSHandle(NetlinkSocket(channel))
            Issue.record("opened")
        } catch {
            let meaning = IPVSError(error)
            #expect(meaning.reason == .unavailable)
            #expect(meaning.description.contains("modprobe ip_vs"))
        }
    }

    @Test func anAnswerWithoutContent() throws {
        var ipvs = try IPVSHandle(NetlinkSocket(Self.refusing(0)))
        #expect(throws: IPVSError.self) { try ipvs.information() }
        #expect(throws: IPVSError.self) { try ipvs.timeouts() }
        #expect(throws: IPVSError.self) { try ipvs.virtualServer(Self.key) }
    }

    @Test func listsAndSettings() throws {
        let virtual = ErrorMeaningTests.sip
        let channel = Self.channel { message in
            let sequence = message.header.sequence
            let command = message.payload[0]
            func reply(_ payload: [UInt8]?) -> [FakeNetlinkChannel.Arrival] {
                [
                    .messages([KernelMessage.raw(type: 30, sequence: sequence, payload: payload ?? [])]),
                    .messages([
                        message.header.flags.contains(.dump) ? KernelMessage.done(sequence) : KernelMessage.acknowledgement(of: message)
                    ]),
                ]
            }
            switch command {
            case Command.getService: return reply(IPVSOperation.addVirtualServer(virtual).request(family: 30).payload)
            case Command.getDestination:
                return reply(IPVSOperation.addRealServer(ErrorMeaningTests.real, to: Self.key).request(family: 30).payload)
            case Command.getConfiguration:
                return reply(IPVSOperation.setTimeouts(.init(tcp: 900, tcpFin: 120, udp: 300)).request(family: 30).payload)
            default: return reply([14, 1, 0, 0, 8, 0, 1, 0, 1, 2, 1, 0, 8, 0, 2, 0, 0, 16, 0, 0])
            }
        }
        var ipvs = try IPVSHandle(NetlinkSocket(channel))
        #expect(try ipvs.virtualServers().map(\.server) == [virtual])
        #expect(try ipvs.virtualServer(virtual.key).server == virtual)
        #expect(try ipvs.realServers(of: Self.key).map(\.server) == [ErrorMeaningTests.real])
        #expect(try ipvs.timeouts() == ConnectionTimeouts(tcp: 900, tcpFin: 120, udp: 300))
        let information = try ipvs.information()
        #expect(information.version.description == "1.2.1")
        #expect(information.connectionTableSize == 4096)
    }
}
