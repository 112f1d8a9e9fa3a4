import Addresses
import Links
import NodeKernel
import PacketRules
import Sysctls

extension LinuxKernel {
    /// What on this node stands in the way of traffic although nothing fails: settings that are somebody else's to change, each with what to do.
    package func advice() async -> [String] {
        var advice: [String] = []
        let links = (try? withLinks { (socket) throws(LinkError) in try socket.links() }) ?? []
        if let bridge = links.first(where: { $0.kind == "bridge" }) {
            advice += Self.families.sorted().compactMap { bridgeAdvice(bridge.name, $0) }
        }
        if Self.families.contains(.ipv6), (try? SysctlFiles().read("net.ipv6.conf.all.forwarding")) == "0" {
            // Not set by the agent: a node that forwards no longer takes its default route from router advertisements.
            advice.append(
                "net.ipv6.conf.all.forwarding is 0: answers of real servers do not reach IPv6 clients elsewhere; set it to 1 if IPv6 is used"
            )
        }
        let tool = try? await withRules(processes: 0) { (tool) async throws(RuleError) in tool }
        return advice + (tool?.warnings ?? []).map(\.description)
    }

    /// Packets between two pods on a bridge must pass the packet filter, or answers go past the translation and the connection breaks.
    private nonisolated func bridgeAdvice(_ bridge: String, _ family: AddressFamily) -> String? {
        let name = family == .ipv4 ? "net.bridge.bridge-nf-call-iptables" : "net.bridge.bridge-nf-call-ip6tables"
        let effect = "connections between \(family) pods on the bridge \(bridge) through a cluster address break"
        return switch try? SysctlFiles().read(name) {
        case "1": nil
        case nil: "the module br_netfilter is not loaded: \(effect); run modprobe br_netfilter"
        default: "\(name) is 0: \(effect); set it to 1"
        }
    }
}
