import IPVS
import Testing

extension IPVSKernelTests {
    /// The connection table, with connections that were really made.
    @Suite(.serialized, .inNamespace) struct Connections {
        static let server = RealServer.Key(.virtual(2), port: 8080)
        static let server6 = RealServer.Key(.virtual6(2), port: 8080)

        /// A handle, with two addresses of each family of which the first is for virtual servers, the second for a real one.
        func prepared() throws -> IPVSHandle {
            let ipvs = try Namespace.current.emptied()
            let lines = [1, 2].flatMap {
                ["address replace \(IPAddress.virtual($0))/32 dev lo", "address replace \(IPAddress.virtual6($0))/128 dev lo nodad"]
            }
            try Namespace.run(["bash", "-c", "ip -n \(Namespace.current.name) -batch - <<<'\(lines.joined(separator: "\n"))'"])
            return ipvs
        }

        func read(_ ipvs: borrowing IPVSHandle, _ detail: IPVSConnectionReader.Detail = .engine) throws -> [IPVSConnection] {
            var reader = try ipvs.connections(showing: detail)
            var all: [IPVSConnection] = []
            while let connection = try reader.next() { all.append(connection) }
            return all
        }

        @Test("What is connected is in the table, of both families, and as ipvsadm shows it")
        func realConnections() throws {
            var ipvs = try prepared()
            #expect(try read(ipvs).isEmpty)
            let pairs = [(IPAddress.virtual(1), Self.server), (.virtual6(1), Self.server6)]
            for (address, server) in pairs {
                let key = VirtualServer.Key.address(address, port: 80, .tcp)
                try ipvs.add(VirtualServer(key, .init(scheduler: .roundRobin)))
                try ipvs.add(RealServer(server, .init()), to: key)
            }
            let listening = try TestSocket.listening(at: Self.server, in: Namespace.current.name)
            let listening6 = try TestSocket.listening(at: Self.server6, in: Namespace.current.name)
            let client = try TestSocket.connected(to: .init(.virtual(1), port: 80), in: Namespace.current.name)
            let client6 = try TestSocket.connected(to: .init(.virtual6(1), port: 80), in: Namespace.current.name)
            let expected = [(client.place, pairs[0]), (client6.place, pairs[1])]
            let connections = try read(ipvs)
            #expect(connections.count == 2)
            for (place, pair) in expected {
                let connection = try #require(connections.first { $0.client == place })
                #expect(connection.transport == .tcp)
                #expect(connection.virtual == .init(pair.0, port: 80))
                #expect(connection.realServer == pair.1)
                #expect(connection.state == .established)
                #expect((800...900).contains(connection.secondsLeft))
                #expect(!connection.isTemplate)
            }
            #expect(try read(ipvs, .origin).map(\.origin) == [.local, .local])

            // TCP 14:59  ESTABLISHED 10.96.0.1:43210   10.96.0.1:80       10.96.0.2:8080
            let shown = try Namespace.output(["ip", "netns", "exec", Namespace.current.name, "ipvsadm", "-Lcn"])
            let lines = shown.split(separator: "\n").dropFirst(2).map { $0.split(separator: " ").map(String.init) }
            let ours = connections.map { ["\($0.transport)", "\($0.state)", "\($0.client)", "\($0.virtual)", "\($0.realServer)"] }
            #expect(Set(lines.map { [$0[0]] + $0[2...] }) == Set(ours), "\(shown)")
            for line in lines {
                let time = line[1].split(separator: ":").compactMap { Int($0) }
                #expect(time.count == 2 && abs(time[0] * 60 + time[1] - Int(connections[0].secondsLeft)) < 30, "\(line)")
            }
            _ = (listening.place, listening6.place)
        }

        @Test("Templates: by address, by firewall mark of both families, and by Call-ID")
        func templates() throws {
            var ipvs = try prepared()
            let name = Namespace.current.name
            func balance(_ key: VirtualServer.Key, _ server: RealServer.Key, engine: String? = nil) throws {
                let persistence = VirtualServer.Persistence(timeout: 300, granularity: .wholeAddress(key.family))
                try ipvs.add(
                    VirtualServer(key, .init(scheduler: .roundRobin, persistence: persistence, persistenceEngine: engine)))
                try ipvs.add(RealServer(server, .init()), to: key)
            }
            try balance(.address(.virtual(1), port: 53, .udp), Self.server)
            try balance(.address(.virtual(1), port: 5060, .udp), Self.server, engine: "sip")
            try balance(.firewallMark(42, .ipv4), .init(.virtual(2), port: 0))
            try balance(.firewallMark(0x1234_5678, .ipv6), .init(.virtual6(2), port: 0))

            try TestSocket.connected(.datagram, to: .init(.virtual(1), port: 53), in: name).send("hello")
            try TestSocket.connected(.datagram, to: .init(.virtual(1), port: 5060), in: name).send(
                "INVITE sip:a@b SIP/2.0\r\nCall-ID: 70710@call.example\r\nContent-Length: 0\r\n\r\n")
            try TestSocket.connected(.datagram, to: .init(.virtual(1), port: 9999), in: name, mark: 42).send("hello")
            try TestSocket.connected(.datagram, to: .init(.virtual6(1), port: 9999), in: name, mark: 0x1234_5678).send("hello")

            // Connections of an earlier test fade away in their own time.
            let all = try read(ipvs).filter { $0.transport != .tcp }
            let templates = all.filter(\.isTemplate)
            #expect(all.count == 8 && templates.count == 4, "\(all)")
            #expect(templates.allSatisfy { $0.client.port == 0 && (1...300).contains($0.secondsLeft) }, "\(templates)")
            #expect(Set(templates.map(\.firewallMark)) == [nil, 42, 0x1234_5678])
            #expect(templates.first { $0.firewallMark == 42 }?.realServer == .init(.virtual(2), port: 0))
            #expect(templates.first { $0.firewallMark == 0x1234_5678 }?.client.address == .virtual6(1))
            #expect(templates.filter { $0.engine != nil }.map(\.engine) == [.init("sip", data: "70710@call.example")], "\(templates)")
            #expect(templates.first { $0.virtual.port == 5060 }?.engine?.name == "sip")
            #expect(all.filter { !$0.isTemplate }.allSatisfy { $0.client.port != 0 && $0.state == .udp && $0.engine == nil }, "\(all)")
        }

        @Test("A table of more than a page is read whole")
        func manyConnections() throws {
            var ipvs = try prepared()
            let key = VirtualServer.Key.address(.virtual(1), port: 7, .udp)
            try ipvs.add(VirtualServer(key, .init(scheduler: .roundRobin)))
            try ipvs.add(RealServer(Self.server, .init()), to: key)
            var places: Set<IPVSConnection.SocketAddress> = []
            for _ in 0..<500 {
                let socket = try TestSocket.connected(.datagram, to: .init(.virtual(1), port: 7), in: Namespace.current.name)
                try socket.send("hello")
                places.insert(socket.place)
            }
            let connections = try read(ipvs).filter { $0.virtual.port == 7 }
            #expect(Set(connections.map(\.client)) == places)
            #expect(connections.count == places.count)
        }
    }
}
