import FoundationEssentials
import HTTPServing
import Telemetry

/// What the health ports answer: kube-proxy's pages, with its keys and its header, and why.
struct HealthPages: Sendable {
    let board: HealthBoard
    let counters: AgentCounters
    /// How long a change may wait, or a piece of work last, before the agent counts as stuck.
    let patience: Duration

    /// `/healthz` (for load balancers: may this node be given traffic?) and `/livez` (for the kubelet: would a restart help?).
    func answer(path: String, at time: Moment = .now) -> HTTPAnswer? {
        let health = board.health
        switch path {
        case "/healthz":
            let reason = health.leaving ?? health.defect(at: time, patience: patience)
            return page(.healthz, health, reason: reason, at: time)
        case "/livez":
            return page(.livez, health, reason: health.stall(at: time, patience: patience), at: time)
        default: return nil
        }
    }

    private func page(_ page: AgentCounters.Page, _ health: NodeHealth, reason: String?, at time: Moment) -> HTTPAnswer {
        struct Document: Encodable {
            var lastUpdated: String
            var currentTime: String
            var nodeEligible: Bool
            var reason: String?
        }
        let document = Document(
            lastUpdated: health.lastApplied?.description ?? "", currentTime: time.description, nodeEligible: health.leaving == nil,
            reason: reason)
        let status = reason == nil ? 200 : 503
        counters.answered(page, with: status)
        return answer(document, status: status)
    }

    /// At a health check node port, whatever the path: load balancers differ in what they ask for.
    func answer(port: UInt16, at time: Moment = .now) -> HTTPAnswer {
        struct Document: Encodable {
            struct Service: Encodable {
                var namespace: String
                var name: String
            }
            var service: Service
            var localEndpoints: Int
            var serviceProxyHealthy: Bool
            var reason: String?
        }
        guard let (service, failure) = board.service(at: port) else {
            return HTTPAnswer(.whole(Data("no Service has this health check node port\n".utf8)), status: 404, contentType: "text/plain")
        }
        let reason = failure ?? board.health.defect(at: time, patience: patience)
        let document = Document(
            service: .init(namespace: service.namespace, name: service.name), localEndpoints: service.endpoints,
            serviceProxyHealthy: reason == nil, reason: reason)
        return answer(
            document, status: service.endpoints > 0 && reason == nil ? 200 : 503,
            // https://kep.k8s.io/1669: load balancers may weigh nodes by it.
            headers: [("X-Load-Balancing-Endpoint-Weight", String(service.endpoints))])
    }

    private func answer(_ document: some Encodable, status: Int, headers: [(name: String, value: String)] = []) -> HTTPAnswer {
        // Texts and numbers can always be encoded.
        let data = (try? TelemetryJSON.document(document)) ?? Data("{}\n".utf8)
        return HTTPAnswer(.whole(data), status: status, headers: headers + [("X-Content-Type-Options", "nosniff")])
    }
}
