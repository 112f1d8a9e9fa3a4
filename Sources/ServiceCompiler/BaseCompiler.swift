import Addresses
package import NodeModel

extension ServiceCompiler {
    /// What this node needs whatever services there are.
    package func base() -> NodeBase {
        var base = NodeBase(linkName: settings.linkName)
        base.timeouts = settings.timeouts
        base.turns = ServerTurns(node: node.name)
        if settings.managesSysctls { base.sysctls = sysctls }
        for family in node.families.sorted() {
            base.sets += ServiceSet.allCases.map { SetDefinition(SetKey($0, family)) }
            base.rules[family] = ServiceRules(family: family, settings: settings, node: node).tables
        }
        return base
    }

    private var sysctls: [String: SysctlWish] {
        var sysctls: [String: SysctlWish] = [
            // Masquerading an IPVS connection is done by connection tracking, which skips them unless told otherwise.
            "net.ipv4.vs.conntrack": "1",
            // Ends connections whose server is gone, so that clients connect again instead of waiting for a time-out.
            "net.ipv4.vs.expire_nodest_conn": "1",
            // A client that persists to a server of weight 0 is given another, unless it is to stay with one that is drained by hand. The
            // setting is the whole node's: where it is off, every other server that goes is removed at once where clients persist to it
            // (`ip_vs_check_template` takes a server that is gone for no server, whatever the setting says).
            "net.ipv4.vs.expire_quiescent_template": settings.keepsStickyClients ? "0" : "1",
        ]
        if node.kernel < KernelVersion(5, 9) {
            // Before 5.9, reusing a client's port within the time a closed connection is remembered costs it a second. (From 5.9 on the
            // setting's default is right, and 0 would keep such clients at a server that is gone.)
            sysctls["net.ipv4.vs.conn_reuse_mode"] = "0"
        }
        if node.families.contains(.ipv4) {
            // Answers of real servers in pods are forwarded to clients outside.
            sysctls["net.ipv4.ip_forward"] = "1"
            if settings.strictARP {
                // Other links must not answer ARP for the addresses on the dummy link (for layer-2 load balancers).
                sysctls["net.ipv4.conf.all.arp_ignore"] = "1"
                sysctls["net.ipv4.conf.all.arp_announce"] = "2"
            }
        }
        return sysctls.merging(settings.conntrack.sysctls) { $1 }
    }
}
