/// A Service, what is made of it on this node, and whether it stands.
package struct ServiceReport: Hashable, Sendable, Codable {
    /// `default/web`.
    package var name: String
    /// `metadata.labels`; missing only in what an agent says that does not tell them yet.
    package var labels: [String: String]?
    package var addresses: [String]
    package var virtualServers: [VirtualServerReport]

    /// How many are asked for at a time, so that each answer is a small piece of work.
    package static let batch = 200

    package init(name: String, labels: [String: String]? = nil, addresses: [String], virtualServers: [VirtualServerReport]) {
        self.name = name
        self.labels = labels
        self.addresses = addresses
        self.virtualServers = virtualServers
    }
}

package struct VirtualServerReport: Hashable, Sendable, Codable {
    package var address: String?
    package var port: UInt16?
    /// `tcp`, `udp` or `sctp`.
    package var `protocol`: String?
    package var firewallMark: UInt32?
    package var scheduler: String
    /// The scheduler's flags, where it has any.
    package var schedulerFlags: [String]?
    /// Seconds that a client keeps its real server; missing where each connection is scheduled on its own.
    package var persistenceTimeout: UInt32?
    package var onePacket: Bool
    package var state: Standing
    /// The Service that has this virtual server, where that is another, older one.
    package var takenBy: String?
    package var realServers: [RealServerReport]

    package init(
        address: String? = nil, port: UInt16? = nil, protocol: String? = nil, firewallMark: UInt32? = nil, scheduler: String,
        schedulerFlags: [String]? = nil, persistenceTimeout: UInt32? = nil, onePacket: Bool = false, state: Standing,
        takenBy: String? = nil,
        realServers: [RealServerReport] = []
    ) {
        self.address = address
        self.port = port
        self.protocol = `protocol`
        self.firewallMark = firewallMark
        self.scheduler = scheduler
        self.schedulerFlags = schedulerFlags
        self.persistenceTimeout = persistenceTimeout
        self.onePacket = onePacket
        self.state = state
        self.takenBy = takenBy
        self.realServers = realServers
    }
}

package struct RealServerReport: Hashable, Sendable, Codable {
    package var address: String
    package var port: UInt16
    package var weight: Int32
    /// `masquerade`, `tunnel` or `direct`.
    package var forwarding: String
    package var state: Standing

    package init(address: String, port: UInt16, weight: Int32, forwarding: String, state: Standing) {
        self.address = address
        self.port = port
        self.weight = weight
        self.forwarding = forwarding
        self.state = state
    }
}

/// Whether something that is wanted stands in the kernel, as the agent's picture of it says.
package enum Standing: String, Hashable, Sendable, Codable {
    case inForce
    case missing
    /// It stands with other settings.
    case different
    /// The kernel has not been looked at, or cannot be.
    case unknown
    /// Another, older Service has it.
    case taken
}
