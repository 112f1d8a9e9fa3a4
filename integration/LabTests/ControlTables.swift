import Foundation
import ManifestSource
import TableSamples
import TestSupport
import Testing
import VirtualServerDocuments

extension LabTests {
    /// What ipvsctl says of the kernel's table, and does to it, beside what ipvsadm says and does.
    @Suite @MainActor struct ControlTables {
        /// A network namespace with nothing in it but the loopback, and files beside it.
        private static func withNamespace(_ body: (_ namespace: String, _ directory: String) async throws -> Void) async throws {
            let name = "ctl-\(UUID().uuidString.prefix(8))"
            let directory = FileManager.default.temporaryDirectory.path + "/" + name
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try await Program.script("ip netns add \(name); ip -n \(name) link set lo up")
            do { try await body(name, directory) } catch { Issue.record("\(error)") }
            try await Program.script("ip netns delete \(name); rm -r \(directory)")
        }

        private static func control(_ namespace: String, _ directory: String, _ words: String...) async throws -> Program.Result {
            let changes = ["restore", "apply", "flush", "rollback", "set"].contains(words[0])
            let places = changes ? ["--runtime-directory", directory + "/run", "--snapshot-directory", directory + "/snapshots"] : []
            return try await Program([Laboratory.control] + words + places + ["--netns", namespace]).result()
        }

        /// Every kind of virtual server and real server survives save, restore and save, in both formats.
        @Test(arguments: 0..<4) func aTableSurvivesTheKernel(_ seed: Int) async throws {
            var random = SeededGenerator(seed: UInt64(1000 + seed))
            let list = RandomTables.list(&random, count: 20, isPlain: seed % 2 == 1)
            let text = String(decoding: try JSONEncoder().encode(list.document), as: UTF8.self)
            try await Self.withNamespace { namespace, directory in
                try text.write(toFile: directory + "/table.json", atomically: true, encoding: .utf8)
                let restored = try await Self.control(namespace, directory, "restore", directory + "/table.json")
                #expect(restored.status == 0, "\(restored.error)")
                let saved = try await Self.control(namespace, directory, "save", "--format", "json")
                #expect(try VirtualServerList(reading: Array(saved.output.utf8), file: "saved") == list)
                // Ours may be flushed without force: this program has made them.
                let flushed = try await Self.control(namespace, directory, "flush", "--yes")
                #expect(flushed.status == 0, "\(flushed.error)")
                #expect(try await Self.control(namespace, directory, "get", "services", "-o", "name").output == "")
                try saved.output.write(toFile: directory + "/saved", atomically: true, encoding: .utf8)
                #expect(try await Self.control(namespace, directory, "restore", directory + "/saved").status == 0)
                #expect(try await Self.control(namespace, directory, "save", "--format", "json").output == saved.output)
                #expect(try await Self.control(namespace, directory, "restore", directory + "/saved").output == "Nothing to do.\n")
                // The other format, by way of a table that ipvsadm made of it, where ipvsadm has words for all of it.
                guard seed % 2 == 1 else { return }
                let lines = try await Self.control(namespace, directory, "save", "--format", "ipvsadm").output
                try lines.write(toFile: directory + "/lines", atomically: true, encoding: .utf8)
                try await Program.script("ipvsadm -C; ipvsadm -R <\(directory)/lines", in: namespace)
                #expect(try await Self.control(namespace, directory, "save", "--format", "json").output == saved.output)
            }
        }

        @Test func ipvsadmSaysTheSame() async throws {
            var random = SeededGenerator(seed: 7)
            let list = RandomTables.list(&random, count: 30, isPlain: true)
            try await Self.withNamespace { namespace, directory in
                try IPVSAdmText.text(list).write(toFile: directory + "/lines", atomically: true, encoding: .utf8)
                let restored = try await Self.control(namespace, directory, "restore", directory + "/lines")
                #expect(restored.status == 0, "\(restored.error)")
                // `ipvsadm -S` leaves thresholds out, and has no order.
                let theirs = try await Program.script("ipvsadm -Sn", in: namespace).split(separator: "\n").map(Self.normal).sorted()
                let ours = try await Self.control(namespace, directory, "save", "--format", "ipvsadm").lines
                    .map { Self.normal($0.replacing(/\ -[xy]\ [0-9]+/, with: "")[...]) }.sorted()
                #expect(ours == theirs)
                // -Ln: the same real servers, weights and counts.
                let listed = try await Self.rows(Program.script("ipvsadm -Ln", in: namespace), columns: [1, 3, 4, 5])
                let servers = try JSONDecoder().decode(
                    Servers.self, from: Data(try await Self.control(namespace, directory, "get", "servers", "-o", "json").output.utf8)
                ).items.map(\.realServer)
                #expect(
                    servers.map { [$0.name, "\($0.weight)", "\($0.connections.active)", "\($0.connections.inactive)"] }.sorted(
                        by: Self.order) == listed)
                let thresholds = try await Self.rows(Program.script("ipvsadm -Ln --thresholds", in: namespace), columns: [1, 2, 3])
                #expect(servers.map { [$0.name, "\($0.upperThreshold)", "\($0.lowerThreshold)"] }.sorted(by: Self.order) == thresholds)
            }
        }

