import Addresses
import HealthModel
import IPVSModel
import KubernetesObjects
import NearNames
import NodeModel
import ServiceModel
import VirtualServerDocuments

/// Decodes a VirtualServer as an object that the agent is asked for: the virtual server as tables have it, and how its real servers are
/// probed and let go.
struct VirtualServerObjectDecoding {
    private let fields: Fields

    init(_ fields: Fields) { self.fields = fields }

    /// What only the agent does with a virtual server.
    static let agentFields = ["health", "healthPolicy", "drainTimeout", "slowStart"]

    private static let upToADay = Duration.zero...Duration.seconds(24 * 3600)

    /// The name, nil where it cannot be told, and what is asked for, nil where anything is wrong with it; the report says what.
    func decode() -> (SourceObject.Key?, VirtualServerRequest?) {
        fields.refuseOthers(than: ["apiVersion", "kind", "metadata", "spec"])
        let metadata = fields["metadata"].fields()
        var key: SourceObject.Key?
        if let name = metadata?["name"], name.isPresent {
            guard let text = name.name(.subdomain) else { return (nil, nil) }
            key = Self.key(text)
            fields.reader.report.object = key
        }
        let reader = fields["spec"]
        guard let spec = reader.fields() else {
            if !reader.isPresent { reader.error("missing: what the virtual server is to be") }
            return (key, nil)
        }
        guard let (server, state) = VirtualServerDecoding(spec, at: reader, use: .agent).decode() else { return (key, nil) }
        // As a table that was saved names it.
        let name = key?.name.name ?? server.objectName
        fields.reader.report.object = Self.key(name)
        var request = VirtualServerRequest(
            name: name, key: server, configuration: state.configuration, realServers: state.realServers)
        if let metadata {
            if metadata["namespace"].isPresent { metadata["namespace"].error("a VirtualServer is in no namespace") }
            let known = Metadata(metadata)
            (request.created, request.labels) = (known.created(), known.allLabels())
        }
        takeHealth(spec, into: &request)
        return (Self.key(name), request)
    }

    private static func key(_ name: String) -> SourceObject.Key { .init(.virtualServer, ObjectName(namespace: "", name: name)) }

    private func takeHealth(_ spec: Fields, into request: inout VirtualServerRequest) {
        let (health, policy) = (spec["health"], spec["healthPolicy"])
        if health.isPresent {
            if policy.isPresent { policy.error("either health or healthPolicy, not both") }
            guard let own = health.fields() else { return }
            for name in ["services", "serviceSelector"] where own[name].isPresent {
                own[name].error("is for a HealthPolicy; here it is this virtual server's")
            }
            let name = request.objectName.description
            request.health = HealthPolicyDecoding(name: name).decode(health)
            request.annotations["health-policy"] = name
            if let check = request.health?.check, check.kind != .icmp, check.port == nil,
                request.realServers.keys.contains(where: { $0.port == 0 })
            {
                health.error("check.port is missing: a real server with port 0 has none that could be probed")
            }
        } else if let name = policy.name(.subdomain) {
            request.annotations["health-policy"] = name
        }
        for (field, annotation) in [("drainTimeout", "drain-timeout"), ("slowStart", "slow-start")] {
            guard spec[field].duration(in: Self.upToADay) != nil else { continue }
            // Zero may stand without quotes.
            request.annotations[annotation] = spec[field].meaning == .string ? spec[field].string() : "0"
        }
    }
}

extension VirtualServerDecoding {
    /// Who reads a document: tables that are restored may hold whatever a kernel does, and what is asked of the agent must make sense.
    enum Use {
        case table
        case agent
    }

    /// What an agent cannot do as it is asked.
    func refuseWhatCannotBeServed(_ key: VirtualServer.Key, _ fields: Fields) {
        guard case .address(let address, _, _) = key else { return }
        if address.isUnspecified || address.isMulticast || address.isLoopback {
            fields["address"].error("\(address) cannot be the address of a virtual server")
        }
    }

    /// A name that is nearly one of Linux' own was meant to be that.
    static func misspelt(_ scheduler: Scheduler) -> String? {
        guard !Scheduler.wellKnown.contains(scheduler) else { return nil }
        let suggestion = NearNames.suggestion(for: scheduler.rawValue, among: Scheduler.wellKnown.map(\.rawValue))
        return suggestion.isEmpty ? nil : suggestion
    }
}
