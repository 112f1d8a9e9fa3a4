import Addresses
import ServiceModel

/// Which of a Service's endpoints get its traffic.
///
/// The rules are those of kube-proxy's IPVS mode, and of KEP-1669 (terminating endpoints), KEP-2433 (hints) and
/// KEP-2086 (internal traffic policy).
struct EndpointChoice {
    /// The endpoints of one port and family, each once, with the number the port has on it.
    let candidates: [Candidate]

    struct Candidate {
        var endpoint: Endpoint
        var port: UInt16
    }

    private struct Socket: Hashable {
        var address: IPAddress
        var port: UInt16
    }

    /// Collects the endpoints of a Service's port. A slice's port belongs to the Service's port of the same name and protocol.
    init(port: ServicePort, family: AddressFamily, slices: [EndpointSlice]) {
        var candidates: [Candidate] = []
        for slice in slices where slice.family == family {
            for slicePort in slice.ports where slicePort.name == port.name && slicePort.transport == port.transport {
                candidates.reserveCapacity(candidates.count + slice.endpoints.count)
                for endpoint in slice.endpoints { candidates.append(Candidate(endpoint: endpoint, port: slicePort.port)) }
            }
        }
        self.candidates = Self.areDistinct(candidates) ? candidates : Self.eachOnce(candidates)
    }

    /// Whether each stands there once, as nearly always. Few are compared with one another, which is quicker than hashing them.
    private static func areDistinct(_ candidates: [Candidate]) -> Bool {
        guard candidates.count <= 8 else { return false }
        for (index, candidate) in candidates.enumerated() {
            for other in candidates[..<index] where candidate.endpoint.address == other.endpoint.address && candidate.port == other.port {
                return false
            }
        }
        return true
    }

    private static func eachOnce(_ all: [Candidate]) -> [Candidate] {
        var candidates: [Candidate] = []
        var places: [Socket: Int] = [:]
        candidates.reserveCapacity(all.count)
        places.reserveCapacity(all.count)
        for candidate in all {
            let socket = Socket(address: candidate.endpoint.address, port: candidate.port)
            if let place = places[socket] {
                // While slices are rearranged one endpoint can stand in two; the one that stays is believed.
                if candidates[place].endpoint.isTerminating, !candidate.endpoint.isTerminating {
                    candidates[place].endpoint = candidate.endpoint
                }
            } else {
                places[socket] = candidates.count
                candidates.append(candidate)
            }
        }
        return candidates
    }

    /// The endpoints on this node, whatever their condition.
    func local(to node: NodeFacts) -> [Candidate] {
        candidates.filter { $0.endpoint.nodeName == node.name }
    }

    /// The endpoints that inside traffic goes to.
    func chosen(policy: TrafficPolicy, node: NodeFacts) -> [Candidate] {
        switch policy {
        case .local: Self.usable(local(to: node))
        case .cluster: Self.hinted(Self.usable(candidates), node: node)
        }
    }

    /// The ready ones; where there are none, those that still serve while they terminate.
    private static func usable(_ candidates: [Candidate]) -> [Candidate] {
        if candidates.allSatisfy(\.endpoint.isReady) { return candidates }
        let ready = candidates.filter(\.endpoint.isReady)
        return ready.isEmpty ? candidates.filter { $0.endpoint.isServing && $0.endpoint.isTerminating } : ready
    }

    /// Those hinted at this node, else at this zone: but only where every ready endpoint has such hints and one of them matches.
    private static func hinted(_ candidates: [Candidate], node: NodeFacts) -> [Candidate] {
        // Mostly there are none.
        guard candidates.contains(where: { !$0.endpoint.nodeHints.isEmpty || !$0.endpoint.zoneHints.isEmpty }) else { return candidates }
        let ready = candidates.filter(\.endpoint.isReady)
        if !ready.isEmpty, ready.allSatisfy({ !$0.endpoint.nodeHints.isEmpty }) {
            let here = candidates.filter { $0.endpoint.nodeHints.contains(node.name) }
            if !here.isEmpty { return here }
        }
        if let zone = node.zone, !ready.isEmpty, ready.allSatisfy({ !$0.endpoint.zoneHints.isEmpty }) {
            let here = candidates.filter { $0.endpoint.zoneHints.contains(zone) }
            if !here.isEmpty { return here }
        }
        return candidates
    }
}