        /// After traffic: counters and connections.
        @Test func countersAndConnectionsAreTheSame() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                _ = try await scene.startAgent()
                _ = try await scene.ask("10.96.0.20", count: 12)
                // The estimator's tick, after which the counters stand still.
                try await Task.sleep(for: .seconds(3))
                let theirs = try await Self.rows(Program.script("ipvsadm -Ln --stats --exact", in: "n1"), columns: [1, 2, 3, 4, 5, 6])
                let output = try await Program.run(Laboratory.control, "get", "servers", "-o", "json", "--netns", "n1").output
                let servers = try JSONDecoder().decode(Servers.self, from: Data(output.utf8)).items.map(\.realServer)
                let ours = servers.map { server in
                    let counted = server.statistics
                    let numbers = [
                        counted.connections, counted.incomingPackets, counted.outgoingPackets, counted.incomingBytes, counted.outgoingBytes,
                    ]
                    return [server.name] + numbers.map { "\($0)" }
                }.sorted(by: Self.order)
                #expect(ours == theirs)
                #expect(servers.map(\.statistics.connections).reduce(0, +) == 12)
                let listed = try await Program.script("ipvsadm -Lnc", in: "n1").split(separator: "\n").dropFirst(2)
                    .map { $0.split(separator: " ") }.map { "\($0[0]) \($0[3]) \($0[4]) \($0[5]) \($0[2])" }.sorted()
                let found = try await Program.run(Laboratory.control, "get", "connections", "--netns", "n1").lines.dropFirst()
                    .map { $0.split(separator: " ") }.map { "\($0[0]) \($0[1]) \($0[2]) \($0[3]) \($0[4])" }.sorted()
                #expect(found == listed)
                #expect(found.count == 12)
            }
        }

        @Test func twentyThousandConnectionsAreListed() async throws {
            try await Self.withNamespace { namespace, directory in
                try await Program.script(
                    """
                    for a in 10.96.0.50 10.96.0.51 10.97.0.1 10.97.0.2 10.97.0.3 10.97.0.4; do ip address add $a/32 dev lo; done
                    ipvsadm -A -u 10.96.0.50:5300 -s rr; ipvsadm -a -u 10.96.0.50:5300 -r 10.96.0.51:5300 -m
                    """, in: namespace)
                let server = try Program([Laboratory.peer, "serve", "udp", "--udp", "5300"], in: namespace)
                try await Task.sleep(for: .seconds(1))
                for client in 1...4 {
                    let result = try await Program.run(
                        Laboratory.peer, "udp", "10.96.0.50", "5300", "--count", "7000", "--bind", "10.97.0.\(client)", "--summary",
                        in: namespace, within: .seconds(200))
                    #expect(result.status == 0, "\(result.text.suffix(300))")
                }
                server.signal(SIGKILL)
                let count = try await Program.script("tail -n +2 /proc/net/ip_vs_conn | wc -l", in: namespace)
                let number = try #require(Int(count.trimmingCharacters(in: .whitespacesAndNewlines)))
                #expect(number >= 20_000)
                #expect(try await Self.control(namespace, directory, "get", "connections", "--count").output == "\(number)\n")
                let lines = try await Self.control(namespace, directory, "get", "connections").lines
                #expect(lines.count == number + 1)
                #expect(Set(lines).count == number + 1, "none twice")
                let some = try await Self.control(namespace, directory, "get", "connections", "--client", "10.97.0.1", "--count").output
                #expect(lines.count { $0.contains(" 10.97.0.1:") } == Int(some.trimmingCharacters(in: .whitespacesAndNewlines)))
            }
        }

        /// A file with one mistake changes nothing; what another made is left without force; a rollback brings back what was.
        @Test func nothingIsLostByMistake() async throws {
            try await Self.withNamespace { namespace, directory in
                try await Program.script(
                    "ipvsadm -A -t 192.0.2.1:80 -s rr; ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.9:80 -m -w 3", in: namespace)
                let before = try await Program.script("ipvsadm -Sn", in: namespace)
                try "-A -t 192.0.2.2:80 -s rr\n-A -t 192.0.2.3:80 -s rr -w 4\n".write(
                    toFile: directory + "/wrong", atomically: true, encoding: .utf8)
                let refused = try await Self.control(namespace, directory, "apply", "-f", directory + "/wrong")
                #expect(refused.status == 2)
                #expect(refused.error.contains("wrong:2, -w: unknown option"), "\(refused.error)")
                #expect(try await Program.script("ipvsadm -Sn", in: namespace) == before)
                try "-A -t 192.0.2.2:80 -s rr\n".write(toFile: directory + "/other", atomically: true, encoding: .utf8)
                for verb in ["plan", "diff"] {
                    let result = try await Self.control(namespace, directory, verb, "-f", directory + "/other")
                    #expect(result.status == 3 && result.output.contains("virtual server tcp 192.0.2.2:80"), "\(verb): \(result.text)")
                }
                let unforced = try await Self.control(namespace, directory, "set", "weight", "192.0.2.1:80", "192.0.2.9", "5")
                #expect(unforced.status == 1 && unforced.error.contains("is not ours"), "\(unforced.text)")
                #expect(try await Program.script("ipvsadm -Sn", in: namespace) == before)
                let restored = try await Self.control(namespace, directory, "restore", directory + "/other")
                #expect(restored.status == 0)
                #expect(restored.error.contains("left alone: tcp 192.0.2.1:80"), "\(restored.error)")
                #expect(try await Program.script("ipvsadm -Sn", in: namespace).contains("192.0.2.1:80 -r 192.0.2.9:80 -m -w 3"))
                let rolledBack = try await Self.control(namespace, directory, "rollback")
                #expect(rolledBack.output.contains("remove virtual server tcp 192.0.2.2:80"), "\(rolledBack.text)")
                #expect(try await Program.script("ipvsadm -Sn", in: namespace) == before)
            }
        }

        /// While an agent writes, nothing else does; it is asked, if it may be.
        @Test func theAgentsLockIsKept() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                let agent = try await scene.startAgent()
                let result = try await Program.run(
                    Laboratory.control, "flush", "--yes", "--force", "--no-agent", "--runtime-directory", scene.directory + "/run",
                    "--netns",
                    "n1")
                #expect(result.status == 1)
                #expect(result.error.contains("another ipvs-agent (process \(agent.processIdentifier))"), "\(result.error)")
                #expect(try await scene.table != [])
                let named = try await Program.run(
                    Laboratory.control, "desc", "svc", "web", "--netns", "n1", "--socket", scene.directory + "/run/agent.sock")
                #expect(named.output.contains("Service:") && named.output.contains("inForce"), "\(named.text)")
                let why = try await Program.run(
                    Laboratory.control, "why", "10.96.0.20:80", "--netns", "n1", "--socket", scene.directory + "/run/agent.sock")
                #expect(why.output.contains("10.96.0.20 is bound"), "\(why.text)")
                // Held up, so that it does not put right what is broken.
                agent.signal(SIGSTOP)
                try await Program.script("ip address delete 10.96.0.20/32 dev kube-ipvs0", in: "n1")
                let broken = try await Program.run(Laboratory.control, "why", "10.96.0.20:80", "--netns", "n1", "--no-agent")
                #expect(broken.status == 1)
                #expect(broken.lines.dropFirst().first?.contains("wrong") == true, "\(broken.text)")
                #expect(broken.output.contains("no link of this node holds 10.96.0.20"), "\(broken.text)")
                agent.signal(SIGCONT)
            }
        }

        // MARK: Reading what was printed

        private struct Servers: Decodable {
            var items: [Item]

            struct Item: Decodable { var realServer: Server }

            struct Server: Decodable {
                var address: String
                var port: UInt16
                var weight: Int32
                var upperThreshold: UInt32
                var lowerThreshold: UInt32
                var connections: Counts
                var statistics: Statistics
                var name: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
            }

            struct Counts: Decodable { var active, inactive: UInt32 }
            struct Statistics: Decodable { var connections, incomingPackets, outgoingPackets, incomingBytes, outgoingBytes: UInt64 }
        }

        private static func order(_ left: [String], _ right: [String]) -> Bool { left.lexicographicallyPrecedes(right) }

        /// The real servers of a listing of ipvsadm, some of its columns.
        private static func rows(_ text: String, columns: [Int]) -> [[String]] {
            var rows: [[String]] = []
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                guard words.first == "->", words[1] != "RemoteAddress:Port" else { continue }
                rows.append(columns.map { words[$0] })
            }
            return rows.sorted(by: order)
        }

        /// A line with its words in order: the two write options in different ones.
        private static func normal(_ line: Substring) -> String { line.split(separator: " ").sorted().joined(separator: " ") }
    }
}
