import IPVS
import Testing

/// Everything against a real kernel: one suite, one test at a time.
@Suite(.serialized, .enabled(if: isLaboratory, "the laboratory sets IPVS_LAB=1")) struct IPVSKernelTests {}

extension IPVSKernelTests {
    @Suite(.serialized, .inNamespace) struct VirtualServers {
        /// Adds the server, and reads it back alone, in the list and in the file.
        func roundTrip(_ server: VirtualServer) throws {
            var ipvs = try Namespace.current.emptied()
            try ipvs.add(server)
            #expect(try ipvs.virtualServer(server.key).server == server)
            #expect(try ipvs.virtualServers().map(\.server) == [server])
            let table = try ipvs.table()
            #expect(table.map(\.identity) == [IPVSTableEntry.Identity(server.key)])
            #expect(table.map(\.scheduler) == [server.configuration.scheduler])
            if server.key.address?.family != .ipv6 { #expect(table.map(\.onePacket) == [server.configuration.onePacket]) }
            #expect(table.map { $0.persistence?.granularity(server.key.family) } == [server.configuration.persistence?.granularity])
            try ipvs.remove(server.key)
            #expect(try ipvs.virtualServers().isEmpty)
        }

        /// All but `twos`, which not every kernel has.
        static let schedulers = Scheduler.wellKnown.filter { $0 != .powerOfTwoChoices } + [Scheduler(rawValue: "none")].compactMap { $0 }

        @Test(arguments: schedulers)
        func scheduler(_ scheduler: Scheduler) throws {
            try roundTrip(VirtualServer(.tcp(1), .init(scheduler: scheduler)))
        }

        @Test(arguments: [[], .fallback, .port, .third, [.fallback, .port, .third]] as [SchedulerFlags])
        func flags(_ flags: SchedulerFlags) throws {
            try roundTrip(VirtualServer(.tcp(1), .init(scheduler: .maglevHashing, schedulerFlags: flags)))
        }

        @Test(arguments: TransportProtocol.allCases, [IPAddress.virtual(9), .virtual6(9)])
        func transports(_ transport: TransportProtocol, _ address: IPAddress) throws {
            try roundTrip(VirtualServer(.address(address, port: 65535, transport), .init(scheduler: .roundRobin)))
        }

        @Test(arguments: [.mask(.max), .mask(0xffff_ff00), .mask(0), .mask(0xff00_ff01)] as [VirtualServer.Granularity])
        func persistenceOfIPv4(_ granularity: VirtualServer.Granularity) throws {
            try roundTrip(
                VirtualServer(.tcp(1), .init(scheduler: .roundRobin, persistence: .init(timeout: 10800, granularity: granularity))))
        }

        @Test(arguments: [1, 64, 127, 128] as [UInt8])
        func persistenceOfIPv6(_ length: UInt8) throws {
            try roundTrip(
                VirtualServer(
                    .address(.virtual6(1), port: 0, .tcp),
                    .init(scheduler: .roundRobin, persistence: .init(timeout: 1, granularity: .prefixLength(length)))))
        }

        @Test(arguments: [1, 7, .max] as [UInt32], AddressFamily.allCases)
        func firewallMarks(_ mark: UInt32, _ family: AddressFamily) throws {
            try roundTrip(VirtualServer(.firewallMark(mark, family), .init(scheduler: .weightedLeastConnection)))
        }

        @Test func aMarkOfBothFamilies() throws {
            var ipvs = try Namespace.current.emptied()
            let four = VirtualServer(.firewallMark(7, .ipv4), .init(scheduler: .roundRobin))
            let six = VirtualServer(.firewallMark(7, .ipv6), .init(scheduler: .maglevHashing))
            #expect(ipvs.execute([.addVirtualServer(four), .addVirtualServer(six)]).isEmpty)
            #expect(try Set(ipvs.virtualServers().map(\.server)) == [four, six])
            #expect(try ipvs.virtualServer(six.key).server == six)
        }

        @Test func persistenceEngine() throws {
            try roundTrip(
                VirtualServer(
                    .address(.virtual(1), port: 5060, .udp),
                    .init(
                        scheduler: .roundRobin, persistence: .init(timeout: 300, granularity: .wholeAddress(.ipv4)),
                        persistenceEngine: "sip")))
        }

        @Test(arguments: [IPAddress.virtual(5), .virtual6(5)])
        func onePacket(_ address: IPAddress) throws {
            try roundTrip(VirtualServer(.address(address, port: 53, .udp), .init(scheduler: .roundRobin, onePacket: true)))
        }

        @Test("An update replaces everything, and keeps the real servers")
        func update() throws {
            var ipvs = try Namespace.current.emptied()
            let key = VirtualServer.Key.address(.virtual(1), port: 5060, .udp)
            let full = VirtualServer(
                key,
                .init(
                    scheduler: .sourceHashing, schedulerFlags: [.fallback, .port],
                    persistence: .init(timeout: 300, granularity: .mask(0xffff_0000)), persistenceEngine: "sip", onePacket: true))
            let plain = VirtualServer(key, .init(scheduler: .weightedRoundRobin))
            try ipvs.add(full)
            try ipvs.add(.masquerade(1), to: key)
            for server in [plain, full, full, plain] {
                try ipvs.update(server)
                #expect(try ipvs.virtualServer(key).server == server)
                #expect(try ipvs.realServers(of: key).map(\.server) == [.masquerade(1)])
            }
        }

        @Test("The errors are told apart")
        func errors() throws {
            var ipvs = try Namespace.current.emptied()
            func reason(_ operation: IPVSOperation) -> IPVSError.Reason? { ipvs.execute([operation]).first?.error.reason }
            let known = VirtualServer(.tcp(1), .init(scheduler: .roundRobin))
            let nowhere = try #require(Scheduler(rawValue: "nowhere"))
            #expect(reason(.addVirtualServer(VirtualServer(.tcp(1), .init(scheduler: nowhere)))) == .unknownScheduler(nowhere))
            #expect(
                reason(.addVirtualServer(VirtualServer(.tcp(1), .init(scheduler: .roundRobin, persistenceEngine: "nope"))))
                    == .unknownSchedulerOrPersistenceEngine(.roundRobin, "nope"))
            #expect(reason(.updateVirtualServer(known)) == .unknownVirtualServer(.tcp(1)))
            #expect(reason(.removeVirtualServer(.tcp(1))) == .unknownVirtualServer(.tcp(1)))
            #expect(reason(.zero(.tcp(1))) == .unknownVirtualServer(.tcp(1)))
            #expect(reason(.addRealServer(.masquerade(1), to: .tcp(1))) == .unknownVirtualServer(.tcp(1)))
            #expect(reason(.addVirtualServer(known)) == nil)
            #expect(reason(.addVirtualServer(known)) == .virtualServerExists(.tcp(1)))
            #expect(reason(.updateVirtualServer(VirtualServer(.tcp(1), .init(scheduler: nowhere)))) == .unknownScheduler(nowhere))
            let server = RealServer.masquerade(1)
            #expect(reason(.updateRealServer(server, of: .tcp(1))) == .unknownRealServer(server.key, of: .tcp(1)))
            #expect(reason(.removeRealServer(server.key, from: .tcp(1))) == .unknownRealServer(server.key, of: .tcp(1)))
            #expect(reason(.addRealServer(server, to: .tcp(1))) == nil)
            #expect(reason(.addRealServer(server, to: .tcp(1))) == .realServerExists(server.key, of: .tcp(1)))
            #expect(reason(.updateRealServer(.masquerade(1, weight: -1), of: .tcp(1))) == .outOfRange)
            let thresholds = RealServer(server.key, .init(upperThreshold: 1, lowerThreshold: 2))
            #expect(reason(.updateRealServer(thresholds, of: .tcp(1))) == .outOfRange)
            let multicast = RealServer(.init(IPAddress(ipv4: 0xe000_0001), port: 80), .init())
            #expect(reason(.addRealServer(multicast, to: .tcp(1))) == .invalid)
            #expect(try ipvs.realServers(of: .tcp(2)).isEmpty)
            #expect(throws: IPVSError.self) { try ipvs.virtualServer(.tcp(2)) }
        }
    }
}
