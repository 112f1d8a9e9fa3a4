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

    /// Compiles one Service. Marks are those of the ports that `markedPorts` names; one without has no way of its own for traffic from inside.
    package func compile(_ service: Service, slices: [EndpointSlice], marks: [MarkedPort: UInt32] = [:]) -> Result {
        guard service.proxyName == nil, service.type != .externalName, !service.clusterAddresses.isEmpty else { return Result() }
        var result = Result()
        let options = ServiceOptions(of: service, reporting: &result.problems)
        var share = NodeShare(precedence: .init(created: service.created, owner: service.name.description))
        share.members.reserveCapacity(service.clusterAddresses.count * (1 + service.ports.count))
        // A family without a cluster address is not served at other addresses either.
        for address in service.clusterAddresses where node.families.contains(address.family) {
            share.addresses.insert(address)
            share.members.insert(SetMember(SetKey(.boundAddresses, address.family), .address(address)))
            let exposure = Exposure(of: service, family: address.family, on: self)
            for external in exposure.addresses { bind(external, to: &share) }
            for port in service.ports {
                add(port, of: service, at: address, exposure: exposure, slices: slices, options: options, marks: marks, to: &share)
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
        options: ServiceOptions, marks: [MarkedPort: UInt32], to share: inout NodeShare
    ) {
        let family = address.family
        let choice = EndpointChoice(port: port, family: family, slices: slices)
        let configuration = configuration(of: service, port: port, family: family, options: options)
        func server(_ policy: TrafficPolicy) -> VirtualServerState {
            let chosen = choice.chosen(policy: policy, node: node)
            var server = VirtualServerState(configuration, realServers: Dictionary(minimumCapacity: chosen.count))
            for candidate in chosen {
                server.realServers[RealServer.Key(candidate.endpoint.address, port: candidate.port)] = RealServer.Configuration(
                    forwarding: .masquerade, weight: options.weights.weight(of: candidate.endpoint))
            }
            return server
        }
        let inside = server(service.internalTrafficPolicy)
        let clusterKey = VirtualServer.Key.address(address, port: port.port, port.transport)
        share.virtualServers[clusterKey] = inside
        share.members.insert(SetMember(SetKey(.clusterIP, family), .addressPort(address, port.port, port.transport)))
        let outside = exposure.policy == service.internalTrafficPolicy ? inside : server(exposure.policy)
        let mark = marks[MarkedPort(port, family)]
        let entrances = exposure.entrances(to: port, mark: mark, hasEndpoints: !outside.realServers.isEmpty)
        for (key, members) in entrances {
            // The cluster address keeps its own policy where it is named as an external one, too.
            let isCluster = key == clusterKey
            if !isCluster { share.virtualServers[key] = outside }
            share.membersOfServers[key, default: []].formUnion(isCluster ? members.filter(\.set.set.isKubeProxys) : members)
        }
        if let mark, entrances.contains(where: { $0.key != clusterKey }) {
            var short = server(.cluster)
            short.configuration = Self.withoutTemplates(short.configuration, on: node.kernel)
            share.virtualServers[.firewallMark(mark, family)] = short
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

    /// The configuration for a virtual server by mark.
    ///
    /// With persistence it would send each packet to the port that it came to, whatever port its real servers have: `ip_vs_sched_persist`
    /// changes a port only where it is the virtual server's, and one by mark has none. So a client keeps its server here because its
    /// address is hashed (Maglev hashing is there from Linux 4.18 on), not because it is remembered.
    private static func withoutTemplates(
        _ configuration: VirtualServer.Configuration, on kernel: KernelVersion
    ) -> VirtualServer.Configuration {
        guard configuration.persistence != nil else { return configuration }
        return VirtualServer.Configuration(
            scheduler: kernel < KernelVersion(4, 18) ? .sourceHashing : .maglevHashing, onePacket: configuration.onePacket)
    }

    /// kube-proxy gives Maglev hashing the port flag, since most clients of a cluster address share few source addresses.
    private static func usualFlags(of scheduler: Scheduler) -> SchedulerFlags {
        scheduler == .maglevHashing ? .port : []
    }
}
