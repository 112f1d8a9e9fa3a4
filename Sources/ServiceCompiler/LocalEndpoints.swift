package import Addresses
package import ServiceModel

/// How a Service fares on this node alone: what load balancers are told at its health check node port, and what metrics count.
package struct LocalEndpoints: Equatable, Sendable {
    /// How many ready endpoints of the Service this node has, over all ports. Terminating ones do not count, so that a load
    /// balancer stops sending while they still answer (https://kep.k8s.io/1669); nor do those that this node finds down, or that are taken out by
    /// hand.
    package var ready: Int
    /// Whether traffic from inside the cluster is to stay on this node, and nothing here takes it.
    package var lacksInside: Bool
    /// The same of traffic from outside.
    package var lacksOutside: Bool
}

extension ServiceCompiler {
    /// Nil where nobody needs to know: no policy of the Service is local. Endpoints at some addresses may be out of service.
    package func localEndpoints(
        _ service: Service, slices: [EndpointSlice], outOfService: Set<IPAddress> = []
    ) -> LocalEndpoints? {
        let isOutsideLocal = service.type != .clusterIP && service.externalTrafficPolicy == .local
        let isInsideLocal = service.internalTrafficPolicy == .local
        guard service.proxyName == nil, !service.clusterAddresses.isEmpty, isInsideLocal || isOutsideLocal else { return nil }
        let endpoints = slices.flatMap(\.endpoints).filter { $0.nodeName == node.name }
        // A pod of two families is one endpoint.
        let addresses = Set(endpoints.lazy.filter(\.isReady).map(\.address))
        func count(_ addresses: Set<IPAddress>) -> Int {
            AddressFamily.allCases.map { family in addresses.count { $0.family == family } }.max() ?? 0
        }
        let ready = count(addresses.subtracting(outOfService))
        // As endpoints are chosen: terminating ones serve where no other does.
        let isServed = !addresses.isEmpty || endpoints.contains { $0.isServing && $0.isTerminating }
        return LocalEndpoints(ready: ready, lacksInside: isInsideLocal && !isServed, lacksOutside: isOutsideLocal && !isServed)
    }
}
