package import Addresses

/// A `discovery.k8s.io/v1` EndpointSlice: some of a Service's endpoints, of one address family.
package struct EndpointSlice: Equatable, Sendable {
    package var name: ObjectName
    /// The Service it belongs to: the label `kubernetes.io/service-name`, in the slice's namespace.
    package var service: ObjectName
    package var family: AddressFamily
    package var ports: [EndpointPort]
    package var endpoints: [Endpoint]
    /// `endpoints.kubernetes.io/last-change-trigger-time`: when what the slice follows from changed, in milliseconds since 1970.
    package var changeTriggered: Int64?

    package init(
        name: ObjectName, service: ObjectName, family: AddressFamily, ports: [EndpointPort], endpoints: [Endpoint],
        changeTriggered: Int64? = nil
    ) {
        self.name = name
        self.service = service
        self.family = family
        self.ports = ports
        self.endpoints = endpoints
        self.changeTriggered = changeTriggered
    }
}

/// A port that all endpoints of a slice have.
package struct EndpointPort: Equatable, Sendable {
    /// The name of the Service's port; empty for a Service's only, unnamed port.
    package var name: String
    package var transport: TransportProtocol
    package var port: UInt16

    package init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16) {
        self.name = name
        self.transport = transport
        self.port = port
    }
}

/// One endpoint of a slice.
package struct Endpoint: Equatable, Sendable {
    /// The first address of the list; the API says that all of them are the same endpoint, and kube-proxy uses the first.
    package var address: IPAddress
    /// `conditions.ready`; left out means true.
    package var isReady: Bool
    /// `conditions.serving`; left out means the same as ready.
    package var isServing: Bool
    /// `conditions.terminating`; left out means false.
    package var isTerminating: Bool
    package var nodeName: String?
    package var zone: String?
    /// `hints.forZones`; empty where there are none.
    package var zoneHints: [String]
    /// `hints.forNodes`; empty where there are none.
    package var nodeHints: [String]

    package init(
        address: IPAddress, isReady: Bool = true, isServing: Bool? = nil, isTerminating: Bool = false, nodeName: String? = nil,
        zone: String? = nil, zoneHints: [String] = [], nodeHints: [String] = []
    ) {
        self.address = address
        self.isReady = isReady
        self.isServing = isServing ?? isReady
        self.isTerminating = isTerminating
        self.nodeName = nodeName
        self.zone = zone
        self.zoneHints = zoneHints
        self.nodeHints = nodeHints
    }
}
