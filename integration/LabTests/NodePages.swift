import Foundation
import Testing

extension LabTests {
    /// What load balancers, the kubelet and Prometheus are told at the node's ports.
    @Suite @MainActor struct NodePages {
        private static let port = 31234
        private static let exposure = ServiceManifest.Exposure(
            policy: "Local", loadBalancerAddresses: ["203.0.113.10", "2001:db8:203::10"], healthCheckNodePort: 31234)

        private static func service(_ endpoints: [String]) -> ServiceManifest {
            ServiceManifest(addresses: ["10.96.0.20", "fd00:10:96::20"], endpoints: endpoints, exposure: exposure)
        }

        /// The head and body of an answer; the words of the failure where there is none.
        private func get(_ url: String, from namespace: String = "outside") async throws -> String {
            try await Program.run("curl", "--silent", "--show-error", "--include", "--max-time", "3", "--globoff", url, in: namespace).text
        }

        @Test func aHealthCheckNodePortTellsWhatThisNodeHas() async throws {
            let all = Topology.endpoints4 + Topology.endpoints6
            try await Scene.with(.bridge, [Self.service(all)]) { scene in
                _ = try await scene.startAgent()
                for address in ["192.0.2.10", "[2001:db8:1::10]"] {
                    try await eventually("\(address) answers", within: .seconds(10)) {
                        try await get("http://\(address):\(Self.port)/anything").hasPrefix("HTTP/1.1 200")
                    }
                    let answer = try await get("http://\(address):\(Self.port)/healthz")
                    #expect(answer.contains("X-Load-Balancing-Endpoint-Weight: 2\r\n"), "\(answer)")
                    #expect(answer.contains(#""localEndpoints" : 2"#) && answer.contains(#""serviceProxyHealthy" : true"#), "\(answer)")
                }
                // The endpoints here go; those on the other node stay.
                try scene.manifests.write(Self.service(all.filter { !$0.hasPrefix("10.244.0.") && !$0.hasPrefix("fd00:10:244::") }))
                try await eventually("it says so", within: .seconds(10)) {
                    try await get("http://192.0.2.10:\(Self.port)/").hasPrefix("HTTP/1.1 503")
                }
                let empty = try await get("http://192.0.2.10:\(Self.port)/")
                #expect(empty.contains(#""localEndpoints" : 0"#) && empty.contains(#""serviceProxyHealthy" : true"#), "\(empty)")
                try scene.manifests.remove("web.yaml")
                try await eventually("nobody listens any more", within: .seconds(10)) {
                    try await get("http://192.0.2.10:\(Self.port)/").contains("onnect")
                }
            }
        }

        @Test func rulesThatCannotBeWrittenAreToldAtTheHealthPage() async throws {
            try await Scene.with(.bridge, [Self.service(Topology.endpoints4)]) { scene in
                let tools = scene.directory + "/tools"
                try await Program.script(
                    """
                    mkdir -p \(tools)
                    cat >\(tools)/iptables-legacy-restore <<'END'
                    #!/bin/sh
                    if [ -e \(tools)/broken ]; then echo "iptables-restore: line 5 failed" >&2; exit 1; fi
                    exec /usr/sbin/iptables-legacy-restore "$@"
                    END
                    chmod +x \(tools)/iptables-legacy-restore
                    touch \(tools)/broken
                    """)
                scene.flags = ["--iptables-backend", "legacy"]
                let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
                _ = try await scene.startAgent(environment: ["PATH": "\(tools):\(path)"])
                try await eventually("the page says so", within: .seconds(10)) {
                    let answer = try await get("http://192.0.2.10:10256/healthz")
                    return answer.hasPrefix("HTTP/1.1 503") && answer.contains("line 5 failed")
                }
                #expect(try await get("http://192.0.2.10:10256/livez").hasPrefix("HTTP/1.1 200"), "a restart would not help")
                #expect(try await get("http://192.0.2.10:\(Self.port)/").contains(#""serviceProxyHealthy" : false"#))
                try await Program.script("rm \(tools)/broken")
                try await eventually("and when it is over", within: .seconds(30)) {
                    try await get("http://192.0.2.10:10256/healthz").hasPrefix("HTTP/1.1 200")
                }
                #expect(try await get("http://192.0.2.10:\(Self.port)/").hasPrefix("HTTP/1.1 200"))
            }
        }

        @Test func metricsAreWhatPrometheusTakesAndWhatTheKernelCounts() async throws {
            try await Scene.with(.bridge, [Self.service(Topology.endpoints4 + Topology.endpoints6)]) { scene in
                _ = try await scene.startAgent()
                let answers = try await scene.ask("10.96.0.20", 80, count: 8)
                #expect(answers.failures == "")
                let check = try await Program.script(
                    """
                    set -o pipefail
                    curl --silent --fail http://127.0.0.1:10249/metrics | promtool check metrics 2>&1 && echo status 0 || echo status $?
                    """, in: "n1")
                // kube-proxy's own names break two of promtool's customs; the format is what matters.
                let complaints = check.split(separator: "\n").filter { !$0.hasPrefix("kubeproxy_") && !$0.hasPrefix("kube_router_") }
                #expect(complaints == ["status 3"] || complaints == ["status 0"], "\(check)")
                // The kernel sums its counters up every two seconds (estimation_timer in ip_vs_est.c).
                let labels = #"svc_namespace="default",service_name="web",service_vip="10.96.0.20",protocol="tcp",port="80""#
                try await eventually("the connections are counted", within: .seconds(30)) {
                    let page = try await get("http://127.0.0.1:10249/metrics", from: "n1")
                    return page.contains("kube_router_service_total_connections{\(labels)} 8\n")
                }
                let text = try await get("http://127.0.0.1:10249/metrics", from: "n1")
                let lines = Set(text.split(separator: "\n").map(String.init))
                #expect(lines.contains("kube_router_service_total_connections{\(labels)} 8"), "\(text)")
                #expect(lines.contains { $0.hasPrefix("node_ipvs_connections_total ") && $0 != "node_ipvs_connections_total 0" })
                let weights = lines.filter { $0.hasPrefix("node_ipvs_backend_weight{") }
                let servers = try await scene.table.filter { $0.hasPrefix("-a ") }
                #expect(weights.count == servers.count && weights.allSatisfy { $0.hasSuffix(" 1") }, "\(weights)")
                #expect(lines.contains("ipvs_agent_scrape_success 1"))
                #expect(lines.contains(#"ipvs_agent_metrics_left_out{of="real servers"} 0"#))
                #expect(try await get("http://192.0.2.10:10249/metrics").contains("onnect"), "for this machine alone")
            }
        }
    }
}
