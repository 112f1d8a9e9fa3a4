import IPVS
import Testing

extension IPVSKernelTests {
    /// Synchronisation daemons in namespaces that a wire joins.
    @Suite(.serialized, .inNamespace) struct Synchronization {
        static let backupName = "ipvs-test-backup-\(UInt32.random(in: .min ... .max))"

        /// Lets a test play between a namespace and another one at the end of a wire called `sync`.
        func withWire(_ body: (_ backup: String) async throws -> Void) async throws {
            let (here, there) = (Namespace.current.name, Self.backupName)
            try Namespace.run([
                "bash", "-euc",
                """
                ip netns add \(there)
                ip -n \(here) link add sync mtu 1500 type veth peer name sync netns \(there)
                ip -n \(here) -batch - <<<$'address add 192.0.2.1/24 dev sync\\nlink set sync up\\naddress replace 10.96.0.1/32 dev lo\\naddress replace 10.96.0.2/32 dev lo'
                ip -n \(there) -batch - <<<$'address add 192.0.2.2/24 dev sync\\nlink set sync up'
                """,
            ])
            do {
                try await body(there)
            } catch {
                Issue.record("\(error)")
            }
            try Namespace.run(["ip", "netns", "delete", there])
        }

        @Test("A connection through the master is in the backup's table")
        func carriesConnections() async throws {
            try await withWire { backup in
                var master = try Namespace.current.emptied()
                var other = try IPVSHandle(namespace: .name(backup))
                let sender = SynchronizationDaemon(.master, interface: "sync", synchronizationID: 7)
                let receiver = SynchronizationDaemon(.backup, interface: "sync", synchronizationID: 7)
                try other.startSynchronization(receiver)
                try master.startSynchronization(sender)

                // The kernel chose the lengths, and says the rest as it was asked for.
                var expected = sender
                expected.maximumLength = 1472
                #expect(try master.synchronizationDaemons() == [expected])
                expected.role = .backup
                #expect(try other.synchronizationDaemons() == [expected])
                let shown = try Namespace.output(["ip", "netns", "exec", Namespace.current.name, "ipvsadm", "-ln", "--daemon"])
                #expect(shown.contains("master sync daemon (mcast=sync, syncid=7"), "\(shown)")
                #expect(!shown.contains("backup"))
                #expect(
                    try Namespace.output(["ip", "netns", "exec", backup, "ipvsadm", "-ln", "--daemon"])
                        .contains("backup sync daemon (mcast=sync, syncid=7"))

                try master.add(VirtualServer(.tcp(1), .init(scheduler: .roundRobin)))
                try master.add(RealServer(Connections.server, .init()), to: .tcp(1))
                let listening = try TestSocket.listening(at: Connections.server, in: Namespace.current.name)
                let client = try TestSocket.connected(to: .init(.virtual(1), port: 80), in: Namespace.current.name)
                // The third packet of a connection is the first that is told of (the sysctl sync_threshold).
                for _ in 0..<5 {
                    try client.send("hello")
                    try await Task.sleep(for: .milliseconds(20))
                }
                var found: IPVSConnection?
                for _ in 0..<200 where found == nil {
                    try await Task.sleep(for: .milliseconds(50))
                    var reader = try other.connections(showing: .origin)
                    while let connection = try reader.next() { found = connection }
                }
                #expect(found?.client == client.place)
                #expect(found?.virtual == .init(.virtual(1), port: 80))
                #expect(found?.realServer == Connections.server)
                #expect(found?.state == .established)
                #expect(found?.origin == .synchronized)
                _ = listening.place

                try master.stopSynchronization(.master)
                try other.stopSynchronization(.backup)
                #expect(try master.synchronizationDaemons().isEmpty)
                #expect(try other.synchronizationDaemons().isEmpty)
                var reader = try other.connections()
                #expect(try reader.next() != nil, "a backup that stops keeps what it was told")
            }
        }

        @Test("Everything that can be asked for is as it was asked for, and both roles run beside each other")
        func settings() async throws {
            try await withWire { _ in
                var ipvs = try Namespace.current.emptied()
                let asked = [
                    SynchronizationDaemon(
                        .master, interface: "sync", synchronizationID: 255, maximumLength: 1000, group: IPAddress(ipv4: 0xe000_0064),
                        port: 1, timeToLive: 255),
                    SynchronizationDaemon(
                        .backup, interface: "sync", maximumLength: 65000, group: IPAddress(ipv6High: 0xff02 << 48, low: 0x81), port: 65535,
                        timeToLive: 7),
                ]
                for daemon in asked { try ipvs.startSynchronization(daemon) }
                #expect(try ipvs.synchronizationDaemons() == asked)
                let shown = try Namespace.output(["ip", "netns", "exec", Namespace.current.name, "ipvsadm", "-ln", "--daemon"])
                #expect(shown.contains("syncid=255, maxlen=1000, group=224.0.0.100, port=1, ttl=255"), "\(shown)")
                #expect(shown.contains("syncid=0, maxlen=65000, group=ff02::81, port=65535, ttl=7"), "\(shown)")
                for daemon in asked { try ipvs.stopSynchronization(daemon.role) }
            }
        }

        @Test("The errors are told apart")
        func errors() async throws {
            try await withWire { _ in
                var ipvs = try Namespace.current.emptied()
                func reason(_ daemon: SynchronizationDaemon) -> IPVSError.Reason? {
                    do throws(IPVSError) {
                        try ipvs.startSynchronization(daemon)
                        return nil
                    } catch {
                        return error.reason
                    }
                }
                func stopping(_ role: SynchronizationDaemon.Role) -> IPVSError.Reason? {
                    do throws(IPVSError) {
                        try ipvs.stopSynchronization(role)
                        return nil
                    } catch {
                        return error.reason
                    }
                }
                let master = SynchronizationDaemon(.master, interface: "sync")
                #expect(stopping(.master) == .synchronizationDoesNotRun(.master))
                #expect(stopping(.backup) == .synchronizationDoesNotRun(.backup))
                #expect(reason(SynchronizationDaemon(.backup, interface: "nowhere")) == .unknownInterface("nowhere"))
                try Namespace.run(["ip", "-n", Namespace.current.name, "link", "set", "sync", "down"])
                #expect(reason(master) == .interfaceCannotSend("sync"))
                try Namespace.run(["ip", "-n", Namespace.current.name, "link", "set", "sync", "up"])
                #expect(reason(master) == nil)
                #expect(reason(master) == .synchronizationRuns(.master))
                #expect(stopping(.master) == nil)

                try ipvs.add(VirtualServer(.tcp(1), .init(scheduler: .roundRobin)))
                try ipvs.add(RealServer(.init(.real6(1), port: 80), .init(forwarding: .tunnel(.ipip))), to: .tcp(1))
                #expect(reason(master) == .mixedFamilies)
                #expect(try ipvs.synchronizationDaemons().isEmpty)
            }
        }
    }
}
