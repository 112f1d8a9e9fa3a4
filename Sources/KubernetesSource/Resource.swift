import ServiceModel

/// A collection of the API that is followed: where it is, and which of its objects matter here.
struct Resource: Equatable, Sendable {
    var kind: SourceObject.Kind
    /// `/api/v1/services`.
    var path: String
    var labelSelector: String?
    var fieldSelector: String?

    /// What kube-proxy asks for (`cmd/kube-proxy/app/server.go`): Services that no other proxy has, and their slices, those of headless
    /// Services left out.
    private static let ours = "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name"

    static let services = Resource(kind: .service, path: "/api/v1/services", labelSelector: ours)
    static let endpointSlices = Resource(kind: .endpointSlice, path: "/apis/discovery.k8s.io/v1/endpointslices", labelSelector: ours)

    /// The one Node of that name; a cluster's other nodes are not asked for.
    static func node(_ name: String) -> Resource {
        Resource(kind: .node, path: "/api/v1/nodes", fieldSelector: "metadata.name=\(name)")
    }

    /// Objects of a kind, in a sentence.
    static func words(of kind: SourceObject.Kind) -> String {
        switch kind {
        case .service: "Services"
        case .endpointSlice: "EndpointSlices"
        case .node: "Nodes"
        case .healthPolicy: "HealthPolicies"
        case .virtualServer: "VirtualServers"
        }
    }
}
