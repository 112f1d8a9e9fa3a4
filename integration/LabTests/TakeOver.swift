import Addresses
import Foundation
import NodeModel
import Testing

extension LabTests {
    /// From kube-proxy to the agent, over the state that kube-proxy 1.36.2 left in a real kernel (`Tests/Recordings`): what is right is adopted,
    /// and no client notices.
    @Suite @MainActor struct TakeOver {
        /// The recorded objects and state, with the lab's servers in place of the recorded endpoints.
        private struct Recording {
            let objects: String
            let state: State

            struct State: Decodable {
                var ipvs: [String]
                var addresses: [String]
                var sets: [String]
                var iptables: [String]?
                var ip6tables: [String]?
            }

            private static let servers = [
                "10.244.0.2": "10.244.0.11", "10.244.0.3": "10.244.0.12", "10.244.1.2": "10.244.1.11", "10.244.1.3": "10.244.1.12",
                "10.244.2.2": "10.244.1.12", "fd00:10:244::2": "fd00:10:244::11", "fd00:10:244:1::2": "fd00:10:244:1::11",
                "fd00:10:244:1::3": "fd00:10:244:1::12",
            ]

            init(_ name: String) throws {
                func text(_ file: String) throws -> String {
                    var text = try String(contentsOfFile: Laboratory.package + "/Tests/Recordings/" + file, encoding: .utf8)
                    // Port 8443 becomes that of the servers' echo.
                    for (recorded, server) in Self.servers.merging(["8443": "7"], uniquingKeysWith: { $1 }) {
                        let pattern = "(?<![0-9a-f.:])" + NSRegularExpression.escapedPattern(for: recorded) + "(?![0-9a-f.])"
                        let port = recorded == "8443" ? "\\b8443\\b" : pattern
                        text = text.replacingOccurrences(of: port, with: server, options: .regularExpression)
                    }
                    return text
                }
                objects = try text(name + ".json")
                state = try JSONDecoder().decode(State.self, from: Data(text(name + ".state.json").utf8))
            }
        }

        /// The API server's own Service is in every recording, and in none of the documents.
        private static let apiServer = ServiceManifest(
            name: "kubernetes", addresses: ["10.96.0.1"], ports: [.init(number: 443, target: 6443)], endpoints: [])

        /// What kube-proxy leaves of a Service that is gone while it did not run.
        private static let stale = """
            -A -t 10.96.99.99:80 -s rr
            -a -t 10.96.99.99:80 -r 10.244.0.11:8080 -m -w 0
            """

        private static func load(_ state: Recording.State, rules: Recording.State) async throws {
            let sets = [("KUBE-", "inet"), ("KUBE-6-", "inet6")].flatMap { prefix, family in
                ServiceSet.allCases.filter(\.isKubeProxys).map { set in
                    let key = SetKey(set, prefix == "KUBE-" ? .ipv4 : .ipv6)
                    return set.type == .bitmapPort
                        ? "create \(key.name) bitmap:port range 0-65535"
                        : "create \(key.name) \(set.type.rawValue) family \(family) hashsize 1024 maxelem 65536"
                }
            }
            func batch(_ command: String, _ lines: [String]) -> String { "\(command) <<'END'\n\(lines.joined(separator: "\n"))\nEND\n" }
            func saved(_ lines: [String]?) -> [String] { (lines ?? []).map { $0.hasPrefix(":KUBE") ? $0 + " [0:0]" : $0 } }
            try await Program.script(
                batch("ipset restore", sets + state.sets + ["add KUBE-CLUSTER-IP 10.96.99.99,tcp:80", "add KUBE-IPVS-IPS 10.96.99.99"])
                    + "ip link add kube-ipvs0 type dummy\nip link set kube-ipvs0 arp off\n"
                    + batch("ip -batch -", (state.addresses + ["10.96.99.99/32"]).map { "address add \($0) dev kube-ipvs0" })
                    + batch("ipvsadm -R", [stale] + state.ipvs)
                    + batch("iptables-legacy-restore", saved(rules.iptables)) + batch("ip6tables-legacy-restore", saved(rules.ip6tables))
                    + "for name in conntrack expire_nodest_conn expire_quiescent_template; do echo 1 >/proc/sys/net/ipv4/vs/$name; done\n",
                in: "n1")
        }

