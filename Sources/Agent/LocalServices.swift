import ServiceCompiler
import ServiceModel
import Telemetry

/// What this node has for Services with a local policy: for their health check node ports, and counted.
///
/// It costs what changes: what is news is kept until it is told, which is when it has been applied.
struct LocalServices {
    /// What a port is for from now on; nil where the Service has it no longer.
    struct News {
        var port: UInt16
        var name: String
        var service: LocalService?
    }

    private struct Local: Equatable {
        var endpoints: LocalEndpoints
        var port: UInt16?
    }

    private var locals: [ObjectName: Local] = [:]
    private var news: [News] = []
    private(set) var lacking = AgentCounters.WithoutLocalEndpoints()

    /// Takes in how a Service fares now; nil where it has no local policy, or is gone.
    mutating func note(_ service: Service?, named name: ObjectName, _ endpoints: LocalEndpoints?) {
        let before = locals[name]
        let after = endpoints.map { Local(endpoints: $0, port: service?.healthCheckNodePort) }
        guard before != after else { return }
        locals[name] = after
        count(before, by: -1)
        count(after, by: 1)
        if let port = before?.port, port != after?.port { news.append(News(port: port, name: name.description, service: nil)) }
        if let after, let port = after.port {
            let service = LocalService(namespace: name.namespace, name: name.name, endpoints: after.endpoints.ready)
            news.append(News(port: port, name: name.description, service: service))
        }
    }

    private mutating func count(_ local: Local?, by change: Int) {
        guard let local else { return }
        if local.endpoints.lacksInside { lacking.inside = UInt64(Int(lacking.inside) + change) }
        if local.endpoints.lacksOutside { lacking.outside = UInt64(Int(lacking.outside) + change) }
    }

    /// Hands over what has changed since this was last asked, in its order.
    mutating func takeNews() -> [News] {
        defer { news = [] }
        return news
    }
}
