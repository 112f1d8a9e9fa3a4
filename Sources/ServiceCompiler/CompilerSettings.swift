package import Addresses
package import IPVSModel

/// The settings that decide what is compiled.
package struct CompilerSettings: Equatable, Sendable {
    /// For Services that name none.
    package var scheduler = Scheduler.roundRobin
    /// For Services that name neither a scheduler nor flags. Nil stands for the scheduler's usual ones.
    package var schedulerFlags: SchedulerFlags?
    package var masqueradeAll = false
    package var nodePortAddresses = NodePortAddresses.ranges([])
    package var localTraffic = LocalTraffic.unknown
    /// The bit, 0…31, of the packet mark that stands for "masquerade this".
    package var masqueradeBit = 14
    /// The packet marks that stand for virtual servers.
    package var firewallMarks = MarkField.standard
    /// The pods' ranges in the whole cluster, at most one of each family.
    package var clusterRanges: [IPPrefix] = []
    /// Whether what pods send out of the cluster gets this node's source address; in families whose cluster range is given.
    package var masqueradesPodEgress = false
    package var linkName = "kube-ipvs0"
    package var strictARP = false
    /// Seconds; 0 leaves the kernel's value.
    package var timeouts = ConnectionTimeouts()
    /// Whether kernel settings are written at all.
    package var managesSysctls = true
    package var conntrack = ConntrackWishes()

    /// How long connections of a real server that goes are waited for, where neither its Service nor a policy says so. Zero: not at all.
    package var drainTimeout: Duration = .zero
    /// The name of the health policy of Services that no other chooses; nil for none.
    package var standardPolicy: String?
    /// Whether clients with session affinity stay at a real server that is drained by hand.
    package var keepsStickyClients = false

    package init() {}

    /// How traffic of this node's pods, which keeps its source address, is told from all other.
    package enum LocalTraffic: Equatable, Sendable {
        /// By source: these ranges, at most one of each family.
        case ranges([IPPrefix])
        /// By source: the pod ranges that the node itself has.
        case nodeRanges
        /// By the bridge that the packets come from.
        case bridge(String)
        /// By the first letters of the interface that the packets come from.
        case interfacePrefix(String)
        /// Not at all.
        case unknown
    }
}
