import FoundationEssentials
import Glibc
import Telemetry

/// What the agent counts of itself, under kube-proxy's names where that has one
/// (https://kubernetes.io/docs/reference/instrumentation/metrics/).
struct AgentMetrics {
    private let values: AgentCounters.Values
    private let process: ProcessFigures

    init(_ values: AgentCounters.Values, process: ProcessFigures) {
        self.values = values
        self.process = process
    }

    func write(to text: inout MetricsText) {
        writeSync(to: &text)
        writeHealth(to: &text)
        text.one("ipvs_agent_operations_total", .counter, "Operations that were carried out in the kernel", Double(values.operations))
        text.one("ipvs_agent_operation_failures_total", .counter, "Operations that failed, each attempt counted", Double(values.failures))
        text.one(
            "ipvs_agent_repairs_total", .counter, "Differences that others made in the kernel and that were put right",
            Double(values.repairs))
        text.one("process_cpu_seconds_total", .counter, "Processor time of the agent in seconds", process.cpuSeconds)
        text.one("process_resident_memory_bytes", .gauge, "Resident memory of the agent in bytes", process.residentBytes)
        text.one("process_virtual_memory_bytes", .gauge, "Virtual memory of the agent in bytes", process.virtualBytes)
        text.one("process_open_fds", .gauge, "Open file descriptors of the agent", process.openFiles)
        text.one("process_start_time_seconds", .gauge, "When the agent was started, in seconds since 1970", process.startSeconds)
    }

    private func writeSync(to text: inout MetricsText) {
        let sync = "kubeproxy_sync_proxy_rules_"
        text.begin(sync + "duration_seconds", .histogram, "Time that applying changes took, in seconds")
        text.histogram(sync + "duration_seconds", [], values.applying)
        text.one(sync + "last_queued_timestamp_seconds", .gauge, "When a change last came", Self.seconds(values.lastQueued))
        text.one(sync + "last_timestamp_seconds", .gauge, "When changes were last applied", Self.seconds(values.lastApplied))
        text.one(sync + "endpoint_changes_pending", .gauge, "EndpointSlices whose changes wait", Double(values.endpoints.pending))
        text.one(sync + "endpoint_changes_total", .counter, "Changes of EndpointSlices", Double(values.endpoints.total))
        text.one(sync + "service_changes_pending", .gauge, "Services whose changes wait", Double(values.services.pending))
        text.one(sync + "service_changes_total", .counter, "Changes of Services", Double(values.services.total))
        text.begin(sync + "no_local_endpoints_total", .gauge, "Services with a Local traffic policy and no endpoint on this node")
        text.add(sync + "no_local_endpoints_total", [("traffic_policy", "internal")], values.withoutLocalEndpoints.inside)
        text.add(sync + "no_local_endpoints_total", [("traffic_policy", "external")], values.withoutLocalEndpoints.outside)
        text.one(sync + "iptables_restore_failures_total", .counter, "How often rules could not be written", Double(values.ruleFailures))
        text.begin(
            "kubeproxy_network_programming_duration_seconds", .histogram, "Time from a change in the cluster to the kernel, in seconds")
        text.histogram("kubeproxy_network_programming_duration_seconds", [], values.programming)
        writeFlows(to: &text)
    }

    private func writeFlows(to text: inout MetricsText) {
        let reconciler = "kubeproxy_conntrack_reconciler_"
        text.begin(reconciler + "sync_duration_seconds", .histogram, "Time that a look at tracked flows took, in seconds")
        text.histogram(reconciler + "sync_duration_seconds", [], values.flowLooks)
        text.begin(reconciler + "deleted_entries_total", .counter, "Tracked flows that were ended since their server is gone")
        text.add(reconciler + "deleted_entries_total", [("ip_family", "IPv4")], values.endedFlows.ipv4)
        text.add(reconciler + "deleted_entries_total", [("ip_family", "IPv6")], values.endedFlows.ipv6)
    }

    private func writeHealth(to text: inout MetricsText) {
        for page in [AgentCounters.Page.healthz, .livez] {
            let name = "kubeproxy_proxy_\(page.rawValue)_total"
            text.begin(name, .counter, "Answers of /\(page.rawValue) by status code")
            for status in [200, 503] {
                text.add(name, [("code", String(status))], values.answers[.init(page: page, status: status)] ?? 0)
            }
        }
    }

    private static func seconds(_ moment: Moment?) -> Double { moment.map { Double($0.millisecondsSince1970) / 1000 } ?? 0 }
}

/// What the kernel says of this process, as every Prometheus client tells it.
struct ProcessFigures: Sendable {
    var cpuSeconds = 0.0
    var residentBytes = 0.0
    var virtualBytes = 0.0
    var openFiles = 0.0
    var startSeconds = 0.0

    static var now: ProcessFigures {
        var figures = ProcessFigures()
        // The fields after the command's name, which may hold anything but ends with the last bracket: proc_pid_stat(5).
        let stat = (try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8)) ?? ""
        let fields = stat[(stat.lastIndex(of: ")").map { stat.index(after: $0) } ?? stat.endIndex)...].split(separator: " ")
        func field(_ number: Int) -> Double { number - 3 < fields.count ? Double(fields[number - 3]) ?? 0 : 0 }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        figures.cpuSeconds = (field(14) + field(15)) / ticks
        figures.virtualBytes = field(23)
        figures.residentBytes = field(24) * Double(sysconf(Int32(_SC_PAGESIZE)))
        let uptime = (try? String(contentsOfFile: "/proc/uptime", encoding: .utf8))?.split(separator: " ").first.flatMap { Double($0) } ?? 0
        figures.startSeconds = Date().timeIntervalSince1970 - uptime + field(22) / ticks
        // The listing itself has one open.
        figures.openFiles = Double(max((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count - 1) ?? 0, 0))
        return figures
    }
}
