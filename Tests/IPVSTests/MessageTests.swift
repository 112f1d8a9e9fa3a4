import NetlinkCodec
import NetlinkTesting
import TestSupport
import Testing

@testable import IPVS

@Suite struct MessageTests {
    /// The message of an operation without its netlink header. A NEW request has the shape of a GET reply.
    func payload(_ operation: IPVSOperation) throws -> [UInt8] {
        try #require(operation.request(family: 30).payload)
    }

    @Test("A virtual server that is written is read", arguments: 0..<500)
    func virtualServers(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let server = generator.virtualServer()
        let bytes = try payload(.addVirtualServer(server))
        let read = try MessageDecoding.virtualServer(bytes.span)
        #expect(read == ObservedVirtualServer(server: server, statistics: TrafficStatistics()))
    }

    @Test("A real server that is written is read", arguments: 0..<500)
    func realServers(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let server = generator.realServer()
        let bytes = try payload(.addRealServer(server, to: generator.virtualServerKey()))
        // The family asked for is only for kernels that do not say.
        let read = try MessageDecoding.realServer(bytes.span, family: generator.family())
        #expect(read == ObservedRealServer(server: server, statistics: TrafficStatistics(), connections: ConnectionCounts()))
    }

    @Test("The bytes are those of linux/ip_vs.h")
    func goldenService() throws {
        let key = VirtualServer.Key.address(IPAddress(ipv4: 0x0a60_0001), port: 80, .tcp)
        let granularity = try #require(VirtualServer.Granularity.prefix(24, .ipv4))
        let server = VirtualServer(
            key,
            .init(
                scheduler: .sourceHashing, schedulerFlags: .fallback, persistence: .init(timeout: 10800, granularity: granularity),
                persistenceEngine: "sip"))
        #expect(
            try payload(.addVirtualServer(server)) == [
                1, 1, 0, 0,
                92, 0, 1, 0x80,
                6, 0, 1, 0, 2, 0, 0, 0,
                6, 0, 2, 0, 6, 0, 0, 0,
                20, 0, 3, 0, 10, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                6, 0, 4, 0, 0, 80, 0, 0,
                7, 0, 6, 0, 0x73, 0x68, 0, 0,
                12, 0, 7, 0, 9, 0, 0, 0, 255, 255, 255, 255,
                8, 0, 8, 0, 0x30, 0x2a, 0, 0,
                8, 0, 9, 0, 255, 255, 255, 0,
                8, 0, 11, 0, 0x73, 0x69, 0x70, 0,
            ])
    }

    @Test func goldenDestination() throws {
        let server = RealServer(
            .init(IPAddress(ipv6High: 0xfd00 << 48, low: 2), port: 8080),
            .init(forwarding: .tunnel(Tunnel(.gue(port: 6080), checksum: .remote)), weight: 5, upperThreshold: 9, lowerThreshold: 3))
        #expect(
            try payload(.updateRealServer(server, of: .firewallMark(7, .ipv4))) == [
                6, 1, 0, 0,
                20, 0, 1, 0x80,
                6, 0, 1, 0, 2, 0, 0, 0,
                8, 0, 5, 0, 7, 0, 0, 0,
                96, 0, 2, 0x80,
                20, 0, 1, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
                6, 0, 2, 0, 0x1f, 0x90, 0, 0,
                6, 0, 11, 0, 10, 0, 0, 0,
                8, 0, 3, 0, 2, 0, 0, 0,
                8, 0, 4, 0, 5, 0, 0, 0,
                8, 0, 5, 0, 9, 0, 0, 0,
                8, 0, 6, 0, 3, 0, 0, 0,
                5, 0, 13, 0, 1, 0, 0, 0,
                6, 0, 14, 0, 0x17, 0xc0, 0, 0,
                6, 0, 15, 0, 2, 0, 0, 0,
            ])
    }

    @Test("Each operation has its command")
    func commands() throws {
        let key = VirtualServer.Key.firewallMark(1, .ipv4)
        let virtual = VirtualServer(key, .init(scheduler: .roundRobin))
        let real = RealServer(.init(IPAddress(ipv4: 1), port: 1), .init())
        let expected: [(IPVSOperation, UInt8)] = [
            (.addVirtualServer(virtual), 1), (.updateVirtualServer(virtual), 2), (.removeVirtualServer(key), 3),
            (.addRealServer(real, to: key), 5), (.updateRealServer(real, of: key), 6), (.removeRealServer(real.key, from: key), 7),
            (.setTimeouts(.init()), 12), (.zero(nil), 16), (.zero(key), 16), (.flush, 17),
        ]
        for (operation, command) in expected {
            let bytes = try payload(operation)
            #expect(bytes[0] == command, "\(operation)")
        }
        #expect(try payload(.flush) == [17, 1, 0, 0])
        #expect(try payload(.zero(nil)) == [16, 1, 0, 0])
        #expect(
            try payload(.setTimeouts(.init(tcp: 1, tcpFin: 2, udp: 3)))
                == [12, 1, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0, 8, 0, 5, 0, 2, 0, 0, 0, 8, 0, 6, 0, 3, 0, 0, 0])
    }

    /// A reply with a service nest, whose attributes are the key's, those of a plain scheduler, and what `more` adds.
    func service(_ more: (inout NetlinkEncoder) -> Void = { _ in }) -> [UInt8] {
        reply(Command.newService, CommandAttribute.service) { nest in
            nest.attribute(1, 2 as UInt16)
            nest.attribute(5, 7 as UInt32)
            nest.attribute(6, "rr")
            more(&nest)
        }
    }

    func reply(_ command: UInt8, _ type: UInt16, _ body: (inout NetlinkEncoder) -> Void) -> [UInt8] {
        var encoder = NetlinkEncoder()
        encoder.append(GenericNetlinkHeader(command: command, version: 1))
        encoder.nest(type, body)
        return encoder.bytes
    }

    @Test("64-bit statistics count where both are there, in either order")
    func statistics() throws {
        func narrow(_ nest: inout NetlinkEncoder) {
            nest.nest(10) {
                $0.attribute(1, 1 as UInt32)
                $0.attribute(4, 2 as UInt64)
            }
        }
        func wide(_ nest: inout NetlinkEncoder) {
            nest.nest(12) { nest in
                for type in 1...10 as ClosedRange<UInt16> { nest.attribute(type, UInt64(type) << 33) }
                nest.attribute(11, bytes: [])
            }
        }
        let old = try #require(try MessageDecoding.virtualServer(service(narrow).span)).statistics
        #expect(old.connections == 1)
        #expect(old.incomingBytes == 2)
        for bytes in [
            service {
                narrow(&$0)
                wide(&$0)
            },
            service {
                wide(&$0)
                narrow(&$0)
            },
        ] {
            let new = try #require(try MessageDecoding.virtualServer(bytes.span)).statistics
            #expect(new.connections == 1 << 33)
            #expect(new.incomingPackets == 2 << 33)
            #expect(new.outgoingPackets == 3 << 33)
            #expect(new.incomingBytes == 4 << 33)
            #expect(new.outgoingBytes == 5 << 33)
            #expect(new.connectionRate == 6 << 33)
            #expect(new.incomingPacketRate == 7 << 33)
            #expect(new.outgoingPacketRate == 8 << 33)
            #expect(new.incomingByteRate == 9 << 33)
            #expect(new.outgoingByteRate == 10 << 33)
        }
    }

    @Test("An old kernel does not say a destination's family or tunnel")
    func oldDestination() throws {
        let bytes = reply(Command.newDestination, CommandAttribute.destination) { nest in
            nest.attribute(1, bytes: [0xfd] + Array(repeating: 0, count: 14) + [1])
            nest.attribute(2, network: 53 as UInt16)
            nest.attribute(3, 0x2 | 0x80 as UInt32)
            nest.attribute(4, 3 as UInt32)
            nest.attribute(7, 4 as UInt32)
            nest.attribute(8, 5 as UInt32)
            nest.attribute(9, 6 as UInt32)
            nest.attribute(99, bytes: [1, 2, 3])
        }
        let read = try #require(try MessageDecoding.realServer(bytes.span, family: .ipv6))
        #expect(read.server.key.address.description == "fd00::1")
        #expect(read.server.configuration == .init(forwarding: .tunnel(.ipip), weight: 3))
        #expect(read.connections == ConnectionCounts(active: 4, inactive: 5, persistent: 6))
    }

    @Test("The hashed flag, which the kernel sets, is not a scheduler's")
    func hashedFlag() throws {
        let bytes = service { $0.attribute(7, bytes: [0x2, 0, 0, 0, 255, 255, 255, 255]) }
        let read = try #require(try MessageDecoding.virtualServer(bytes.span))
        #expect(read.server.configuration == .init(scheduler: .roundRobin))
    }

    @Test("What is beyond the values is left out, not an error")
    func beyondTheValues() throws {
        let protocolAH = reply(Command.newService, CommandAttribute.service) { nest in
            nest.attribute(1, 2 as UInt16)
            nest.attribute(2, 51 as UInt16)
            nest.attribute(3, bytes: Array(repeating: 0, count: 16))
            nest.attribute(6, "rr")
        }
        let ah = try MessageDecoding.virtualServer(protocolAH.span)
        #expect(ah == nil)
        let tunnel = reply(Command.newDestination, CommandAttribute.destination) { nest in
            nest.attribute(1, bytes: Array(repeating: 0, count: 16))
            nest.attribute(3, 2 as UInt32)
            nest.attribute(13, 9 as UInt8)
        }
        let unknown = try MessageDecoding.realServer(tunnel.span, family: .ipv4)
        #expect(unknown == nil)
        let other = try MessageDecoding.virtualServer(tunnel.span)
        #expect(other == nil)
    }

    @Test("A service without a key or a family is malformed")
    func incomplete() {
        for body: (inout NetlinkEncoder) -> Void in [
            { $0.attribute(6, "rr") }, { $0.attribute(1, 2 as UInt16) }, { $0.attribute(1, 3 as UInt16) },
            { $0.attribute(1, bytes: [2]) },
        ] {
            let bytes = reply(Command.newService, CommandAttribute.service, body)
            #expect(throws: NetlinkDecodingError.self) { try MessageDecoding.virtualServer(bytes.span) }
        }
    }

    @Test("No bytes crash the decoder: a corpus of good messages, cut and changed", arguments: 0..<200)
    func mutations(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let virtual = generator.virtualServer()
        let corpus = [
            try payload(.addVirtualServer(virtual)), try payload(.addRealServer(generator.realServer(), to: virtual.key)),
            try payload(.setTimeouts(.init(tcp: 1, tcpFin: 2, udp: 3))), [14, 1, 0, 0, 8, 0, 1, 0, 1, 2, 1, 0],
        ]
        for good in corpus {
            for length in good.indices { decode(Array(good[..<length])) }
            for _ in 0..<50 { decode(generator.mutated(good)) }
        }
        decode(generator.bytes(Int.random(in: 0...200, using: &generator)))
    }

    private func decode(_ bytes: [UInt8]) {
        _ = try? MessageDecoding.virtualServer(bytes.span)
        _ = try? MessageDecoding.realServer(bytes.span, family: .ipv6)
        _ = try? MessageDecoding.timeouts(bytes.span)
        _ = try? MessageDecoding.information(bytes.span)
    }
}
