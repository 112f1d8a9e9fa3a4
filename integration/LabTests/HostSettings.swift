import Foundation
import Testing

extension LabTests {
    /// The kernel's settings of the machine: set where they differ, and put back.
    @Suite @MainActor struct HostSettings {
        private func values(_ names: [String], in namespace: String? = "n1") async throws -> [String] {
            try await Program.script("sysctl -n \(names.joined(separator: " "))", in: namespace).split(separator: "\n").map(String.init)
        }

        @Test func initOnlyPreparesAndCleanupPutsBack() async throws {
            let names = ["net.ipv4.vs.conntrack", "net.ipv4.vs.expire_nodest_conn", "net.ipv4.conf.all.arp_ignore"]
            try await Scene.with { scene in
                try await Program.script("sysctl -qw \(names.map { "\($0)=0" }.joined(separator: " "))", in: "n1")
                scene.flags = ["--ipvs-strict-arp"]
                let prepared = try await scene.run("run", "--init-only")
                #expect(prepared.status == 0 && prepared.output.contains("The kernel is prepared."), "\(prepared.text)")
                #expect(try await values(names) == ["1", "1", "1"])
                #expect(try await !Program.script("ip -o link", in: "n1").contains("kube-ipvs0"))
                let plan = try await scene.run("plan")
                #expect(!plan.output.contains("sysctl net.ipv4"), "\(plan.text)")

                // Another flag, another value by somebody else, and clean-up without the flag.
                scene.flags = []
                try await Program.script(
                    "sysctl -qw net.ipv4.vs.expire_nodest_conn=0; sysctl -qw net.ipv4.vs.expire_nodest_conn=1", in: "n1")
                try await Program.script("sysctl -qw net.ipv4.conf.all.arp_ignore=2", in: "n1")
                let cleanup = try await scene.run("cleanup")
                #expect(cleanup.status == 0, "\(cleanup.text)")
                #expect(try await values(names) == ["0", "0", "2"], "put back, but for what somebody else has set since")
                try await Program.script("sysctl -qw net.ipv4.conf.all.arp_ignore=0", in: "n1")
            }
        }

        /// In a network namespace of its own a process may not change the limit, which is the machine's.
        @Test func theLimitOfConnectionsIsRaisedByTheMachineAlone() async throws {
            let limit = "net.netfilter.nf_conntrack_max"
            try await Scene.with { scene in
                let before = try await values([limit], in: nil)
                try await Program.script("sysctl -qw net.nf_conntrack_max=1000")
                scene.flags = ["--conntrack-min", "5000", "--conntrack-max-per-core", "1"]
                let agent = try await scene.startAgent()
                #expect(
                    agent.error.contains(
                        "\(limit) is 1000 and may not be changed from here; set it on the machine itself: sysctl -w \(limit)=5000"),
                    "\(agent.error)")
                #expect(try await values([limit], in: nil) == ["1000"])

                let machine = try await Program.run(
                    Laboratory.agent, "run", "--init-only", "--runtime-directory", scene.directory + "/machine", "--conntrack-min", "5000",
                    "--conntrack-max-per-core", "1")
                #expect(machine.status == 0, "\(machine.text)")
                #expect(try await values([limit], in: nil) == ["5000"])
                try await Program.script("sysctl -qw net.nf_conntrack_max=\(before[0])")
            }
        }
    }
}
