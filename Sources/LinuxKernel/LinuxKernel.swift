package import Addresses
import Glibc
import IPSets
import IPVS
import Links
package import NodeKernel
package import NodeModel
package import PacketRules
import Sysctls

/// This node's own kernel: the six subsystems that load balancing needs, behind one door.
///
/// Everything that talks to the kernel does so from here, one thing after the other. Sockets are opened when they are first
/// needed and again after they failed, so that a module that is loaded later is found.
package actor LinuxKernel: NodeKernel {
    private let executor = SerialQueueExecutor(label: "ipvs-agent.kernel")
    nonisolated package var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    let linkName: String
    let wantedSysctls: [String]
    let rules: PacketRuleTool

    var ipvs: IPVSHandle?
    var links: LinkSocket?
    var sets: SetSession?

    /// - Parameters:
    ///   - linkName: the dummy link's name.
    ///   - sysctls: the kernel settings to look at, by dotted names.
    ///   - rules: the way to the packet filter.
    package init(linkName: String, sysctls: [String], rules: PacketRuleTool) {
        self.linkName = linkName
        self.wantedSysctls = sysctls
        self.rules = rules
    }

    /// IPv4, and IPv6 unless it was left out of the kernel or switched off at boot (`ipv6.disable=1`).
    package nonisolated func families() -> Set<AddressFamily> {
        unsafe access("/proc/net/if_inet6", F_OK) == 0 ? [.ipv4, .ipv6] : [.ipv4]
    }

    /// How many messages have been sent to IPVS, and in how many sends; so that tests can count what a change costs.
    package var ipvsTraffic: (messages: Int, sends: Int) {
        guard let statistics = ipvs?.statistics else { return (0, 0) }
        return (statistics.messages, statistics.sends)
    }
}