        @Test(arguments: ["clusterip-basic", "dual-stack", "hairpin-local", "terminating", "zone-hints"])
        func whatIsRightIsAdopted(_ name: String) async throws {
            let recording = try Recording(name)
            try await Scene.with(.bridge, [Self.apiServer]) { scene in
                let node = """
                    apiVersion: v1
                    kind: Node
                    metadata: {name: n1, labels: {topology.kubernetes.io/zone: a}}
                    """
                try scene.manifests.write(node, to: "node.yaml")
                try scene.manifests.write(recording.objects, to: "recorded.json")
                try await Self.load(recording.state, rules: Recording("clusterip-basic").state)
                scene.flags = ["--iptables-backend", "legacy"]
                let plan = try await scene.run("plan")
                #expect(plan.status == 3)
                let operations = plan.output.split(separator: "\n").dropLast().map {
                    $0.split(separator: " ").dropFirst().joined(separator: " ")
                }
                // What is stale is drained first, and `--once`, which waits for nothing, removes it. kube-proxy has no such sets.
                let expected = Set(
                    ["", "6-"].flatMap { family in
                        ["NO-LOCAL-ENDPOINT", "INSIDE-MARK", "GROUP-MARK"].map { "create set IPVS-AGENT-\(family)\($0) hash:ip,port" }
                    })
                let others = operations.filter { !$0.hasPrefix("change IPv") && !$0.hasPrefix("set sysctl") }
                #expect(Set(others) == expected, "what is right stays, and the rules are written: \(plan.output)")
                #expect(try await scene.run("run", "--once").status == 0)
                #expect(try await Set(scene.table) == Set(recording.state.ipvs))
                let bound = try await Program.script("ip -o address show dev kube-ipvs0 | awk '{ print $4 }'", in: "n1")
                #expect(Set(bound.split(separator: "\n").map(String.init)) == Set(recording.state.addresses))
                let entries = try await Program.script("ipset save | grep '^add KUBE-'", in: "n1").split(separator: "\n").map(String.init)
                #expect(Set(entries) == Set(recording.state.sets))
                #expect(try await scene.run("plan").status == 0)
                #expect(try await scene.run("cleanup").status == 0)
                let left = try await Program.script(
                    "ipvsadm -Sn; ipset save; iptables-legacy-save; ip6tables-legacy-save; ip -o link show | grep kube || true", in: "n1")
                #expect(!left.contains("KUBE") && !left.contains("kube-ipvs0") && !left.contains("-A -t"), "\(left)")
            }
        }

        @Test func noClientNotices() async throws {
            let recording = try Recording("clusterip-basic")
            try await Scene.with(.bridge, [Self.apiServer]) { scene in
                try scene.manifests.write(recording.objects, to: "recorded.json")
                try await Self.load(recording.state, rules: recording.state)
                scene.flags = ["--iptables-backend", "legacy"]
                var connections: [Program] = []
                var requests: [Program] = []
                for namespace in ["client", "outside", "n1"] {
                    connections.append(try await scene.hold("10.96.1.1", 443, from: namespace))
                    requests.append(
                        try scene.start([Laboratory.peer, "get", "10.96.1.1", "80", "--count", "1000000", "--summary"], in: namespace))
                }
                let agent = try await scene.startAgent("--ipvs-sync-period", "2s")
                try await scene.untilTable(has: "10.96.99.99", false)
                #expect(!agent.error.contains(" error "), "\(agent.error)")
                try await Task.sleep(for: .seconds(5))
                #expect(!agent.error.contains("drift"), "\(agent.error)")
                for connection in connections { try await scene.release(connection) }
                for request in requests {
                    request.signal(15)
                    let result = try await request.result()
                    #expect(result.status == 0 && !result.output.contains("failed"), "\(result.text)")
                    // kube-proxy's real servers, and all of them.
                    #expect(result.lines.count == 3, "\(result.output)")
                }
                #expect(try await Set(scene.table) == Set(recording.state.ipvs))
            }
        }
    }
}
