import Foundation
import Telemetry
import Testing

@testable import NodePages

/// What the agent counts of itself.
@Suite struct AgentMetricsTests {
    private func page(_ change: (inout AgentCounters.Values) -> Void = { _ in }) -> String {
        let counters = AgentCounters()
        counters.change(change)
        var text = MetricsText()
        AgentMetrics(counters.values, process: ProcessFigures()).write(to: &text)
        return String(decoding: text.data, as: UTF8.self)
    }

    /// Those of kube-proxy 1.36, whose dashboards and alerts know no others.
    @Test(arguments: [
        ("sync_proxy_rules_duration_seconds", "histogram"), ("sync_proxy_rules_last_queued_timestamp_seconds", "gauge"),
        ("sync_proxy_rules_last_timestamp_seconds", "gauge"), ("sync_proxy_rules_endpoint_changes_pending", "gauge"),
        ("sync_proxy_rules_endpoint_changes_total", "counter"), ("sync_proxy_rules_service_changes_pending", "gauge"),
        ("sync_proxy_rules_service_changes_total", "counter"), ("sync_proxy_rules_no_local_endpoints_total", "gauge"),
        ("sync_proxy_rules_iptables_restore_failures_total", "counter"), ("network_programming_duration_seconds", "histogram"),
        ("proxy_healthz_total", "counter"), ("proxy_livez_total", "counter"),
        ("conntrack_reconciler_sync_duration_seconds", "histogram"), ("conntrack_reconciler_deleted_entries_total", "counter"),
    ])
    func kubeProxysNamesAreThere(_ name: String, _ kind: String) {
        #expect(page().contains("# TYPE kubeproxy_\(name) \(kind)\n"))
    }

    /// Labels as kube-proxy's have them, each with its own value.
    @Test func policiesWithoutEndpointsAreCountedApart() {
        let page = page { ($0.withoutLocalEndpoints.inside, $0.withoutLocalEndpoints.outside) = (3, 4) }
        #expect(page.contains("kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy=\"internal\"} 3\n"))
        #expect(page.contains("kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy=\"external\"} 4\n"))
    }

    @Test func looksAtFlowsAreCounted() {
        let page = page {
            $0.flowLooks.observe(0.5)
            $0.flowLooks.observe(3)
            ($0.endedFlows.ipv4, $0.endedFlows.ipv6) = (3, 4)
        }
        #expect(page.contains("kubeproxy_conntrack_reconciler_sync_duration_seconds_count 2\n"))
        #expect(page.contains("kubeproxy_conntrack_reconciler_sync_duration_seconds_sum 3.5\n"))
        #expect(page.contains("kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family=\"IPv4\"} 3\n"))
        #expect(page.contains("kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family=\"IPv6\"} 4\n"))
    }
}
