import Foundation
import Testing

extension LabTests {
    /// One part cannot be had: all else is in force, the message says what to do, and when that is done the rest comes by itself.
    @Suite @MainActor struct PartFailures {
        private let other = ServiceManifest(name: "other", addresses: ["10.96.0.30"], ports: [.http])

        /// Runs once, and expects a failure that says this, with everything but the other Service in force.
        private func fails(
            _ scene: Scene, with status: Int32, saying words: String..., environment: [String: String] = [:],
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let once = try await scene.run("run", "--once", environment: environment)
            #expect(once.status == status, "\(once.text)", sourceLocation: sourceLocation)
            for word in words { #expect(once.error.contains(word), "\(word)\n\(once.error)", sourceLocation: sourceLocation) }
            // One sentence for one cause, however much waits for it. (Two families, and two sets of a type in each.)
            #expect(once.error.components(separatedBy: "Z error ").count <= 5, "\(once.error)", sourceLocation: sourceLocation)
            #expect(once.output.contains("not everything is in force"), sourceLocation: sourceLocation)
            let answers = try await scene.ask("10.96.0.20", count: 4)
            #expect(answers.failures == "" && answers.counts.count == 4, "all else is in force", sourceLocation: sourceLocation)
        }

        @Test func anAddressThatAnotherLinkHolds() async throws {
            try await Scene.with(.bridge, [ServiceManifest(), other]) { scene in
                try await Program.script(
                    "ip link add nodelocaldns type dummy; ip link set nodelocaldns up; ip address add 10.96.0.30/32 dev nodelocaldns",
                    in: "n1")
                let local = try scene.start([Laboratory.peer, "serve", "local", "--http", "80"], in: "n1")
                try await eventually("the node's own server listens") { local.output == "ready\n" }
                try await fails(
                    scene, with: 1,
                    saying: "cannot bind address 10.96.0.30: the link nodelocaldns holds it, so nothing is balanced on it. "
                        + "Take it from that link (ip address show to 10.96.0.30), or give the Service another cluster IP")
                let own = try await scene.ask("10.96.0.30", from: "n1", count: 3)
                #expect(own.counts == ["local": 3], "the node's own traffic to its own address: \(own.failures)")
                #expect(try await !scene.table.contains { $0.contains("10.96.0.30") })
                #expect(try await !Program.script("ipset save", in: "n1").contains("10.96.0.30"))
                let plan = try await scene.run("plan")
                #expect(plan.status == 1 && plan.output.hasPrefix("Nothing to do"), "\(plan.text)")

                let agent = try await scene.startAgent("--ipvs-sync-period", "10m")
                #expect(agent.error.contains("the link nodelocaldns holds it"))
                try await Program.script("ip address del 10.96.0.30/32 dev nodelocaldns", in: "n1")
                try await scene.untilTable(has: "-a -t 10.96.0.30:80 -r 10.244.0.11", within: .seconds(5))
                try await eventually("it is served") { try await scene.ask("10.96.0.30", count: 4).counts.count == 4 }
                // Who comes later does not take away what is served.
                try await Program.script("ip address add 10.96.0.30/32 dev nodelocaldns", in: "n1")
                let answers = try await scene.ask("10.96.0.30", count: 8)
                #expect(answers.failures == "" && answers.counts.count == 4)
                try await Program.script("ip link del nodelocaldns", in: "n1")
            }
        }

        @Test func rulesThatCannotBeWritten() async throws {
            try await Scene.with(.bridge, [ServiceManifest(), other]) { scene in
                let tools = scene.directory + "/tools"
                // The agent's own tools, in front of the machine's.
                try await Program.script(
                    """
                    mkdir \(tools)
                    cat >\(tools)/iptables-legacy-restore <<'END'
                    #!/bin/sh
                    if [ -e \(tools)/broken ]; then echo "iptables-restore: line 5 failed" >&2; exit 1; fi
                    exec /usr/sbin/iptables-legacy-restore "$@"
                    END
                    chmod +x \(tools)/iptables-legacy-restore
                    touch \(tools)/broken
                    """)
                let environment = ["PATH": "\(tools):/usr/sbin:/usr/bin:/sbin:/bin"]
                scene.flags = ["--iptables-backend", "legacy"]
                try await fails(
                    scene, with: 1, saying: "cannot change IPv4 rules: ", "iptables-legacy-restore: exit status 1",
                    environment: environment)
                #expect(try await Program.script("ip6tables-legacy-save", in: "n1").contains("KUBE-SERVICES"), "the other family")
                let agent = try await scene.startAgent(environment: environment)
                #expect(try await !Program.script("iptables-legacy-save", in: "n1").contains("KUBE-SERVICES"))
                try FileManager.default.removeItem(atPath: tools + "/broken")
                try await eventually("the rules are written", within: .seconds(30)) {
                    try await Program.script("iptables-legacy-save", in: "n1").contains("-j KUBE-SERVICES")
                }
                try await eventually("nothing is left to do") { try await scene.run("plan").status == 0 }
                #expect(agent.isRunning)
            }
        }

        /// Another program writes rules for longer than the tools wait.
        @Test func aLockThatSomebodyHolds() async throws {
            try await Scene.with(.bridge, [ServiceManifest(), other]) { scene in
                scene.flags = ["--iptables-backend", "legacy"]
                let holder = try scene.start(["flock", "/run/xtables.lock", "sleep", "100"], in: "n1")
                try await eventually("the lock is held") {
                    try await Program.run("flock", "-n", "/run/xtables.lock", "true").status != 0
                }
                try await fails(scene, with: 1, saying: "Another program holds the lock of iptables; the change is tried again.")
                let agent = try await scene.startAgent()
                try await Program.script("pkill -P \(holder.processIdentifier) || true")
                holder.signal(9)
                try await eventually("the rules are written", within: .seconds(60)) {
                    try await Program.script("iptables-legacy-save; ip6tables-legacy-save", in: "n1")
                        .components(separatedBy: "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES").count
                        == 3
                }
                #expect(agent.isRunning)
            }
        }

        @Test func aTypeOfSetThatTheKernelLacks() async throws {
            try await Scene.with(.bridge, [ServiceManifest(), other]) { scene in
                let block = "/etc/modprobe.d/zz-lab.conf"
                try await Program.script("rmmod ip_set_hash_ipportip; echo 'install ip_set_hash_ipportip /bin/false' >\(block)")
                defer { try? FileManager.default.removeItem(atPath: block) }
                scene.flags = ["--iptables-backend", "legacy"]
                try await fails(scene, with: 4, saying: "cannot create set KUBE-LOOP-BACK", "modprobe ip_set_hash_ipportip")
                let rules = try await Program.script("iptables-legacy-save", in: "n1")
                #expect(rules.contains("--match-set KUBE-CLUSTER-IP") && !rules.contains("KUBE-LOOP-BACK"))
                _ = try await scene.startAgent()
                try FileManager.default.removeItem(atPath: block)
                try await eventually("the rest comes", within: .seconds(30)) {
                    try await Program.script("iptables-legacy-save", in: "n1").contains("KUBE-LOOP-BACK")
                }
                try await eventually("nothing is left to do") { try await scene.run("plan").status == 0 }
            }
        }

        @Test func aSetOfAnotherTypeUnderOurName() async throws {
            try await Scene.with(.bridge, [ServiceManifest(), other]) { scene in
                scene.flags = ["--iptables-backend", "legacy"]
                try await Program.script("ipset create KUBE-CLUSTER-IP hash:net; ipset add KUBE-CLUSTER-IP 10.96.0.0/16", in: "n1")
                let theirs = try await Program.script("ipset save KUBE-CLUSTER-IP", in: "n1")
                try await fails(
                    scene, with: 1, saying: "cannot create set KUBE-CLUSTER-IP hash:ip,port",
                    "Another program owns that name: remove the set (ipset destroy KUBE-CLUSTER-IP) or stop that program.")
                #expect(try await scene.run("cleanup").status == 0)
                #expect(try await Program.script("ipset save KUBE-CLUSTER-IP", in: "n1") == theirs)
                let agent = try await scene.startAgent()
                #expect(try await scene.ask("10.96.0.30", count: 4).failures == "")
                try await Program.script("ipset destroy KUBE-CLUSTER-IP", in: "n1")
                try await eventually("ours is made", within: .seconds(30)) {
                    try await Program.script("ipset save KUBE-CLUSTER-IP || true; iptables-legacy-save", in: "n1").contains(
                        "--match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT")
                }
                try await eventually("nothing is left to do") { try await scene.run("plan").status == 0 }
                #expect(agent.isRunning)
            }
        }
    }
}
