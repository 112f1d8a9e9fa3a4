package import Addresses
package import IPVSModel

/// What a node holds for load balancing: as wanted, or as observed in the kernel.
package struct NodeState: Equatable, Sendable {
    /// Kernel settings by dotted name, such as `net.ipv4.vs.conntrack`.
    package var sysctls: [String: String] = [:]
    /// Those of them that this process may not change, whatever its privilege: another's, or shown read-only.
    package var readOnlySysctls: Set<String> = []
    package var timeouts = ConnectionTimeouts()
    package var link: DummyLink = .absent
    /// The addresses bound to the dummy link as /32 or /128.
    package var addresses: Set<IPAddress> = []
    /// The addresses of all other links, each with the name of the link that holds it; of several, the one that was there first.
    package var otherAddresses: [IPAddress: String] = [:]
    package var sets: [SetKey: ObservedSet] = [:]
    /// Whether the set stands in which one of ours is made anew when it grows: left by a growth that was cut short.
    package var hasLeftoverSet = false
    package var rules: [AddressFamily: RuleTables] = [:]
    package var virtualServers: [VirtualServer.Key: VirtualServerState] = [:]

    package init() {}
}

/// A virtual server with its real servers.
package struct VirtualServerState: Hashable, Sendable {
    package var configuration: VirtualServer.Configuration
    package var realServers: [RealServer.Key: RealServer.Configuration]

    package init(_ configuration: VirtualServer.Configuration, realServers: [RealServer.Key: RealServer.Configuration] = [:]) {
        self.configuration = configuration
        self.realServers = realServers
    }
}

/// The link that makes virtual addresses this node's own.
package enum DummyLink: Hashable, Sendable {
    case absent
    /// `kind` is as rtnetlink names it. Only a `dummy` is ours to use.
    case present(kind: String, noARP: Bool)

    package static let asWanted = DummyLink.present(kind: "dummy", noARP: true)
}

/// Parts of the node's state, for an observation that need not see all of it.
package struct ObservationScope: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let sysctls = ObservationScope(rawValue: 1)
    /// The dummy link and its addresses, and which addresses other links hold.
    package static let link = ObservationScope(rawValue: 2)
    package static let sets = ObservationScope(rawValue: 4)
    package static let rules = ObservationScope(rawValue: 8)
    /// Virtual servers with their real servers, and the timeouts.
    package static let virtualServers = ObservationScope(rawValue: 16)
    package static let everything: ObservationScope = [.sysctls, .link, .sets, .rules, .virtualServers]

    /// Each part, in the order in which a look takes them: settings and modules of IPVS are there only after it was asked for.
    package static let parts: [ObservationScope] = [.virtualServers, .sysctls, .link, .sets, .rules]
}

extension NodeState {
    /// Takes over the parts that another observation saw.
    package mutating func take(_ scope: ObservationScope, from other: NodeState) {
        if scope.contains(.sysctls) { (sysctls, readOnlySysctls) = (other.sysctls, other.readOnlySysctls) }
        if scope.contains(.link) { (link, addresses, otherAddresses) = (other.link, other.addresses, other.otherAddresses) }
        if scope.contains(.sets) { (sets, hasLeftoverSet) = (other.sets, other.hasLeftoverSet) }
        if scope.contains(.rules) { rules = other.rules }
        if scope.contains(.virtualServers) { (virtualServers, timeouts) = (other.virtualServers, other.timeouts) }
    }
}
