import Addresses
import IPVSModel
import NodeModel
import ServiceModel

/// The ports of a Service in one family, where one virtual server by mark serves all of them: so that a client's server is the same at each.
///
/// A virtual server by mark has no port. With persistence it sends every packet to the port that it came to, whatever port its real servers
/// have (`ip_vs_sched_persist` in `net/netfilter/ipvs/ip_vs_core.c` changes a port only where it is the virtual server's). So only ports that
/// are the endpoints' own can be in a group, and node ports never are.
struct PortGroup {
    let marks: Marks
    /// Endpoints that lack one of the ports: clients of another would be sent to them.
    let leftOut: [IPAddress]
    private let choices: [EndpointChoice]

    /// The marks of the group's virtual servers.
    struct Marks {
        /// At cluster addresses.
        var atCluster: UInt32
        /// At external and load balancer addresses; nil where there are none.
        var outside: UInt32?
        /// At those for traffic from inside, where it has a way of its own.
        var inside: UInt32?
    }

    /// What keeps ports from being served together.
    enum Obstacle: Error {
        case onePort
        case otherPort(ServicePort, UInt16)
        case nothingInCommon
        case noMark
    }

    init(
        _ name: String, of service: Service, family: AddressFamily, slices: [EndpointSlice], marks: [MarkPurpose: UInt32],
        hasAddresses: Bool
    ) throws(Obstacle) {
        guard service.ports.count > 1 else { throw .onePort }
        choices = service.ports.map { EndpointChoice(port: $0, family: family, slices: slices) }
        for (port, choice) in zip(service.ports, choices) {
            if let other = choice.candidates.first(where: { $0.port != port.port }) { throw .otherPort(port, other.port) }
        }
        let addresses = choices.map { Set($0.candidates.map(\.endpoint.address)) }
        let common = addresses.dropFirst().reduce(addresses[0]) { $0.intersection($1) }
        let all = addresses.reduce(into: Set<IPAddress>()) { $0.formUnion($1) }
        if common.isEmpty, !all.isEmpty { throw .nothingInCommon }
        leftOut = all.subtracting(common).sorted()
        guard let atCluster = marks[.group(name, service.internalTrafficPolicy, family)] else { throw .noMark }
        self.marks = Marks(
            atCluster: atCluster, outside: hasAddresses ? marks[.group(name, service.externalTrafficPolicy, family)] : nil,
            inside: hasAddresses ? marks[.insideGroup(name, family)] : nil)
    }

    /// The endpoints that a policy leaves for each of the ports.
    func chosen(policy: TrafficPolicy, node: NodeFacts) -> [Endpoint] {
        let chosen = choices.map { $0.chosen(policy: policy, node: node) }
        let common = chosen.dropFirst().map { Set($0.map(\.endpoint.address)) }
        return chosen[0].map(\.endpoint).filter { endpoint in common.allSatisfy { $0.contains(endpoint.address) } }
    }
}

extension PortGroup.Obstacle {
    /// A sentence without its full stop.
    var words: String {
        switch self {
        case .onePort: "has no effect on a Service of one port"
        case .otherPort(let port, let other):
            "needs endpoints of the ports that clients come to, and endpoints of port "
                + "\(port.port)\(port.name.isEmpty ? "" : " (\(port.name))") have \(other): let them listen at \(port.port) and give it "
                + "targetPort \(port.port), or take the annotation away; the ports are served one by one"
        case .nothingInCommon: "no endpoint has all of the ports; they are served one by one"
        case .noMark: "no mark is left (--firewall-marks); the ports are served one by one"
        }
    }
}

extension ServiceCompiler {
    /// The group of a Service's ports in one family; nil where there is none, or not as asked for, which is reported.
    func group(
        _ service: Service, family: AddressFamily, exposure: Exposure, slices: [EndpointSlice], options: ServiceOptions,
        marks: [MarkPurpose: UInt32], reporting problems: inout [SourceProblem]
    ) -> PortGroup? {
        guard let name = options.group else { return nil }
        func report(_ message: String) {
            let place = "\(service.name.words), metadata.annotations[\(Service.annotationPrefix)\(ServiceOptions.groupKey)]"
            let problem = SourceProblem(place: place, message: message)
            if !problems.contains(problem) { problems.append(problem) }
        }
        do throws(PortGroup.Obstacle) {
            let group = try PortGroup(
                name, of: service, family: family, slices: slices, marks: marks, hasAddresses: !exposure.addresses.isEmpty)
            if let first = group.leftOut.first {
                let others = group.leftOut.count > 1 ? " and \(group.leftOut.count - 1) more" : ""
                report("\(first)\(others) lacks some of the ports, and gets no clients of the group")
            }
            return group
        } catch {
            report(error.words)
            return nil
        }
    }

    /// Adds the virtual servers of a group.
    ///
    /// What the table nat marks for masquerading comes with that bit in its mark, and IPVS compares the whole mark: so where that may be,
    /// there is a second one for the mark with the bit. A client comes to an address by one of the two only.
    func add(_ group: PortGroup, of service: Service, family: AddressFamily, options: ServiceOptions, to share: inout NodeShare) {
        func server(_ policy: TrafficPolicy, _ forwarding: ForwardingMethod) -> VirtualServerState {
            var server = VirtualServerState(groupConfiguration(of: service, family: family, options: options))
            for endpoint in group.chosen(policy: policy, node: node) {
                server.realServers[RealServer.Key(endpoint.address, port: 0)] = RealServer.Configuration(
                    forwarding: forwarding, weight: options.weights.weight(of: endpoint))
            }
            return server
        }
        let bit = UInt32(1) << UInt32(settings.masqueradeBit)
        func add(_ mark: UInt32, _ policy: TrafficPolicy, isMasqueraded: Bool) {
            let state = server(policy, options.forwarding)
            share.virtualServers[.firewallMark(mark, family)] = state
            if isMasqueraded, options.forwarding == .masquerade { share.virtualServers[.firewallMark(mark | bit, family)] = state }
        }
        if let outside = group.marks.outside {
            add(outside, service.externalTrafficPolicy, isMasqueraded: service.externalTrafficPolicy == .cluster)
        }
        add(group.marks.atCluster, service.internalTrafficPolicy, isMasqueraded: true)
        if let inside = group.marks.inside { share.virtualServers[.firewallMark(inside, family)] = server(.cluster, .masquerade) }
    }

    /// One-packet mode is for datagrams only, and the kernel itself tells them (`ip_vs_schedule`). kube-proxy's port flag of Maglev hashing would
    /// part a client's connections.
    private func groupConfiguration(of service: Service, family: AddressFamily, options: ServiceOptions) -> VirtualServer.Configuration {
        let inherited = options.scheduler == nil ? settings.schedulerFlags : nil
        return VirtualServer.Configuration(
            scheduler: options.scheduler ?? settings.scheduler, schedulerFlags: options.schedulerFlags ?? inherited ?? [],
            persistence: service.affinityTimeout.map { .init(timeout: $0, granularity: .wholeAddress(family)) },
            onePacket: options.onePacket && service.ports.contains { $0.transport == .udp })
    }
}
