import Foundation
import TestSupport
import Testing

extension LabTests {
    /// A set that is full is made anew beside itself and changes places with itself, while rules match it.
    @Suite @MainActor struct SetGrowth {
        /// Drops what goes to the Service while its entry is not in the set. One packet in such a moment would be missed by a client.
        private static let watch = """
            iptables-legacy -I INPUT -d 10.96.0.20/32 -p tcp -m set ! --match-set KUBE-CLUSTER-IP dst,dst -j DROP
            """
        private static let unwatch = """
            iptables-legacy -D INPUT -d 10.96.0.20/32 -p tcp -m set ! --match-set KUBE-CLUSTER-IP dst,dst -j DROP
            """

        private func set(maximum: Int, entries: [String]) -> String {
            """
            ipset restore <<'END'
            create KUBE-CLUSTER-IP hash:ip,port hashsize 64 maxelem \(maximum)
            \(entries.map { "add KUBE-CLUSTER-IP \($0)" }.joined(separator: "\n"))
            END
            """
        }

        @Test func noPacketMissesAnEntry() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                scene.flags = ["--iptables-backend", "legacy"]
                try await Program.script(set(maximum: 3, entries: ["10.96.0.20,tcp:80", "10.96.0.20,tcp:7"]), in: "n1")
                let agent = try await scene.startAgent()
                try await Program.script(Self.watch, in: "n1")
                let connection = try await scene.hold("10.96.0.20")
                let requests = try scene.start(
                    [Laboratory.peer, "get", "10.96.0.20", "80", "--count", "1000000", "--summary"], in: "client")
                for (round, limit) in [4, 5, 7].enumerated() {
                    // Somebody makes it small again, by the same means.
                    let entries = ["10.96.0.20,tcp:80", "10.96.0.20,tcp:7"] + (0..<round).map { "10.96.0.4\($0),tcp:80" }
                    if round > 0 {
                        try await Program.script(
                            set(maximum: limit - 2, entries: entries).replacing("KUBE-CLUSTER-IP", with: "SMALL")
                                + "\nipset swap SMALL KUBE-CLUSTER-IP; ipset destroy SMALL", in: "n1")
                    }
                    try scene.manifests.write(
                        ServiceManifest(name: "more-\(round)", addresses: ["10.96.0.4\(round)"], ports: [.http, .echo]))
                    try await eventually("the set has grown", within: .seconds(30)) {
                        let saved = try await Program.script("ipset save KUBE-CLUSTER-IP", in: "n1")
                        return saved.contains("maxelem 65536") && saved.contains("10.96.0.4\(round),tcp:7")
                    }
                }
                #expect(agent.error.contains("grow set KUBE-CLUSTER-IP") || agent.error.contains("is full"))
                try await scene.release(connection)
                requests.signal(15)
                let result = try await requests.result()
                #expect(result.status == 0 && !result.output.contains("failed"), "\(result.text)")
                let counters = try await Program.script("iptables-legacy -nvxL INPUT 1", in: "n1").split(separator: " ")
                #expect(counters.first == "0", "packets that found no entry: \(counters)")
                try await Program.script(Self.unwatch, in: "n1")
            }
        }

        /// Killed while it grows a set of thousands: every entry is there at every moment, and the next one makes an end of it.
        @Test func aKillOnTheWayLosesNothing() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                scene.flags = ["--iptables-backend", "legacy"]
                var random = SeededGenerator(seed: 5)
                // Not wanted, so the last round removes them; a grown set is needed for what is wanted beside them.
                let entries = (0..<4000).map { "10.97.\($0 / 250).\($0 % 250),udp:53" }
                try await Program.script(set(maximum: 4000, entries: entries).replacing("KUBE-CLUSTER-IP", with: "FULL"), in: "n1")
                var leftovers = 0
                for round in 0..<8 {
                    try await Program.script(
                        "ipset save FULL | sed 's/FULL/KUBE-CLUSTER-IP/' | ipset restore", in: "n1")
                    let agent = try scene.start(scene.arguments("run", ["--once"]), in: "n1")
                    try await eventually("it has come to the sets", within: .seconds(30)) {
                        guard agent.isRunning else { return true }
                        return try await Program.run("ipset", "-n", "list", "IPVS-AGENT-TEMPORARY", in: "n1").status == 0
                    }
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0..<40, using: &random)))
                    agent.signal(9)
                    _ = try await agent.result()
                    let saved = try await Program.script("ipset save", in: "n1").split(separator: "\n")
                    let held = saved.filter { $0.hasPrefix("add KUBE-CLUSTER-IP 10.97.") }.count
                    let isDone = !saved.contains { $0.contains("KUBE-CLUSTER-IP 10.97.0.0,") }
                    #expect(held == 4000 || isDone, "round \(round): \(held)")
                    if saved.contains(where: { $0.hasPrefix("create IPVS-AGENT-TEMPORARY") }) { leftovers += 1 }
                    let once = try await scene.run("run", "--once")
                    #expect(once.status == 0, "\(once.text)")
                    let after = try await Program.script("ipset save", in: "n1")
                    #expect(after.contains("add KUBE-CLUSTER-IP 10.96.0.20,tcp:80") && !after.contains("KUBE-CLUSTER-IP 10.97."))
                    #expect(!after.contains("IPVS-AGENT-TEMPORARY"))
                    #expect(try await scene.run("cleanup").status == 0)
                }
                #expect(leftovers > 0, "some were killed on the way")
                try await Program.script("ipset destroy FULL", in: "n1")
            }
        }
    }
}
