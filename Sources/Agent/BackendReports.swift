import HealthModel
import IPVSModel
import ServiceCompiler
import ServiceModel
import Telemetry

/// What is told of backends and drains to those who ask.
extension ReconcilerView {
    func health() -> HealthDocument {
        let (moment, clock) = (Moment.now, reconciler.now())
        let backends = reconciler.demand.backends
        let probes = backends.probed.probes
        // The ones that matter first; what is beyond the limit is up and well.
        var shown = probes.filter { $0.value.verdict != .up || $0.value.hindrance != nil }.prefix(HealthDocument.limit).map(\.key)
        for probe in probes.keys where shown.count < min(HealthDocument.limit, probes.count) {
            if let probed = probes[probe], probed.verdict == .up, probed.hindrance == nil { shown.append(probe) }
        }
        let items = shown.compactMap { probe -> ProbeReport? in
            guard let probed = probes[probe] else { return nil }
            return ProbeReport(
                address: "\(probe.address)", port: probe.port == 0 ? nil : probe.port, check: probe.check.name, mark: probe.mark,
                verdict: probed.verdict.name, reason: probed.verdict.reason, since: moment.advanced(by: probed.since - clock),
                hindrance: probed.hindrance,
                services: probed.users.union(probed.comparers).prefix(ProbeReport.mostServices).map(\.description).sorted())
        }
        var impaired: [ImpairedServer] = []
        for (name, judged) in backends.services {
            for (key, outcome) in judged.servers where outcome.mode != .healthy && impaired.count < HealthDocument.limit {
                impaired.append(ImpairedServer(service: "\(name)", virtualServer: "\(key)", mode: outcome.mode.rawValue))
            }
        }
        return HealthDocument(
            time: moment, policies: backends.policies.names, count: probes.count, down: probes.values.count { $0.verdict.isDown },
            items: items, impaired: impaired)
    }

    func drains() -> DrainDocument {
        let (moment, clock) = (Moment.now, reconciler.now())
        let drains = reconciler.drains
        var items: [DrainReport] = []
        for (key, realServers) in drains.byServer {
            for (realServer, drain) in realServers where items.count < DrainDocument.limit {
                items.append(
                    DrainReport(
                        service: drain.owner, virtualServer: "\(key)", realServer: "\(realServer)", reason: drain.reason,
                        since: moment.advanced(by: drain.began - clock), deadline: moment.advanced(by: drain.deadline - clock),
                        waitsFor: drain.waitFor.map(\.rawValue).sorted(), active: drain.connections?.active,
                        inactive: drain.connections?.inactive, persistent: drain.connections?.persistent))
            }
        }
        items.sort { ($0.deadline, $0.virtualServer, $0.realServer) < ($1.deadline, $1.virtualServer, $1.realServer) }
        return DrainDocument(time: moment, count: drains.count, items: items)
    }
}

extension HealthDocument {
    /// Those that are down first, then those that are not judged.
    mutating func sort() {
        items.sort { ($0.order, $0.address, $0.port ?? 0, $0.check) < ($1.order, $1.address, $1.port ?? 0, $1.check) }
        impaired.sort { ($0.service, $0.virtualServer) < ($1.service, $1.virtualServer) }
    }
}

extension ProbeReport {
    fileprivate var order: Int { verdict == "down" ? 0 : verdict == "unknown" ? 1 : 2 }
}

extension Verdict {
    fileprivate var name: String {
        switch self {
        case .unknown: "unknown"
        case .up: "up"
        case .down: "down"
        }
    }

    fileprivate var reason: String? { if case .down(let words) = self { words } else { nil } }
}

extension HealthCheck {
    /// Its kind, as policies name it.
    fileprivate var name: String {
        switch kind {
        case .tcp: "tcp"
        case .http(let check): check.tls == nil ? "http" : "https"
        case .grpc: "grpc"
        case .udp: "udp"
        case .dns: "dns"
        case .icmp: "icmp"
        case .command: "command"
        }
    }
}
