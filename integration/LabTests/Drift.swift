import Foundation
import Testing

extension LabTests {
    /// Nothing that others do to the node lasts, and the log says exactly what they did.
    @Suite @MainActor struct Drift {
        private static let service = ServiceManifest(
            addresses: ["10.96.0.20", "fd00:10:96::20"], endpoints: Topology.endpoints4 + Topology.endpoints6)

        /// What is found by looking, with the words of the log.
        nonisolated private static let found: [(script: String, words: String)] = [
            ("ipvsadm -C", "virtual server tcp 10.96.0.20:80 is gone, with its 4 real servers"),
            (
                "ipvsadm -e -t 10.96.0.20:80 -r 10.244.0.11:8080 -m -w 0",
                "virtual server tcp 10.96.0.20:80: real server 10.244.0.11:8080 has weight 0 instead of 1"
            ),
            (
                "ipvsadm -d -t [fd00:10:96::20]:7 -r [fd00:10:244::11]:7",
                "virtual server tcp [fd00:10:96::20]:7: real server [fd00:10:244::11]:7 is gone"
            ),
            ("ipvsadm -E -t 10.96.0.20:80 -s wlc", "virtual server tcp 10.96.0.20:80: scheduler wlc instead of rr"),
            ("ipset flush KUBE-CLUSTER-IP", "2 entries are gone from set KUBE-CLUSTER-IP: 10.96.0.20,tcp:7 10.96.0.20,tcp:80"),
            ("IPTABLES -t nat -F KUBE-POSTROUTING", "rules of IPv4 table nat: chain KUBE-POSTROUTING was emptied (4 rules gone)"),
            ("IPTABLES -t nat -F", "rules of IPv4 table nat: chain KUBE-"),
            (
                "IPTABLES -t nat -F; IPTABLES -t nat -X; IPTABLES -t filter -F; ipset destroy KUBE-CLUSTER-IP",
                "set KUBE-CLUSTER-IP is gone, with its 2 entries"
            ),
        ]

        @Test(arguments: found.indices) func whatOthersChangeIsPutBackWithinAPeriod(_ index: Int) async throws {
            let (script, words) = Self.found[index]
            try await Scene.with(.bridge, [Self.service]) { scene in
                scene.flags = ["--ipvs-sync-period", "2s"]
                let agent = try await scene.startAgent()
                let before = try await state(scene)
                try await Program.script(
                    script.replacing("IPTABLES", with: "iptables-\(Laboratory.hasNFTables ? "nft" : "legacy")"), in: "n1")
                try await eventually("the log says what has drifted", within: .seconds(15)) { agent.error.contains("drift: " + words) }
                try await eventually("all is put back", within: .seconds(15)) { try await state(scene) == before }
                for address in Self.service.addresses { #expect(try await scene.ask(address, count: 4).counts.count == 4) }
            }
        }

        /// The kernel announces links and addresses: what is removed by hand is back at once.
        @Test(arguments: [
            ("address del 10.96.0.20/32 dev kube-ipvs0", "drift: address 10.96.0.20 is gone from kube-ipvs0"),
            ("address del fd00:10:96::20/128 dev kube-ipvs0", "drift: address fd00:10:96::20 is gone from kube-ipvs0"),
            ("link del kube-ipvs0", "drift: link kube-ipvs0 is gone"),
        ])
        func whatIsRemovedFromTheLinkIsPutBackAtOnce(_ command: String, _ words: String) async throws {
            try await Scene.with(.bridge, [Self.service]) { scene in
                // No resync will come to see it.
                scene.flags = ["--ipvs-sync-period", "1h"]
                let agent = try await scene.startAgent()
                // What the agent itself has done a moment ago may still be on its way to be announced.
                try await Task.sleep(for: .seconds(1))
                try await Program.script("ip " + command, in: "n1")
                try await eventually("every address is bound", within: .seconds(2)) {
                    let bound = try await Program.run("ip", "-o", "address", "show", "dev", "kube-ipvs0", in: "n1").output
                    return Self.service.addresses.allSatisfy { bound.contains($0 + "/") }
                }
                try await eventually("the log says so", within: .seconds(2)) { agent.error.contains(words) }
                for address in Self.service.addresses { #expect(try await scene.ask(address, count: 4).counts.count == 4) }
            }
        }

        /// Requests go on while the table is cleared; when it is back, none fails any more.
        @Test func aTableThatIsClearedUnderLoadComesBack() async throws {
            try await Scene.with(.bridge, [Self.service]) { scene in
                scene.flags = ["--ipvs-sync-period", "1s"]
                let agent = try await scene.startAgent()
                let before = try await state(scene)
                async let load = scene.ask("10.96.0.20", count: 300)
                try await Program.script("ipvsadm -C", in: "n1")
                try await eventually("the table is whole", within: .seconds(15)) { try await state(scene) == before }
                _ = try await load
                let after = try await scene.ask("10.96.0.20", count: 40)
                #expect(after.failures == "" && after.counts.count == 4)
                #expect(agent.error.contains("drift: virtual server tcp 10.96.0.20:7 is gone, with its 4 real servers"))
                // 2 addresses with 2 ports each.
                #expect(agent.error.components(separatedBy: "drift: ").count == 5, "\(agent.error)")
            }
        }

        @Test func anotherWriterIsReportedAndNotFoughtAtFullSpeed() async throws {
            try await Scene.with(.bridge, [Self.service]) { scene in
                scene.flags = ["--ipvs-sync-period", "1s"]
                let agent = try await scene.startAgent()
                _ = try scene.start(
                    ["bash", "-c", "while :; do ipvsadm -e -t 10.96.0.20:80 -r 10.244.0.11:8080 -m -w 0; sleep 0.3; done"], in: "n1")
                let line =
                    #/drift: virtual server tcp 10\.96\.0\.20:80: real server 10\.244\.0\.11:8080 has weight 0 instead of 1; comes back again and again \(3 times in \d+ s\): another program writes it; repaired next in 1 s/#
                try await eventually("the log says so", within: .seconds(20)) { agent.error.contains(line) }
                try await Task.sleep(for: .seconds(10))
                // Of some ten sweeps few told of it: the delays double.
                let told = agent.error.components(separatedBy: "real server 10.244.0.11:8080 has weight 0").count - 1
                #expect((3...7).contains(told), "\(agent.error)")
            }
        }

        /// What stands on the node, as others' tools print it.
        private func state(_ scene: Scene) async throws -> [String] {
            let table = try await scene.table.sorted()
            let rest = try await Program.script(
                """
                ip -o address show dev kube-ipvs0 | awk '{ print $4 }' | sort
                ipset save | grep -v '^create' | sort
                \(Laboratory.tool("iptables", "save")) | sed 's/\\[[0-9:]*\\]//' | grep -v '^#'
                """, in: "n1")
            return table + [rest]
        }
    }
}
