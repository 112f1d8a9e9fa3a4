import Telemetry

/// The kernel's counters under the names that node_exporter (its ipvs collector) and kube-router give them, so that their dashboards go on.
struct BalancerMetrics {
    /// One metric, whose series are written some at a time.
    struct Part {
        let name: String
        let kind: MetricsText.Kind
        let help: String
        let series: Series

        enum Series {
            case total((TrafficTotal) -> UInt64)
            case service((BalancerReport.Server) -> UInt64)
            case backend((BalancerReport.RealServer) -> Double)
            case leftOut
        }
    }

    typealias TrafficTotal = BalancerReport.TrafficTotals

    static var parts: [Part] {
        let node = "node_ipvs_"
        let router = "kube_router_service_"
        return [
            Part(node + "connections_total", .counter, "The total number of connections made.", .total { $0.connections }),
            Part(node + "incoming_packets_total", .counter, "The total number of incoming packets.", .total { $0.incomingPackets }),
            Part(node + "outgoing_packets_total", .counter, "The total number of outgoing packets.", .total { $0.outgoingPackets }),
            Part(node + "incoming_bytes_total", .counter, "The total amount of incoming data.", .total { $0.incomingBytes }),
            Part(node + "outgoing_bytes_total", .counter, "The total amount of outgoing data.", .total { $0.outgoingBytes }),
            Part(node + "backend_connections_active", .gauge, "Active connections of a real server", .backend { Double($0.active) }),
            Part(node + "backend_connections_inactive", .gauge, "Inactive connections of a real server", .backend { Double($0.inactive) }),
            Part(node + "backend_weight", .gauge, "Weight of a real server", .backend { Double($0.weight) }),
            Part(router + "total_connections", .counter, "Connections to the service", .service { $0.totals.connections }),
            Part(router + "packets_in", .counter, "Packets from clients", .service { $0.totals.incomingPackets }),
            Part(router + "packets_out", .counter, "Packets to clients", .service { $0.totals.outgoingPackets }),
            Part(router + "bytes_in", .counter, "Bytes from clients", .service { $0.totals.incomingBytes }),
            Part(router + "bytes_out", .counter, "Bytes to clients", .service { $0.totals.outgoingBytes }),
            Part(router + "cps", .gauge, "Connections per second", .service { $0.rates.connections }),
            Part(router + "pps_in", .gauge, "Packets from clients per second", .service { $0.rates.incomingPackets }),
            Part(router + "pps_out", .gauge, "Packets to clients per second", .service { $0.rates.outgoingPackets }),
            Part(router + "bps_in", .gauge, "Bytes from clients per second", .service { $0.rates.incomingBytes }),
            Part(router + "bps_out", .gauge, "Bytes to clients per second", .service { $0.rates.outgoingBytes }),
            Part("ipvs_agent_metrics_left_out", .gauge, "Servers that have no series because of --metrics-servers", .leftOut),
        ]
    }
}

extension BalancerMetrics.Part {
    fileprivate init(_ name: String, _ kind: MetricsText.Kind, _ help: String, _ series: Series) {
        (self.name, self.kind, self.help, self.series) = (name, kind, help, series)
    }

    /// Writes series from a virtual server on, and says from which to go on; nil when all are written.
    func write(_ report: BalancerReport, _ services: [String: String], from start: Int, to text: inout MetricsText) -> Int? {
        if start == 0 { text.begin(name, kind, help) }
        switch series {
        case .total(let value):
            text.add(name, [], value(report.totals))
            return nil
        case .leftOut:
            text.add(name, [("of", "virtual servers")], report.leftOut.virtualServers)
            text.add(name, [("of", "real servers")], report.leftOut.realServers)
            return nil
        case .service(let value):
            let end = min(start + Self.batch, report.virtualServers.count)
            for server in report.virtualServers[start..<end] {
                // What no Service has is somebody else's, and kube-router has no name for it.
                guard let service = services[server.name] else { continue }
                let parts = service.split(separator: "/", maxSplits: 1)
                text.add(
                    name,
                    [
                        ("svc_namespace", String(parts.first ?? "")), ("service_name", String(parts.last ?? "")),
                        ("service_vip", server.address), ("protocol", server.transport), ("port", String(server.port)),
                    ], value(server))
            }
            return end == report.virtualServers.count ? nil : end
        case .backend(let value):
            let end = min(start + Self.batch, report.virtualServers.count)
            for server in report.virtualServers[start..<end] {
                let mark = server.firewallMark.map { String($0, radix: 16) }
                for real in server.realServers {
                    text.add(
                        name,
                        [
                            ("local_address", server.address), ("local_port", mark == nil ? String(server.port) : "0"),
                            ("remote_address", real.address), ("remote_port", String(real.port)),
                            ("proto", mark == nil ? server.transport.uppercased() : "FWM"), ("local_mark", mark ?? ""),
                        ], value(real))
                }
            }
            return end == report.virtualServers.count ? nil : end
        }
    }

    /// How many virtual servers are written between two pauses.
    private static var batch: Int { 500 }
}
