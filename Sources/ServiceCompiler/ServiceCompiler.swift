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

    /// Compiles one Service. Marks are those for what `marks(neededBy:)` names; a port without has no way of its own for traffic from inside.
    /// What its annotations asked for before stays where they are wrong now.
    package func compile(
        _ service: Service, slices: [EndpointSlice], marks: [MarkPurpose: UInt32] = [:], previous: ServiceOptions? = nil
    ) -> Result {
        if let request = service.virtualServer { return compile(request, of: service, previous: previous) }
        guard service.proxyName == nil, service.type != .externalName, !service.clusterAddresses.isEmpty else { return Result() }
        var result = Result()
        let options = ServiceOptions(of: service, previous: previous, default: settings.scheduler, reporting: &result.problems)
        var share = NodeShare(precedence: .init(created: service.created, owner: service.name.description))
        share.members.reserveCapacity(service.clusterAddresses.count * (1 + service.ports.count))
        // A family without a cluster address is not served at other addresses either.
        for address in service.clusterAddresses where node.families.contains(address.family) {
            share.addresses.insert(address)
            share.members.insert(SetMember(SetKey(.boundAddresses, address.family), .address(address)))
            let exposure = Exposure(of: service, family: address.family, on: self)
            for external in exposure.addresses { bind(external, to: &share) }
            let group = group(
                service, family: address.family, exposure: exposure, slices: slices, options: options, marks: marks,
                reporting: &result.problems)
            if let group { add(group, of: service, family: address.family, options: options, to: &share) }
            for port in service.ports {
                let isAsAsked = add(
                    port, of: service, at: address, exposure: exposure, slices: slices, options: options, marks: marks,
                    group: group?.marks, to: &share)
                if !isAsAsked { report(options.method, at: port, of: service, &result.problems) }
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

    /// Says that a port is masqueraded although it was to be forwarded otherwise; once for both families.
    private func report(_ method: ServiceOptions.Method, at port: ServicePort, of service: Service, _ problems: inout [SourceProblem]) {
        let problem = SourceProblem(
            place: "\(service.name.words), metadata.annotations[\(Service.annotationPrefix)forwarding]",
            message: "with \(method.rawValue) packets keep their port, and endpoints of port \(port.port) have another; it is masqueraded")
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// Adds a port at a cluster address, and says whether its packets are forwarded as asked for.
    private func add(
        _ port: ServicePort, of service: Service, at address: IPAddress, exposure: Exposure, slices: [EndpointSlice],
        options: ServiceOptions, marks: [MarkPurpose: UInt32], group: PortGroup.Marks?, to share: inout NodeShare
    ) -> Bool {
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
        var atCluster = inside
        let isAsAsked = Self.forward(&atCluster, of: clusterKey, by: options.forwarding)
        // Where it is not as asked everything is masqueraded, so that clients are treated alike wherever they come in.
        let method = isAsAsked ? options.forwarding : .masquerade
        share.virtualServers[clusterKey] = atCluster
        let clusterMember = SetMember(SetKey(.clusterIP, family), .addressPort(address, port.port, port.transport))
        if method == .masquerade {
            share.members.insert(clusterMember)
        } else {
            share.members.formUnion(Self.withoutMasquerading([clusterMember]))
        }
        if let mark = group?.atCluster {
            let member = SetMember(SetKey(.groupMark, family), .addressPortMark(address, port.port, port.transport, mark))
            share.membersOfServers[clusterKey, default: []].insert(member)
        }
        let outside = exposure.policy == service.internalTrafficPolicy ? inside : server(exposure.policy)
        let mark = marks[.inside(port, family)]
        let entrances = exposure.entrances(to: port, mark: mark, group: group, hasEndpoints: !outside.realServers.isEmpty)
        for (key, members) in entrances {
            // The cluster address keeps its own policy where it is named as an external one, too.
            let isCluster = key == clusterKey
            var entrance = outside
            // A node port is never the endpoints' own, but where they are the node's.
            let isForwarded = method != .masquerade && Self.forward(&entrance, of: key, by: method)
            if !isCluster { share.virtualServers[key] = entrance }
            let all = isForwarded ? Array(Self.withoutMasquerading(members)) : members
            share.membersOfServers[key, default: []].formUnion(isCluster ? all.filter(\.set.set.isKubeProxys) : all)
        }
        if let mark, entrances.contains(where: { $0.key != clusterKey && $0.members.contains { $0.entry.mark == mark } }) {
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
        return isAsAsked
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
