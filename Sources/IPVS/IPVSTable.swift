/// A virtual server as `/proc/net/ip_vs` shows it, with its real servers.
///
/// The file is the fast way to see everything: one reading instead of a dump per virtual server. It does not show thresholds, tunnel
/// types, scheduler flags, the persistence engine or statistics, nor one-packet scheduling of IPv6 addresses, nor the family of a
/// firewall mark.
public struct IPVSTableEntry: Hashable, Sendable {
    /// What the file shows of a virtual server's key.
    public enum Identity: Hashable, Sendable {
        case address(IPAddress, port: UInt16, TransportProtocol)
        /// A mark can have a virtual server of each family, and the file shows both alike.
        case firewallMark(UInt32)

        /// As much of the key as the file shows.
        public init(_ key: VirtualServer.Key) {
            switch key {
            case .address(let address, let port, let transport): self = .address(address, port: port, transport)
            case .firewallMark(let mark, _): self = .firewallMark(mark)
            }
        }
    }

    /// Persistence in the file's units.
    public struct Persistence: Hashable, Sendable {
        /// The timeout in ticks of the kernel's clock (`CONFIG_HZ` per second, which user space cannot see).
        public var ticks: UInt32

        /// The mask as it is printed: that of IPv4 as a number; of IPv6 the prefix length, on little-endian machines with its bytes
        /// reversed.
        public var printedMask: UInt32

        /// Persistence as the file has it.
        public init(ticks: UInt32, printedMask: UInt32) {
            self.ticks = ticks
            self.printedMask = printedMask
        }

        /// Which clients count as one, for a virtual server of that family; nil where the mask is not one of the family.
        public func granularity(_ family: AddressFamily) -> VirtualServer.Granularity? {
            switch family {
            case .ipv4: .mask(printedMask)
            // Printed through `ntohl`, which undoes itself.
            case .ipv6: UInt8(exactly: UInt32(bigEndian: printedMask)).flatMap { $0 <= 128 ? .prefixLength($0) : nil }
            }
        }
    }

    /// Which virtual server this is, as far as the file shows it.
    public var identity: Identity
    /// The scheduler, without its flags.
    public var scheduler: Scheduler
    /// Always false for IPv6 addresses, of which the file does not show it.
    public var onePacket: Bool
    /// Nil where each connection is scheduled on its own.
    public var persistence: Persistence?
    /// In the order of the file.
    public var realServers: [IPVSTableRealServer]

    /// An entry of the file.
    public init(
        _ identity: Identity, scheduler: Scheduler, onePacket: Bool = false, persistence: Persistence? = nil,
        realServers: [IPVSTableRealServer] = []
    ) {
        self.identity = identity
        self.scheduler = scheduler
        self.onePacket = onePacket
        self.persistence = persistence
        self.realServers = realServers
    }

    /// The key in the kernel; nil for a firewall mark, whose family the file does not show.
    public var key: VirtualServer.Key? {
        if case .address(let address, let port, let transport) = identity { .address(address, port: port, transport) } else { nil }
    }
}

/// A real server as `/proc/net/ip_vs` shows it.
public struct IPVSTableRealServer: Hashable, Sendable {
    /// The forwarding method by the file's word for it, which does not tell the kind of tunnel.
    public enum Forwarding: String, Hashable, Sendable, CaseIterable {
        case masquerade = "Masq"
        case local = "Local"
        case tunnel = "Tunnel"
        case direct = "Route"
        case bypass = "Bypass"

        /// The file's word for that method.
        public init(_ method: ForwardingMethod) {
            switch method {
            case .masquerade: self = .masquerade
            case .local: self = .local
            case .tunnel: self = .tunnel
            case .direct: self = .direct
            case .bypass: self = .bypass
            }
        }
    }

    /// The real server's address and port.
    public var key: RealServer.Key
    /// How packets reach it.
    public var forwarding: Forwarding
    /// The share of new connections.
    public var weight: Int32
    /// Established connections.
    public var active: UInt32
    /// Connections in any other state.
    public var inactive: UInt32

    /// A real server of the file.
    public init(_ key: RealServer.Key, forwarding: Forwarding, weight: Int32, active: UInt32 = 0, inactive: UInt32 = 0) {
        self.key = key
        self.forwarding = forwarding
        self.weight = weight
        self.active = active
        self.inactive = inactive
    }
}

/// A line of `/proc/net/ip_vs` or `/proc/net/ip_vs_conn` that is not what the kernel writes.
public struct IPVSTableError: Error, Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    public var line: Int
    /// What is wrong with it.
    public var what: String

    /// An error in that line.
    public init(line: Int, _ what: String) {
        self.line = line
        self.what = what
    }

    /// `line 3: a real server before any virtual server`.
    public var description: String { "line \(line): \(what)" }
}
