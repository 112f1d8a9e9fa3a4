import NetlinkCodec
import NetlinkTesting
import NetlinkTransport
import TestSupport
import Testing

@testable import IPVS

@Suite struct SynchronizationTests {
    static let master = SynchronizationDaemon(.master, interface: "eth0", synchronizationID: 7)

    static func payload(_ daemon: SynchronizationDaemon, command: UInt8 = 9) -> [UInt8] {
        var encoder = NetlinkEncoder()
        encoder.append(GenericNetlinkHeader(command: command, version: 1))
        encoder.daemon(daemon)
        return encoder.bytes
    }

    @Test("The bytes are those of linux/ip_vs.h")
    func golden() {
        #expect(
            Self.payload(Self.master) == [
                9, 1, 0, 0,
                56, 0, 3, 0x80,
                8, 0, 1, 0, 1, 0, 0, 0,
                9, 0, 2, 0, 0x65, 0x74, 0x68, 0x30, 0, 0, 0, 0,
                8, 0, 3, 0, 7, 0, 0, 0,
                8, 0, 5, 0, 224, 0, 0, 81,
                6, 0, 7, 0, 0x90, 0x22, 0, 0,
                5, 0, 8, 0, 1, 0, 0, 0,
            ])
        let backup = SynchronizationDaemon(
            .backup, interface: "b", synchronizationID: 255, maximumLength: 9000, group: IPAddress(ipv6High: 0xff05 << 48, low: 0x81),
            port: 1, timeToLive: 255)
        #expect(
            Self.payload(backup) == [
                9, 1, 0, 0,
                72, 0, 3, 0x80,
                8, 0, 1, 0, 2, 0, 0, 0,
                6, 0, 2, 0, 0x62, 0, 0, 0,
                8, 0, 3, 0, 255, 0, 0, 0,
                6, 0, 4, 0, 0x28, 0x23, 0, 0,
                20, 0, 6, 0, 0xff, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x81,
                6, 0, 7, 0, 1, 0, 0, 0,
                5, 0, 8, 0, 255, 0, 0, 0,
            ])
    }

    @Test("A daemon that is written is read", arguments: 0..<200)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let daemon = SynchronizationDaemon(
            generator.element(SynchronizationDaemon.Role.allCases), interface: generator.element(["lo", "eth0.100", "a23456789012345"]),
            synchronizationID: .random(in: .min ... .max, using: &generator),
            maximumLength: Bool.random(using: &generator) ? .random(in: 1 ... .max, using: &generator) : nil,
            group: generator.address(generator.family()), port: generator.port(), timeToLive: .random(in: .min ... .max, using: &generator))
        #expect(try MessageDecoding.daemon(Self.payload(daemon).span) == daemon)
    }

    @Test("What a kernel before 4.3 leaves out is as it was there; roles of the future and other replies are passed over")
    func sparseReplies() throws {
        func read(_ role: UInt32, command: UInt8 = 9) throws -> SynchronizationDaemon? {
            var encoder = NetlinkEncoder()
            encoder.append(GenericNetlinkHeader(command: command, version: 1))
            encoder.nest(3) {
                $0.attribute(1, role)
                $0.attribute(2, "eth0")
                $0.attribute(3, 7 as UInt32)
                $0.attribute(99, 7 as UInt32)
            }
            return try MessageDecoding.daemon(encoder.bytes.span)
        }
        #expect(try read(1) == Self.master)
        #expect(try read(3) == nil)
        #expect(try read(1, command: 1) == nil)
        #expect(try MessageDecoding.daemon([9, 1, 0, 0].span) == nil)
        #expect(throws: NetlinkDecodingError.self) { try MessageDecoding.daemon([9, 1, 0, 0, 12, 0, 3, 0, 8, 0, 1, 0].span) }
    }

    @Test(
        "What the kernel would misread is not sent",
        arguments: [
            .init(.master, interface: ""), .init(.master, interface: "a234567890123456"), .init(.master, interface: "eth0\u{0}x"),
            .init(.master, interface: "eth0", maximumLength: 0), .init(.master, interface: "eth0", group: IPAddress(ipv4: 0x0a00_0001)),
            .init(.backup, interface: "eth0", group: IPAddress(ipv6High: 0xfd00 << 48, low: 1)),
            .init(.master, interface: "eth0", port: 0), .init(.master, interface: "eth0", timeToLive: 0),
        ] as [SynchronizationDaemon])
    func invalid(daemon: SynchronizationDaemon) throws {
        let channel = HandleTests.refusing(0)
        var ipvs = try IPVSHandle(NetlinkSocket(channel))
        do throws(IPVSError) {
            try ipvs.startSynchronization(daemon)
            Issue.record("started")
        } catch {
            guard case .invalidValue = error.reason else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(channel.sent.count == 1, "the family's number was asked for, and no more")
    }

    @Test(
        "The kernel's numbers in words",
        arguments: [
            (17, .synchronizationRuns(.master), "a synchronization master runs already"),
            (19, .unknownInterface("eth0"), "there is no network interface eth0"), (22, .mixedFamilies, "another address family"),
            (1, .notPermitted, "CAP_NET_ADMIN"), (12, .outOfMemory, "no memory"), (97, .familyNotSupported(.ipv4), "CONFIG_IP_VS_IPV6"),
            (101, .interfaceCannotSend("eth0"), "ip link set eth0 up"), (11, .other(11), "EAGAIN"),
        ] as [(Int32, IPVSError.Reason, String)])
    func startErrors(errno: Int32, reason: IPVSError.Reason, words: String) throws {
        var ipvs = try IPVSHandle(NetlinkSocket(HandleTests.refusing(errno)))
        do throws(IPVSError) {
            try ipvs.startSynchronization(Self.master)
            Issue.record("started")
        } catch {
            #expect(error.reason == reason)
            #expect(error.errno == errno)
            #expect(error.description.hasPrefix("start synchronization master on eth0, id 7, 224.0.0.81:8848, ttl 1: "))
            #expect(error.description.contains(words), "\(error)")
        }
    }

    @Test(arguments: [(3, .synchronizationDoesNotRun(.backup)), (1, .notPermitted)] as [(Int32, IPVSError.Reason)])
    func stopErrors(errno: Int32, reason: IPVSError.Reason) throws {
        var ipvs = try IPVSHandle(NetlinkSocket(HandleTests.refusing(errno)))
        do throws(IPVSError) {
            try ipvs.stopSynchronization(.backup)
            Issue.record("stopped")
        } catch {
            #expect(error.reason == reason)
            #expect(error.operation == "stop synchronization")
        }
    }

    @Test("A kernel that stopped a daemon before it had begun, and says nothing, is asked again", arguments: [false, true])
    func silence(isStillThere: Bool) throws {
        let channel = HandleTests.channel { message in
            if message.payload[0] == 10 { return [] }
            let replies =
                isStillThere ? [KernelMessage.raw(type: 30, sequence: message.header.sequence, payload: Self.payload(Self.master))] : []
            return [.messages(replies + [KernelMessage.done(message.header.sequence)])]
        }
        var ipvs = try IPVSHandle(NetlinkSocket(channel))
        do throws(IPVSError) {
            try ipvs.stopSynchronization(.master)
            #expect(!isStillThere)
        } catch {
            guard isStillThere, case .outcomeUnknown = error.reason else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(channel.waits.allSatisfy { $0 <= .seconds(5) } && channel.waits.contains { $0 < .seconds(1) })
        #expect(ipvs.socket.timeout == .seconds(5))
    }

    /// A kernel that has daemons: it keeps what was started, and answers as Linux does.
    @Test func aFakeKernelKeepsOneOfEachRole() throws {
        var running: [UInt32: [UInt8]] = [:]
        let channel = HandleTests.channel { message in
            let command = message.payload[0]
            // The nest's first attribute is the role.
            let role = message.payload.count > 12 ? UInt32(message.payload[12]) : 0
            func acknowledge(_ errno: Int32 = 0) -> [FakeNetlinkChannel.Arrival] {
                [.messages([KernelMessage.acknowledgement(of: message, errno: errno)])]
            }
            switch command {
            case 9:
                guard running[role] == nil else { return acknowledge(17) }
                running[role] = message.payload
                return acknowledge()
            case 10: return acknowledge(running.removeValue(forKey: role) == nil ? 3 : 0)
            default:
                let replies = running.values.map { KernelMessage.raw(type: 30, sequence: message.header.sequence, payload: $0) }
                return [.messages(replies + [KernelMessage.done(message.header.sequence)])]
            }
        }
        var ipvs = try IPVSHandle(NetlinkSocket(channel))
        var backup = Self.master
        backup.role = .backup
        #expect(try ipvs.synchronizationDaemons().isEmpty)
        try ipvs.startSynchronization(backup)
        try ipvs.startSynchronization(Self.master)
        #expect(try ipvs.synchronizationDaemons() == [Self.master, backup])
        #expect(throws: IPVSError.self) { try ipvs.startSynchronization(backup) }
        try ipvs.stopSynchronization(.master)
        #expect(try ipvs.synchronizationDaemons() == [backup])
        #expect(throws: IPVSError.self) { try ipvs.stopSynchronization(.master) }
    }
}
