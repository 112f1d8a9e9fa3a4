import Foundation
import Testing

extension LabTests {
    /// What the commands say and do, and that they leave alone what is others'.
    @Suite @MainActor struct CommandsQemuRing {
        @Test func planTellsAndOnceDoes() async throws {
            try await Scene.with(.bridge, [ServiceManifest(ports: [.http])]) { scene in
                let plan = try await scene.run("plan")
                #expect(plan.status == 3, "\(plan.text)")
                for operation in ["create dummy link kube-ipvs0", "add virtual server", "bind address 10.96.0.20", "add real server"] {
                    #expect(plan.lines.contains { $0.contains(operation) }, "\(operation)\n\(plan.output)")
                }
                #expect(plan.lines.last?.wholeMatch(of: #/\d+ operations\./#) != nil)
                #expect(try await scene.table == [], "plan changes nothing")
                #expect(try await Program.run("ip", "link", "show", "kube-ipvs0", in: "n1").status != 0)

                let json = try await scene.run("plan", "-o", "json")
                let document = try JSONDecoder().decode(PlanDocument.self, from: Data(json.output.utf8))
                #expect(document.kind == "Plan" && "\(document.operations.count) operations." == plan.lines.last)

                let once = try await scene.run("run", "--once")
                #expect(once.status == 0, "\(once.text)")
                #expect(once.output == "in force: 1 virtual server with 4 real servers on 1 address\n")
                #expect(try await scene.ask("10.96.0.20", count: 4).counts.count == 4)
                let after = try await scene.run("plan")
                #expect(after.status == 0 && after.output == "Nothing to do: the kernel is as it should be.\n", "\(after.text)")
            }
        }

        private struct PlanDocument: Decodable {
            var kind: String
            var operations: [String]
        }

        /// Without rules there is no masquerading and no guard; all else works, and the operator is told what to do.
        @Test func withoutIPTablesAllElseIsInForce() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                // What cannot be executed counts as not there: the tools are links to these programs.
                let arguments = [
                    Laboratory.agent, "run", "--once", "--manifests", scene.manifests.path, "--hostname-override", "n1",
                    "--runtime-directory", scene.directory + "/run", "--cluster-cidr", Topology.podRanges,
                ]
                let hide = """
                    for tool in /usr/sbin/xtables-*-multi; do mount --bind /dev/null "$tool"; done
                    exec \(arguments.joined(separator: " "))
                    """
                let result = try await Program(["unshare", "--mount", "bash", "-euc", hide], in: "n1").result()
                #expect(result.status == 4, "\(result.text)")
                #expect(result.error.contains("Install iptables (apt-get install iptables)"), "\(result.error)")
                #expect(try await scene.ask("10.96.0.20", count: 4).counts.count == 4)
            }
        }

        /// `cleanup` removes exactly what is ours, in both families.
        @Test func cleanupLeavesWhatIsOthers() async throws {
            let service = ServiceManifest(
                addresses: ["10.96.0.20", "fd00:10:96::20"], ports: [.http, .datagram], endpoints: Topology.endpoints4 + Topology.endpoints6
            )
            let state = """
                ipvsadm -Sn
                ipset save
                \(Laboratory.tool("iptables", "save")) | sed -E '/^#/d; s/ \\[[0-9]+:[0-9]+\\]$//'
                \(Laboratory.tool("ip6tables", "save")) | sed -E '/^#/d; s/ \\[[0-9]+:[0-9]+\\]$//'
                ip -o link show type dummy | cut -d' ' -f2-
                """
            try await Scene.with(.bridge, [service]) { scene in
                func others(_ chain: String) -> String {
                    "*nat\n:\(chain) - [0:0]\n-A PREROUTING -d 198.51.100.9/32 -j \(chain)\n-A \(chain) -j RETURN\nCOMMIT\n"
                        + "*filter\n-A FORWARD -d 198.51.100.9/32 -j DROP\nCOMMIT\n"
                }
                let restore = Laboratory.tool("iptables", "restore")
                try await Program.script(
                    """
                    ipvsadm -A -t 192.0.2.10:8888 -s wrr
                    ipvsadm -a -t 192.0.2.10:8888 -r 10.244.0.11:8080 -m
                    ipset create OTHERS hash:ip
                    ipset add OTHERS 198.51.100.9
                    ip link add others0 type dummy
                    \(restore) --noflush <<'END'
                    \(others("OTHERS-BEFORE"))
                    END
                    """, in: "n1")
                _ = try await scene.startAgent().signal(SIGKILL)
                let during = try await Program.script(state, in: "n1")
                for ours in ["10.96.0.20", "fd00:10:96::20", "KUBE-CLUSTER-IP ", "KUBE-6-CLUSTER-IP ", ":KUBE-SERVICES", "kube-ipvs0"] {
                    #expect(during.contains(ours), "\(ours)")
                }
                try await Program.script("\(restore) --noflush <<'END'\n\(others("OTHERS-AFTER"))END", in: "n1")
                let cleanup = try await scene.run("cleanup")
                #expect(cleanup.status == 0, "\(cleanup.text)")
                let left = try await Program.script(state, in: "n1")
                #expect(
                    !left.contains("KUBE-") && !left.contains("kube-") && !left.contains("10.96.") && !left.contains("fd00:10:96"),
                    "\(left)")
                for theirs in [
                    "-A -t 192.0.2.10:8888 -s wrr", "-a -t 192.0.2.10:8888 -r 10.244.0.11:8080 -m -w 1", "create OTHERS hash:ip",
                    "add OTHERS 198.51.100.9", "others0", ":OTHERS-BEFORE -", "-A PREROUTING -d 198.51.100.9/32 -j OTHERS-BEFORE",
                    "-A OTHERS-BEFORE -j RETURN", ":OTHERS-AFTER -", "-A PREROUTING -d 198.51.100.9/32 -j OTHERS-AFTER",
                    "-A FORWARD -d 198.51.100.9/32 -j DROP",
                ] { #expect(left.contains(theirs), "\(theirs)\n\(left)") }
                let again = try await scene.run("cleanup")
                #expect(again.status == 0 && again.output == "Nothing of ours was there.\n", "\(again.text)")
                try await Program.script(
                    """
                    ipvsadm -C
                    ipset destroy OTHERS
                    ip link del others0
                    \(restore) <<<$'*nat\\nCOMMIT\\n*filter\\nCOMMIT'
                    """, in: "n1")
            }
        }
    }
}
