import Foundation
import Testing

extension LabTests {
    /// The image's root file system, run as the DaemonSet of `examples/kubernetes` has it run: the agent from it alone, with its settings,
    /// its mounts and its capabilities.
    @Suite @MainActor struct ContainerQemuRing {
        private static let root = Laboratory.package + "/.build/lab-image"
        private static let runner = Laboratory.package + "/integration/container"
        nonisolated static let backEnds = Laboratory.hasNFTables ? ["nft", "legacy"] : ["legacy"]

        private static func example(_ name: String) throws -> String {
            try String(contentsOfFile: Laboratory.package + "/examples/kubernetes/" + name, encoding: .utf8)
        }

        /// What the DaemonSet adds to none.
        private static var capabilities: String {
            get throws { try example("daemonset.yaml").matches(of: #/\n +- ([A-Z_]+)(?=\n)/#).map { String($0.1) }.joined(separator: ",") }
        }

        /// A command in a container on n1.
        private static func command(_ scene: Scene, _ rights: [String], _ arguments: [String]) -> [String] {
            let mounts = [
                "/config:/etc/ipvs-agent:ro", "/policies:/etc/ipvs-agent-policies:ro", "/run:/run/ipvs-agent", "/state:/var/lib/ipvs-agent",
                "/xtables.lock:/run/xtables.lock",
            ].flatMap { ["--mount", scene.directory + $0] }
            return [runner, root] + rights + mounts + ["--mount", "/lib/modules:/lib/modules:ro", "--"] + arguments
        }

        /// Settings, policies and what else the Pod has, as its ConfigMaps would.
        private static func prepare(_ scene: Scene, _ server: KubernetesAPI.Server, _ backEnd: String) throws {
            for name in ["config", "policies", "run", "state"] {
                try FileManager.default.createDirectory(atPath: scene.directory + "/" + name, withIntermediateDirectories: true)
            }
            var config = try example("config.yaml").replacing("10.244.0.0/16", with: Topology.podRanges.replacing(",", with: ", "))
            config += "hostnameOverride: n1\nkubeconfig: /etc/ipvs-agent/kubeconfig\niptablesBackend: \(backEnd)\n"
            try Data(config.utf8).write(to: URL(filePath: scene.directory + "/config/config.yaml"))
            try FileManager.default.copyItem(atPath: server.kubeconfig, toPath: scene.directory + "/config/kubeconfig")
            try Data(example("policies.yaml").utf8).write(to: URL(filePath: scene.directory + "/policies/policies.yaml"))
            try Data().write(to: URL(filePath: scene.directory + "/xtables.lock"))
        }

        @Test(arguments: backEnds) func aContainerHasWhatItNeedsAndNoMore(_ backEnd: String) async throws {
            let capabilities = try Self.capabilities
            #expect(capabilities == "NET_ADMIN,NET_RAW")
            try await Scene.with(.bridge) { scene in
                let server = KubernetesAPI.Server(scene: scene, services: [ServiceManifest(ports: [.http])])
                _ = try await server.start()
                try Self.prepare(scene, server, backEnd)
                scene.flags = ["--iptables-backend", backEnd]
                let agent = "/usr/sbin/ipvs-agent"
                let config = ["--config", "/etc/ipvs-agent/config.yaml"]

                try await Program.script("sysctl -qw net.ipv4.vs.conntrack=0", in: "n1")
                let prepared = try await Program(
                    Self.command(scene, ["--privileged"], [agent, "run", "--init-only"] + config), in: "n1"
                ).result(within: .seconds(120))
                #expect(prepared.status == 0 && prepared.output.contains("The kernel is prepared."), "\(prepared.text)")

                let limited = ["--capabilities", capabilities]
                let run = try scene.start(
                    Self.command(scene, limited, [agent, "run"] + config + ["--policies", "/etc/ipvs-agent-policies"]), in: "n1")
                try await eventually("all is in force", within: .seconds(120)) {
                    guard run.isRunning else { throw LabFailure("the container has ended") }
                    return run.error.contains("in force: ")
                }
                #expect(!run.error.contains("\"level\":\"error\""), "\(run.error)")
                #expect(try await scene.ask("10.96.0.20", count: 8).counts == ["web-1": 2, "web-2": 2, "web-3": 2, "web-4": 2])

                // It is as little as was said, and sees nothing that it could write but what is mounted for that.
                let seen = try await Program.script(
                    """
                    for process in /proc/[0-9]*; do
                        [[ $(<$process/comm) == ipvs-agent ]] || continue
                        grep -E '^(CapEff|CapBnd|NoNewPrivs)' $process/status
                        awk '$5 == "/" || $5 == "/proc/sys" {print $5, substr($6, 1, 2)}' $process/mountinfo
                    done
                    """)
                let expected = "CapEff:\t0000000000003000\nCapBnd:\t0000000000003000\nNoNewPrivs:\t1\n/ ro\n/proc/sys ro\n"
                #expect(seen == expected, "\(seen)")

                // Both families' tools answer, and hold our rules in this back end.
                for family in ["iptables", "ip6tables"] {
                    let rules = try await Program(
                        Self.command(scene, limited, ["/usr/sbin/\(family)-\(backEnd)-save", "-t", "nat"]), in: "n1"
                    ).result()
                    #expect(rules.status == 0 && rules.output.contains(":KUBE-SERVICES"), "\(family): \(rules.text)")
                }
                let shown = try await Program(
                    Self.command(scene, limited, ["/usr/bin/ipvsctl", "get", "services"]), in: "n1"
                ).result()
                #expect(shown.status == 0 && shown.output.contains("10.96.0.20"), "\(shown.text)")
            }
        }
    }
}
