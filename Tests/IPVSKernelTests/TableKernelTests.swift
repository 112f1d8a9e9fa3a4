import IPVS
import NetlinkTransport
import Testing

extension IPVSKernelTests {
    /// The table as a whole: information, timeouts, batches, long lists.
    @Suite(.serialized, .inNamespace) struct Tables {
        @Test func information() throws {
            var ipvs = try Namespace.current.emptied()
            let information = try ipvs.information()
            #expect(information.version.major == 1)
            #expect(information.connectionTableSize >= 256)
            #expect(information.connectionTableSize.nonzeroBitCount == 1)
        }

        @Test func timeouts() throws {
            var ipvs = try Namespace.current.emptied()
            let before = try ipvs.timeouts()
            #expect(before == ConnectionTimeouts(tcp: 900, tcpFin: 120, udp: 300))
            try ipvs.setTimeouts(ConnectionTimeouts(tcp: 7200, udp: 30))
            #expect(try ipvs.timeouts() == ConnectionTimeouts(tcp: 7200, tcpFin: 120, udp: 30))
            try ipvs.setTimeouts(before)
            #expect(try ipvs.timeouts() == before)
            #expect(throws: IPVSError.self) { try ipvs.setTimeouts(ConnectionTimeouts(tcp: .max)) }
        }

        @Test("A thousand operations in one batch, and each failure is its own")
        func batch() throws {
            var ipvs = try Namespace.current.emptied()
            var operations: [IPVSOperation] = []
            var expected: [Int: IPVSError.Reason] = [:]
            for number in 0..<250 {
                let key = VirtualServer.Key.tcp(number)
                operations.append(.addVirtualServer(VirtualServer(key, .init(scheduler: .roundRobin))))
                operations.append(.addRealServer(.masquerade(1), to: key))
                switch number % 50 {
                case 0:
                    expected[operations.count] = .realServerExists(RealServer.masquerade(1).key, of: key)
                    operations.append(.addRealServer(.masquerade(1), to: key))
                case 1:
                    expected[operations.count] = .unknownVirtualServer(.tcp(9999))
                    operations.append(.removeVirtualServer(.tcp(9999)))
                default: operations.append(.addRealServer(.masquerade(2), to: key))
                }
                operations.append(.updateRealServer(.masquerade(1, weight: Int32(number)), of: key))
            }
            #expect(operations.count == 1000)
            let failures = ipvs.execute(operations)
            #expect(failures.count == expected.count)
            for failure in failures {
                #expect(failure.error.reason == expected[failure.index])
                #expect(failure.operation == operations[failure.index])
            }
            #expect(ipvs.statistics.sends < 15)
            #expect(try ipvs.virtualServers().count == 250)
            for entry in try ipvs.table() {
                guard let address = entry.key?.address else {
                    Issue.record("\(entry.identity)")
                    continue
                }
                let number = Int(address.byte(at: 3))
                #expect(entry.realServers.count == (number % 50 < 2 ? 1 : 2))
                #expect(entry.realServers.contains { $0.key == RealServer.masquerade(1).key && $0.weight == Int32(number) })
            }
        }

        @Test("A list longer than a datagram is whole, and flush empties it")
        func longList() throws {
            var ipvs = try Namespace.current.emptied()
            let servers = (0..<300).map {
                VirtualServer($0 % 2 == 0 ? .tcp($0) : .address(.virtual6($0), port: 443, .tcp), .init(scheduler: .weightedRoundRobin))
            }
            #expect(ipvs.execute(servers.map { .addVirtualServer($0) }).isEmpty)
            #expect(try Set(ipvs.virtualServers().map(\.server)) == Set(servers))
            #expect(try Set(ipvs.table().compactMap(\.key)) == Set(servers.map(\.key)))
            let many = (0..<300).map { RealServer.masquerade($0) }
            #expect(ipvs.execute(many.map { .addRealServer($0, to: servers[0].key) }).isEmpty)
            #expect(try Set(ipvs.realServers(of: servers[0].key).map(\.server)) == Set(many))
            try ipvs.flush()
            #expect(try ipvs.virtualServers().isEmpty)
            #expect(try ipvs.table().isEmpty)
        }

        @Test("Each namespace has its own table")
        func namespaces() throws {
            var here = try Namespace.current.emptied()
            // The test's own process is in the machine's.
            var there = try IPVSHandle()
            let before = try there.virtualServers().count
            try here.add(VirtualServer(.tcp(1), .init(scheduler: .roundRobin)))
            #expect(try here.virtualServers().count == 1)
            #expect(try there.virtualServers().count == before)
            #expect(try there.table().count == before)
        }

        @Test("A hundred operations are one send")
        func counterOfSends() throws {
            var ipvs = try Namespace.current.emptied()
            let before = ipvs.statistics
            #expect(ipvs.execute((1...100).map { .addVirtualServer(VirtualServer(.tcp($0), .init(scheduler: .roundRobin))) }).isEmpty)
            #expect(ipvs.statistics.sends == before.sends + 1)
            #expect(ipvs.statistics.messages == before.messages + 100)
        }
    }
}
