import Addresses
import IPVSModel
import NodeModel
import ServiceModel

extension ServiceCompiler {
    /// Compiles what was asked for in LVS's words: nothing is chosen here, only what has to stand beside the virtual server follows.
    func compile(_ request: VirtualServerRequest, of service: Service, previous: ServiceOptions?) -> Result {
        var result = Result()
        let options = ServiceOptions(of: service, previous: previous, default: settings.scheduler, reporting: &result.problems)
        func report(_ field: String, _ message: String, isError: Bool = true) {
            result.problems.append(SourceProblem(place: "\(service.name.words), spec.\(field)", message: message, isError: isError))
        }
        var share = NodeShare(precedence: .init(created: service.created, owner: service.name.description))
        (result.share, result.options) = (share, options)
        guard node.families.contains(request.key.family) else {
            report("family", "this node has no \(request.key.family)")
            return result
        }
        if case .firewallMark(let mark, _) = request.key, settings.firewallMarks.contains(mark) {
            report(
                "firewallMark",
                "\(mark) is one of the marks that the agent gives out itself (\(settings.firewallMarks)): take another, or set --firewall-marks"
            )
            return result
        }
        share.virtualServers[request.key] = VirtualServerState(request.configuration, realServers: request.realServers)
        if case .address(let address, let port, let transport) = request.key {
            share.externalAddresses.insert(address)
            if port == 0 {
                // Every port of the address is asked for, and a set names one: there is nothing to guard, and no rule for what comes.
                if request.masquerades {
                    report("port", "with port 0 clients keep their address; real servers have to answer by this node", isError: false)
                }
            } else {
                share.members.insert(SetMember(SetKey(.boundAddresses, address.family), .address(address)))
                let set: ServiceSet = request.masquerades ? .externalIP : .externalIPLocal
                share.membersOfServers[request.key] = [SetMember(SetKey(set, address.family), .addressPort(address, port, transport))]
            }
        }
        if request.mixesForwarding {
            report(
                "realServers",
                "some are masqueraded and some are not: clients keep their address, so the masqueraded ones have to answer by this node",
                isError: false)
        }
        result.share = share
        return result
    }
}

extension VirtualServerRequest {
    /// Whether clients are to be given this node's address. Answers of translated connections have to come back by this node; those of others go
    /// to the client directly, which must be the one that asked.
    fileprivate var masquerades: Bool { realServers.values.allSatisfy { $0.forwarding == .masquerade } }

    fileprivate var mixesForwarding: Bool { !masquerades && realServers.values.contains { $0.forwarding == .masquerade } }
}
