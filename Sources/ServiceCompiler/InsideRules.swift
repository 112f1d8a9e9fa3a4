import Addresses
import IPVSModel
import NodeModel

/// The rules for traffic from inside the cluster: this node's own, and that of pods. A fixed number, like the others; and in chains of our own,
/// since kube-proxy has nothing of the kind.
///
/// What goes to an external address or node port of a Service with `externalTrafficPolicy: Local` is given the mark of a second virtual server,
/// which has all endpoints. That is done before IPVS sees a packet, which is at LOCAL_IN, and at LOCAL_OUT right after nat
/// (`ip_vs_ops4` in `net/netfilter/ipvs/ip_vs_core.c`).
///
/// Ports of a group are given the mark of the group's virtual server in the same place, whoever sends. What the table nat marks for masquerading
/// has that bit besides, and a virtual server for the mark with it.
struct InsideRules {
    let family: AddressFamily
    let settings: CompilerSettings
    let node: NodeFacts

    var table: RuleTables.Table {
        RuleTables.Table(
            chains: [
                // Pods that cannot be told from others are taken for outside, as kube-proxy takes them.
                "IPVS-AGENT-PREROUTING": [marking(by: .groupMark)]
                    + (ServiceRules.pods(family, settings, node).map { ["\($0) \(marking(by: .insideMark))"] } ?? []),
                "IPVS-AGENT-OUTPUT": [
                    // The filter's chain OUTPUT would come too late: IPVS has translated the packet by then.
                    "\(matching(.loadBalancerFirewall, "dst,dst")) -j IPVS-AGENT-SOURCE-RANGES",
                    // The way from inside comes last, and counts.
                    marking(by: .groupMark), marking(by: .insideMark),
                ],
                "IPVS-AGENT-SOURCE-RANGES": [
                    "\(matching(.loadBalancerSourceCIDR, "dst,dst,src")) -j RETURN",
                    "\(matching(.loadBalancerSourceIP, "dst,dst,src")) -j RETURN",
                    "-j DROP",
                ],
                "IPVS-AGENT-POSTROUTING": [
                    // Whether these are masqueraded is said already, as for a port that is in no group.
                    "\(groupMarked) -j MARK --set-xmark 0x0/\(hexadecimal(~masqueradeMark))",
                    // Answers have to come back by this node, unless they go to a pod here anyway. A packet of the node's own has a virtual
                    // address as its source besides.
                    "\(notFromHere) -j MARK --set-xmark \(masquerade)/0xffffffff",
                    // Clears the mark, so that no packet that this one is wrapped in has it.
                    "\(marked) -j MARK --set-xmark 0x0/0xffffffff",
                ],
            ],
            jumps: [
                .init(from: "PREROUTING", "\(comment("ipvs-agent traffic from pods")) -j IPVS-AGENT-PREROUTING"),
                .init(from: "OUTPUT", "\(comment("ipvs-agent traffic from this node")) -j IPVS-AGENT-OUTPUT"),
                .init(from: "POSTROUTING", "\(comment("ipvs-agent traffic from inside")) -j IPVS-AGENT-POSTROUTING"),
            ])
    }

    private func marking(by set: ServiceSet) -> String { "-j SET --map-set \(set.name(family)) dst,dst --map-mark" }

    /// What does not come from a pod of this node. Ranges of a whole cluster's pods do not tell that, and then all are taken for others'.
    private var notFromHere: String {
        let new = "\(marked) -m conntrack --ctstate NEW"
        guard case .ranges(let ranges) = settings.localTraffic, ranges.contains(where: { $0.family == family }) else {
            return "\(new) -m addrtype --src-type LOCAL"
        }
        return node.podRanges.first { $0.family == family }.map { "! -s \($0) \(new)" } ?? new
    }

    private var marked: String { matching(settings.firewallMarks.value, settings.firewallMarks.mask) }

    private var groupMarked: String {
        let bits = MarkShare.groupBits(of: settings.firewallMarks, masqueradeBit: settings.masqueradeBit)
        return matching(bits.value, bits.mask)
    }

    private var masqueradeMark: UInt32 { 1 << UInt32(settings.masqueradeBit) }
    private var masquerade: String { hexadecimal(masqueradeMark) }

    private func hexadecimal(_ bits: UInt32) -> String { "0x" + String(bits, radix: 16) }
    private func matching(_ value: UInt32, _ mask: UInt32) -> String { "-m mark --mark \(hexadecimal(value))/\(hexadecimal(mask))" }

    private func matching(_ set: ServiceSet, _ directions: String) -> String { "-m set --match-set \(set.name(family)) \(directions)" }
    private func comment(_ text: String) -> String { "-m comment --comment \"\(text)\"" }
}
