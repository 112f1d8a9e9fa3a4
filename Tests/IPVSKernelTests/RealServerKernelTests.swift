import IPVS
import Testing

extension IPVSKernelTests {
    @Suite(.serialized, .inNamespace) struct RealServers {
        /// Adds the server to a virtual server and reads it back, from the list and from the file.
        func roundTrip(_ server: RealServer, of key: VirtualServer.Key = .tcp(1)) throws {
            var ipvs = try Namespace.current.emptied()
            #expect(
                ipvs.execute([.addVirtualServer(VirtualServer(key, .init(scheduler: .roundRobin))), .addRealServer(server, to: key)])
                    .isEmpty)
            #expect(
                try ipvs.realServers(of: key)
                    == [ObservedRealServer(server: server, statistics: TrafficStatistics(), connections: ConnectionCounts())])
            let row = IPVSTableRealServer(
                server.key, forwarding: .init(server.configuration.forwarding), weight: server.configuration.weight)
            #expect(try ipvs.table().map(\.realServers) == [[row]])
            try ipvs.remove(server.key, from: key)
            #expect(try ipvs.realServers(of: key).isEmpty)
        }

        @Test(arguments: [0, 1, 65535, Int32.max - 1, Int32.max])
        func weights(_ weight: Int32) throws {
            try roundTrip(.masquerade(1, weight: weight))
        }

        @Test(arguments: [(0, 0), (1, 0), (100, 50), (100, 100), (UInt32.max, UInt32.max)] as [(UInt32, UInt32)])
        func thresholds(_ upper: UInt32, _ lower: UInt32) throws {
            try roundTrip(RealServer(.init(.real(1), port: 80), .init(upperThreshold: upper, lowerThreshold: lower)))
        }

        static let methods: [ForwardingMethod] = [
            .masquerade, .direct, .local, .tunnel(.ipip), .tunnel(Tunnel(.ipip, checksum: .full)), .tunnel(Tunnel(.gue(port: 6080))),
            .tunnel(Tunnel(.gue(port: 1), checksum: .full)), .tunnel(Tunnel(.gue(port: 65535), checksum: .remote)),
            .tunnel(Tunnel(.gre)), .tunnel(Tunnel(.gre, checksum: .full)),
        ]

        @Test(arguments: methods)
        func forwarding(_ method: ForwardingMethod) throws {
            try roundTrip(RealServer(.init(.real(1), port: 80), .init(forwarding: method)))
        }

        @Test(arguments: methods)
        func forwardingOfIPv6(_ method: ForwardingMethod) throws {
            try roundTrip(RealServer(.init(.real6(1), port: 80), .init(forwarding: method)), of: .address(.virtual6(1), port: 80, .tcp))
        }

        @Test("A tunnel may lead to the other family")
        func mixedFamilies() throws {
            try roundTrip(RealServer(.init(.real6(1), port: 80), .init(forwarding: .tunnel(.ipip))))
            var ipvs = try Namespace.current.emptied()
            try ipvs.add(VirtualServer(.tcp(1), .init(scheduler: .roundRobin)))
            let failure = ipvs.execute([.addRealServer(RealServer(.init(.real6(1), port: 80), .init()), to: .tcp(1))]).first
            #expect(failure?.error.reason == .invalid)
        }

        @Test("An update keeps the tunnel as it was sent")
        func update() throws {
            var ipvs = try Namespace.current.emptied()
            try ipvs.add(VirtualServer(.tcp(1), .init(scheduler: .roundRobin)))
            var server = RealServer(
                .init(.real(1), port: 80), .init(forwarding: .tunnel(Tunnel(.gue(port: 6080), checksum: .remote)), weight: 1))
            try ipvs.add(server, to: .tcp(1))
            for weight in [0, 7] as [Int32] {
                server.configuration.weight = weight
                try ipvs.update(server, of: .tcp(1))
                #expect(try ipvs.realServers(of: .tcp(1)).map(\.server) == [server])
            }
            server.configuration.forwarding = .direct
            try ipvs.update(server, of: .tcp(1))
            #expect(try ipvs.realServers(of: .tcp(1)).map(\.server) == [server])
        }

        @Test("A datagram is counted, and zero makes the counters zero")
        func statistics() async throws {
            var ipvs = try Namespace.current.emptied()
            let key = VirtualServer.Key.address(.virtual(1), port: 53, .udp)
            let server = RealServer(.init(.virtual(2), port: 53), .init())
            try ipvs.add(VirtualServer(key, .init(scheduler: .roundRobin)))
            try ipvs.add(server, to: key)
            for address in [IPAddress.virtual(1), .virtual(2)] {
                try Namespace.current.execute("ip", "address", "add", "\(address)/32", "dev", "lo")
            }
            try Namespace.current.execute("bash", "-c", "echo -n hello > /dev/udp/10.96.0.1/53")
            let connections = try ipvs.realServers(of: key).map(\.connections)
            #expect(connections == [ConnectionCounts(inactive: 1)])
            #expect(try ipvs.table().first?.realServers.first?.inactive == 1)

            // The counters come up with the kernel's estimator, every two seconds.
            var statistics = TrafficStatistics()
            for _ in 0..<100 where statistics.connections == 0 {
                try await Task.sleep(for: .milliseconds(100))
                statistics = try ipvs.virtualServer(key).statistics
            }
            #expect(statistics.connections == 1)
            #expect(statistics.incomingPackets == 1)
            #expect(statistics.incomingBytes == 20 + 8 + 5)
            #expect(try ipvs.realServers(of: key).map(\.statistics.connections) == [1])
            try ipvs.zero(key)
            #expect(try ipvs.virtualServer(key).statistics.connections == 0)
            #expect(try ipvs.realServers(of: key).map(\.statistics.incomingBytes) == [0])
        }
    }
}
