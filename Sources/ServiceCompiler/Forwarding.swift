import IPVSModel
import NodeModel

extension ServiceCompiler {
    /// Gives a virtual server's real servers the method by which packets reach them. Packets that are not translated keep their port
    /// (`ip_vs_dr_xmit` and `ip_vs_tunnel_xmit` in `net/netfilter/ipvs/ip_vs_xmit.c` send them as they are), so where a real server has
    /// another port than the virtual server all of it is masqueraded. Returns whether it was as asked.
    static func forward(_ server: inout VirtualServerState, of key: VirtualServer.Key, by method: ForwardingMethod) -> Bool {
        guard method != .masquerade else { return true }
        guard case .address(_, let port, _) = key, server.realServers.keys.allSatisfy({ $0.port == port }) else { return false }
        for realServer in server.realServers.keys { server.realServers[realServer]?.forwarding = method }
        return true
    }

    /// The entries of a virtual server whose packets are not translated: with their source changed, the real server's answer would not
    /// go to the client, and the client's own end would not know it.
    static func withoutMasquerading(_ members: [SetMember]) -> Set<SetMember> {
        var result: Set<SetMember> = []
        for member in members {
            switch member.set.set {
            case .clusterIP, .externalIP: result.insert(SetMember(SetKey(.externalIPLocal, member.set.family), member.entry))
            case .loadBalancer:
                result.insert(member)
                result.insert(SetMember(SetKey(.loadBalancerLocal, member.set.family), member.entry))
            default: result.insert(member)
            }
        }
        return result
    }
}
