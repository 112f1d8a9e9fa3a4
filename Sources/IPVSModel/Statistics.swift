/// What the kernel counted for a virtual server or a real server.
///
/// All 64 bits wide. A real server that is removed and added again soon comes back with its old counters
/// (the kernel keeps it in a trash while connections refer to it), so counters can jump.
public struct TrafficStatistics: Hashable, Sendable {
    /// Connections scheduled since the server was made or its counters were zeroed.
    public var connections: UInt64 = 0
    /// Packets from clients.
    public var incomingPackets: UInt64 = 0
    /// Packets to clients that came through this node: none with direct routing and tunnels.
    public var outgoingPackets: UInt64 = 0
    /// Bytes from clients.
    public var incomingBytes: UInt64 = 0
    /// Bytes to clients that came through this node.
    public var outgoingBytes: UInt64 = 0

    /// Rates per second, as the kernel's estimator last saw them (every 2 s; they stand still where
    /// `net.ipv4.vs.run_estimation` is 0).
    public var connectionRate: UInt64 = 0
    /// Packets from clients, per second.
    public var incomingPacketRate: UInt64 = 0
    /// Packets to clients, per second.
    public var outgoingPacketRate: UInt64 = 0
    /// Bytes from clients, per second.
    public var incomingByteRate: UInt64 = 0
    /// Bytes to clients, per second.
    public var outgoingByteRate: UInt64 = 0

    /// Statistics of nothing: all zero.
    public init() {}
}

/// The connections that a real server has now. Live, whatever the estimator does.
public struct ConnectionCounts: Hashable, Sendable {
    /// Established connections.
    public var active: UInt32 = 0
    /// Connections in any other state: opening, closing, and every UDP flow.
    public var inactive: UInt32 = 0
    /// Persistence templates that point here.
    public var persistent: UInt32 = 0

    /// Counts of connections.
    public init(active: UInt32 = 0, inactive: UInt32 = 0, persistent: UInt32 = 0) {
        self.active = active
        self.inactive = inactive
        self.persistent = persistent
    }
}

/// A virtual server as the kernel shows it: what was asked for, and what it counted.
public struct ObservedVirtualServer: Hashable, Sendable {
    /// What was asked for.
    public var server: VirtualServer
    /// What it counted.
    public var statistics: TrafficStatistics

    /// A virtual server as it was seen.
    public init(server: VirtualServer, statistics: TrafficStatistics) {
        self.server = server
        self.statistics = statistics
    }
}

/// A real server as the kernel shows it: what was asked for, what it counted, and the connections it has.
public struct ObservedRealServer: Hashable, Sendable {
    /// What was asked for.
    public var server: RealServer
    /// What it counted.
    public var statistics: TrafficStatistics
    /// The connections that it has now.
    public var connections: ConnectionCounts

    /// A real server as it was seen.
    public init(server: RealServer, statistics: TrafficStatistics, connections: ConnectionCounts) {
        self.server = server
        self.statistics = statistics
        self.connections = connections
    }
}

/// How long idle connections are kept, in seconds (`ipvsadm --set`). When written, 0 leaves a value as it is.
public struct ConnectionTimeouts: Hashable, Sendable {
    /// An established TCP session.
    public var tcp: UInt32
    /// A TCP session after a FIN.
    public var tcpFin: UInt32
    /// A UDP flow.
    public var udp: UInt32

    /// Timeouts in seconds; those that are left out are 0.
    public init(tcp: UInt32 = 0, tcpFin: UInt32 = 0, udp: UInt32 = 0) {
        self.tcp = tcp
        self.tcpFin = tcpFin
        self.udp = udp
    }
}

/// The kernel's IPVS version and the size of its connection hash table.
public struct IPVSInformation: Hashable, Sendable {
    /// Three numbers, `1.2.1` in every kernel since 2.6.
    public var version: Version
    /// The number of buckets of the connection table (`conn_tab_bits` as a power of two).
    public var connectionTableSize: UInt32

    /// What the kernel said of itself.
    public init(version: Version, connectionTableSize: UInt32) {
        self.version = version
        self.connectionTableSize = connectionTableSize
    }

    /// A version of IPVS.
    public struct Version: Hashable, Sendable, CustomStringConvertible {
        /// The first number.
        public var major: UInt8
        /// The second number.
        public var minor: UInt8
        /// The third number.
        public var patch: UInt8

        /// The version of those three numbers.
        public init(major: UInt8, minor: UInt8, patch: UInt8) {
            self.major = major
            self.minor = minor
            self.patch = patch
        }

        /// `1.2.1`.
        public var description: String { "\(major).\(minor).\(patch)" }
    }
}
