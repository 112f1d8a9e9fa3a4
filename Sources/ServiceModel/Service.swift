package import Addresses

/// A Kubernetes Service (`v1`), as far as a node needs it, with the API's defaults applied.
package struct Service: Hashable, Sendable {
    package var name: ObjectName
    /// `metadata.creationTimestamp` in seconds since 1970.
    package var created: Int64?
    /// `spec.type`.
    package var type: ServiceType
    /// `spec.clusterIPs`, at most one of each family; empty where the Service is headless or an external name.
    package var clusterAddresses: [IPAddress]
    package var ports: [ServicePort]
    /// `spec.sessionAffinity: ClientIP` with its timeout in seconds (1…86400, 10800 by default); nil for `None`.
    package var affinityTimeout: UInt32?
    package var internalTrafficPolicy: TrafficPolicy
    /// Of what comes to an external or load balancer address, or to a node port.
    package var externalTrafficPolicy: TrafficPolicy
    /// `spec.externalIPs`.
    package var externalAddresses: [IPAddress]
    /// `status.loadBalancer.ingress`, those of `ipMode: VIP`: packets come to the node with these as their destination.
    package var loadBalancerAddresses: [IPAddress]
    /// `spec.loadBalancerSourceRanges`; empty where every client is let in.
    package var sourceRanges: [IPPrefix]
    /// At which a load balancer asks whether this node has endpoints.
    package var healthCheckNodePort: UInt16?
    /// Endpoint slices follow from it already: who makes them says `ready` of endpoints that are not.
    package var publishNotReadyAddresses: Bool
    /// `service.kubernetes.io/service-proxy-name`: another proxy's Service where it is set.
    package var proxyName: String?
    /// Annotations under `ipvs-agent.dev/`, without that prefix.
    package var annotations: [String: String]
    /// By which policies choose Services.
    package var labels: [String: String]
    /// In whose words it was asked for.
    package var form = ServiceForm.kubernetes

    package init(
        name: ObjectName, created: Int64? = nil, type: ServiceType = .clusterIP, clusterAddresses: [IPAddress], ports: [ServicePort],
        affinityTimeout: UInt32? = nil, internalTrafficPolicy: TrafficPolicy = .cluster, externalTrafficPolicy: TrafficPolicy = .cluster,
        externalAddresses: [IPAddress] = [], loadBalancerAddresses: [IPAddress] = [], sourceRanges: [IPPrefix] = [],
        healthCheckNodePort: UInt16? = nil, publishNotReadyAddresses: Bool = false, proxyName: String? = nil,
        annotations: [String: String] = [:], labels: [String: String] = [:]
    ) {
        self.name = name
        self.created = created
        self.type = type
        self.clusterAddresses = clusterAddresses
        self.ports = ports
        self.affinityTimeout = affinityTimeout
        self.internalTrafficPolicy = internalTrafficPolicy
        self.externalTrafficPolicy = externalTrafficPolicy
        self.externalAddresses = externalAddresses
        self.loadBalancerAddresses = loadBalancerAddresses
        self.sourceRanges = sourceRanges
        self.healthCheckNodePort = healthCheckNodePort
        self.publishNotReadyAddresses = publishNotReadyAddresses
        self.proxyName = proxyName
        self.annotations = annotations
        self.labels = labels
    }

    /// The prefix of our annotations, with its slash.
    package static let annotationPrefix = "ipvs-agent.dev/"
}

package enum ServiceType: String, Hashable, Sendable, CaseIterable {
    case clusterIP = "ClusterIP"
    case nodePort = "NodePort"
    case loadBalancer = "LoadBalancer"
    case externalName = "ExternalName"
}

/// Whether traffic may go to endpoints on other nodes.
package enum TrafficPolicy: String, Hashable, Sendable, CaseIterable {
    case cluster = "Cluster"
    case local = "Local"
}

/// One port of a Service. Which number it has on the endpoints is said by their slices, under the same name.
package struct ServicePort: Hashable, Sendable {
    /// Unique in the Service; empty is allowed where there is only one.
    package var name: String
    package var transport: TransportProtocol
    /// 1…65535.
    package var port: UInt16
    /// The port under which the node's own addresses lead here.
    package var nodePort: UInt16?

    package init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16, nodePort: UInt16? = nil) {
        self.name = name
        self.transport = transport
        self.port = port
        self.nodePort = nodePort
    }
}
