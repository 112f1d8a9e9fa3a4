import Addresses
import IPVSModel
package import NodeModel
package import ServiceModel

/// Turns one Service, with its endpoints, into its share of the node's state. Pure: the same input gives the same share.
package struct ServiceCompiler: Equatable, Sendable {
    package var settings: CompilerSettings
    package var node: NodeFacts

    package init(settings: CompilerSettings, node: NodeFacts) {
        self.settings = settings
        self.node = node
    }

    /// A Service's share, and what in it could not be taken as it stands.
    package struct Result: Equatable, Sendable {
        /// Nil for a Service that is none of ours: headless, an external name, or another proxy's.
        package var share: NodeShare?
        package var problems: [SourceProblem] = []
        /// What its annotations ask for; nil with the share.
        package var options: ServiceOptions?
    }

    package func compile(_ service: Service, slices: [EndpointSlice]) -> Result {
        guard service.proxyName == nil, service.type != .externalName, !service.clusterAddresses.isEmpty else { return Result() }
        var result = Result()
        let options = ServiceOptions(of: service, reporting: &result.problems)
        var share = NodeShare(precedence: .init(created: service.created, owner: service.name.description))
        // A family without a cluster address is not served at other addresses either.
        for address in service.clusterAddresses where node.families.contains(address.family) {
            share.addresses.insert(address)
            share.members.insert(SetMember(SetKey(.boundAddresses, address.family), .address(address)))
            let exposure = Exposure(of: service, family: address.family, on: self)
            for external in exposure.addresses { bind(external, to: &share) }
            for port in service.ports {
                add(port, of: service, at: address, exposure: exposure, slices: slices, options: options, to: &share)
            }
            if let port = exposure.healthCheckNodePort {
                share.members.insert(SetMember(SetKey(.healthCheckNodePort, address.family), .port(port)))
            }
        }
        result.share = share
        result.options = options
        return result
    }

    /// Where another link holds the address, the planner leaves both out.
    private func bind(_ address: IPAddress, to share: inout NodeShare) {
        share.externalAddresses.insert(address)
        share.members.insert(SetMember(SetKey(.boundAddresses, address.family), .address(address)))
    }

    private func add(
        _ port: ServicePort, of service: Service, at address: IPAddress, exposure: Exposure, slices: [EndpointSlice],
        options: ServiceOptions, to share: inout NodeShare
    ) {
        let family = address.family
        let choice = EndpointChoice(port: port, family: family, slices: slices)
        let configuration = configuration(of: service, port: port, family: family, options: options)
        func server(_ policy: TrafficPolicy) -> VirtualServerState {
            var server = VirtualServerState(configuration)
            for candidate in choice.chosen(policy: policy, node: node) {
                server.realServers[RealServer.Key(candidate.endpoint.address, port: candidate.port)] = RealServer.Configuration(
                    forwarding: .masquerade, weight: options.weights.weight(of: candidate.endpoint))
            }
            return server
        }
        let inside = server(service.internalTrafficPolicy)
        share.virtualServers[.address(address, port: port.port, port.transport)] = inside
        share.members.insert(SetMember(SetKey(.clusterIP, family), .addressPort(address, port.port, port.transport)))
        let entrances = exposure.entrances(to: port)
        if !entrances.isEmpty {
            let outside = exposure.policy == service.internalTrafficPolicy ? inside : server(exposure.policy)
            for (key, members) in entrances {
                // The cluster address keeps its own policy where it is named as an external one, too.
                if share.virtualServers[key] == nil { share.virtualServers[key] = outside }
                share.membersOfServers[key, default: []].formUnion(members)
            }
        }
        // An endpoint that reaches itself through the virtual address would answer itself directly, past the translation,
        // unless its own address is masqueraded.
        for candidate in choice.local(to: node) {
            let endpoint = candidate.endpoint.address
            share.members.insert(
                SetMember(SetKey(.loopBack, family), .addressPortAddress(endpoint, candidate.port, port.transport, endpoint)))
        }
    }

    private func configuration(
        of service: Service, port: ServicePort, family: AddressFamily, options: ServiceOptions
    ) -> VirtualServer.Configuration {
        let scheduler = options.scheduler ?? settings.scheduler
        let inherited = options.scheduler == nil ? settings.schedulerFlags : nil
        return VirtualServer.Configuration(
            scheduler: scheduler,
            schedulerFlags: options.schedulerFlags ?? inherited ?? Self.usualFlags(of: scheduler),
            persistence: service.affinityTimeout.map { .init(timeout: $0, granularity: .wholeAddress(family)) },
            onePacket: options.onePacket && port.transport == .udp)
    }

    /// kube-proxy gives Maglev hashing the port flag, since most clients of a cluster address share few source addresses.
    private static func usualFlags(of scheduler: Scheduler) -> SchedulerFlags {
        scheduler == .maglevHashing ? .port : []
    }
}
