import Testing

extension LabTests {
    /// What stands in the way: one clear sentence, an exit status, and all else is in force.
    @Suite @MainActor struct Commands {
        /// Debian's kernels have no `twos`; a service that asks for it fails alone. Where there is one, it works.
        @Test(arguments: ["twos"]) func aSchedulerThatIsMissingFailsAlone(_ scheduler: String) async throws {
            var service = ServiceManifest(name: "odd", addresses: ["10.96.0.30"], ports: [.http])
            service.annotations = ["scheduler": scheduler]
            try await Scene.with(.bridge, [ServiceManifest(), service]) { scene in
                let hasModule = try await Program.run("modprobe", "-n", "ip_vs_" + scheduler).status == 0
                let once = try await scene.run("run", "--once")
                #expect(try await scene.ask("10.96.0.20", count: 4).counts.count == 4, "the other is in force")
                if hasModule {
                    #expect(once.status == 0)
                    #expect(try await scene.ask("10.96.0.30", count: 4).failures == "")
                } else {
                    #expect(once.status == 4)
                    #expect(once.error.contains("scheduler") && once.error.contains(scheduler), "\(once.error)")
                    #expect(once.error.contains("modprobe ip_vs_" + scheduler), "the remedy: \(once.error)")
                    // Neither its address nor its entry: a client must not reach a port of the node instead.
                    #expect(try await !Program.run("ip", "address", "show", "dev", "kube-ipvs0", in: "n1").output.contains("10.96.0.30"))
                }
            }
        }

        /// A name that Linux does not know is no question to the kernel: it is told, and the Service serves as it would without it.
        @Test func aNameThatIsNoSchedulersIsRefused() async throws {
            var service = ServiceManifest(name: "odd", addresses: ["10.96.0.30"], ports: [.http])
            service.annotations = ["scheduler": "wlcc"]
            try await Scene.with(.bridge, [service]) { scene in
                let once = try await scene.run("run", "--once")
                #expect(
                    once.error.contains("\"wlcc\" is not a scheduler's name") && once.error.contains("did you mean wlc?"), "\(once.error)")
                #expect(try await scene.table.contains("-A -t 10.96.0.30:80 -s rr"))
            }
        }

        @Test func oneAgentWrites() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                let agent = try await scene.startAgent()
                for verb in ["run", "cleanup"] {
                    let second = try await scene.run(verb)
                    #expect(second.status == 1)
                    #expect(
                        second.error.contains(
                            "another ipvs-agent (process \(agent.processIdentifier)) writes to this node's kernel; stop it first"),
                        "\(second.error)")
                }
                #expect(agent.isRunning)
                #expect(try await scene.run("plan").status == 0, "reading needs no lock")
            }
        }

        /// A link of another kind that has our name is not ours.
        @Test func anotherKindOfLinkIsNotTaken() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                try await Program.script("ip link add kube-ipvs0 type bridge", in: "n1")
                let once = try await scene.run("run", "--once")
                #expect(once.status != 0)
                #expect(once.error.contains("link kube-ipvs0 is of kind bridge, not a dummy"), "\(once.error)")
                #expect(try await scene.table.contains("-a -t 10.96.0.20:80 -r 10.244.0.11:8080 -m -w 1"), "all else is in force")
                #expect(try await Program.script("ip -o -d link show kube-ipvs0", in: "n1").contains("bridge"))
                let cleanup = try await scene.run("cleanup")
                #expect(try await Program.script("ip -o -d link show kube-ipvs0", in: "n1").contains("bridge"), "\(cleanup.text)")
                #expect(try await scene.table == [], "what was made before the link failed is ours all the same: \(cleanup.text)")
                try await Program.script("ip link del kube-ipvs0; ipvsadm -C", in: "n1")
            }
        }

        @Test func withoutPrivilegeItSaysSo() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                let command = [
                    Laboratory.agent, "run", "--once", "--manifests", scene.manifests.path, "--hostname-override", "n1",
                    "--runtime-directory", "/tmp/ipvs-agent-of-nobody",
                ]
                try await Program.script("chmod -R a+rX \(scene.directory)")
                let program = try Program(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + command, in: "n1")
                let result = try await program.result()
                #expect(result.status == 4, "\(result.text)")
                #expect(result.error.contains("root") || result.error.contains("CAP_NET_ADMIN"), "\(result.error)")
                #expect(try await scene.table == [])
            }
        }
    }
}
