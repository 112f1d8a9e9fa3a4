import Foundation
import IPVS
import Testing

extension IPVSKernelTests {
    @Suite(.serialized, .inNamespace) struct Namespaces {
        /// The namespace that the calling thread is in.
        var own: String? { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self/ns/net") }

        /// Counts what handle, table and connections see in a namespace; and the thread that asked is where it was.
        func counts(_ namespace: NetworkNamespace) throws -> [Int] {
            let before = own
            var ipvs = try IPVSHandle(namespace: namespace)
            var table = try IPVSTableReader(namespace: namespace)
            var reader = try IPVSConnectionReader(namespace: namespace)
            var connections = 0
            while try reader.next() != nil { connections += 1 }
            #expect(before != nil && own == before)
            return [try ipvs.virtualServers().count, try table.readAll().count, connections]
        }

        @Test("By name, by path and by process are the same")
        func ways() throws {
            var ipvs = try Namespace.current.emptied()
            let key = VirtualServer.Key.address(.virtual(1), port: 53, .udp)
            try ipvs.add(VirtualServer(key, .init(scheduler: .roundRobin)))
            try ipvs.add(RealServer(.init(.virtual(2), port: 53), .init()), to: key)
            try Namespace.run(["ip", "-n", Namespace.current.name, "address", "replace", "10.96.0.1/32", "dev", "lo"])
            try TestSocket.connected(.datagram, to: .init(.virtual(1), port: 53), in: Namespace.current.name).send("hello")

            let sleeper = Process()
            sleeper.executableURL = URL(fileURLWithPath: "/usr/bin/nsenter")
            sleeper.arguments = ["--net=/run/netns/\(Namespace.current.name)", "sleep", "60"]
            try sleeper.run()
            defer { sleeper.terminate() }
            #expect(try counts(.name(Namespace.current.name)) == [1, 1, 1])
            #expect(try counts(.path("/run/netns/\(Namespace.current.name)")) == [1, 1, 1])
            // Until it has entered, it is where this process is.
            var seen: [Int] = []
            for _ in 0..<100 where seen != [1, 1, 1] {
                seen = try counts(.process(sleeper.processIdentifier))
                usleep(20000)
            }
            #expect(seen == [1, 1, 1])
        }

        @Test("A long list is whole where another namespace has one too")
        func longLists() throws {
            var here = try Namespace.current.emptied()
            var there = try IPVSHandle()
            let before = try Set(there.virtualServers().map(\.server.key))
            let servers = (0..<300).map { VirtualServer(.address(.real($0), port: 81, .tcp), .init(scheduler: .roundRobin)) }
            for failure in here.execute(servers.map { .addVirtualServer($0) }) { Issue.record(failure) }
            for failure in there.execute(servers.map { .addVirtualServer($0) }) { Issue.record(failure) }
            #expect(try Set(here.virtualServers().map(\.server)) == Set(servers))
            #expect(try Set(there.virtualServers().map(\.server.key)) == before.union(servers.map(\.key)))
            // What the file shows may be less, by kernel, and is never anything else.
            #expect(try Set(here.table().compactMap(\.key)).isSubset(of: servers.map(\.key)))
            for failure in there.execute(servers.map { .removeVirtualServer($0.key) }) { Issue.record(failure) }
            #expect(try Set(here.table().compactMap(\.key)) == Set(servers.map(\.key)))
        }

        @Test("A namespace that is not there is an error that names those that are")
        func unknown() throws {
            do throws(IPVSError) {
                _ = try IPVSHandle(namespace: .name("no-such-namespace"))
                Issue.record("opened")
            } catch {
                guard case .unknownNamespace(.name("no-such-namespace"), known: let names) = error.reason else {
                    Issue.record("\(error)")
                    return
                }
                #expect(names.contains(Namespace.current.name))
                #expect(error.errno == ENOENT)
            }
        }

        @Test("What an interrupted `ip netns add` leaves is no namespace")
        func leftover() throws {
            let name = "ipvs-test-leftover"
            _ = FileManager.default.createFile(atPath: "/run/netns/\(name)", contents: nil)
            defer { try? FileManager.default.removeItem(atPath: "/run/netns/\(name)") }
            #expect(throws: IPVSError.self) { _ = try IPVSConnectionReader(namespace: .name(name)) }
            do throws(IPVSError) {
                _ = try IPVSHandle(namespace: .name(name))
            } catch {
                #expect(error.reason == .notNamespace(.name(name)))
            }
        }

        @Test("Without privilege it says so")
        func notPermitted() async {
            let name = Namespace.current.name
            await #expect(processExitsWith: .success) { [name = name as String] in
                #expect(setuid(65534) == 0)
                for namespace in [NetworkNamespace.name(name), .path("/proc/1/ns/net")] {
                    do throws(IPVSError) {
                        _ = try IPVSHandle(namespace: namespace)
                        Issue.record("opened")
                    } catch {
                        #expect(error.reason == .notPermitted)
                        #expect(error.description.hasPrefix("enter the network namespace \(namespace): not permitted"))
                    }
                }
            }
        }
    }
}
