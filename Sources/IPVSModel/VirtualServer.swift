public import Addresses

/// A virtual server: what clients connect to, and how its connections are spread over real servers.
///
/// The kernel calls it a service; Kubernetes means something else by that word, so LVS's name is used throughout.
public struct VirtualServer: Hashable, Sendable {
    /// What packets are looked up by.
    public var key: Key
    /// What can be changed while it stands.
    public var configuration: Configuration

    /// A virtual server of that key.
    public init(_ key: Key, _ configuration: Configuration) {
        self.key = key
        self.configuration = configuration
    }

    /// What identifies a virtual server in the kernel: packets are looked up by this.
    public enum Key: Hashable, Sendable {
        /// Packets to an address, port and protocol. Port 0 takes every port, and needs persistence.
        case address(IPAddress, port: UInt16, TransportProtocol)

        /// Packets that carry a firewall mark (compared whole, not under a mask), of one family.
        case firewallMark(UInt32, AddressFamily)

        /// The family of the packets.
        public var family: AddressFamily {
            switch self {
            case .address(let address, _, _): address.family
            case .firewallMark(_, let family): family
            }
        }

        /// The address, where the key has one.
        public var address: IPAddress? {
            if case .address(let address, _, _) = self { address } else { nil }
        }
    }

    /// Everything about a virtual server that can be changed while it stands.
    public struct Configuration: Hashable, Sendable {
        /// What chooses a real server for each new connection.
        public var scheduler: Scheduler
        /// The scheduler's own flags.
        public var schedulerFlags: SchedulerFlags

        /// Nil where each connection is scheduled on its own.
        public var persistence: Persistence? {
            get { affinity.persistence }
            set { affinity = Affinity(newValue, affinity.engine) }
        }

        /// The persistence engine, `sip` being the kernel's only one; nil for persistence by address.
        public var persistenceEngine: String? {
            get { affinity.engine }
            set { affinity = Affinity(affinity.persistence, newValue) }
        }

        private var affinity: Affinity

        /// Persistence and its engine, beside the rest: few have them, and tables of tens of thousands are a third smaller without.
        private enum Affinity: Hashable, Sendable {
            case none
            indirect case some(Persistence?, engine: String?)

            init(_ persistence: Persistence?, _ engine: String?) {
                self = persistence == nil && engine == nil ? .none : .some(persistence, engine: engine)
            }

            var persistence: Persistence? { if case .some(let persistence, _) = self { persistence } else { nil } }
            var engine: String? { if case .some(_, let engine) = self { engine } else { nil } }
        }

        /// Each datagram is scheduled on its own and no connection is kept (`--ops`); UDP only. With masquerading, answers are not translated
        /// (`ip_vs_update_conntrack` in `net/netfilter/ipvs/ip_vs_nfct.c` leaves such connections alone).
        public var onePacket: Bool

        /// A configuration; what is left out is off.
        public init(
            scheduler: Scheduler, schedulerFlags: SchedulerFlags = [], persistence: Persistence? = nil, persistenceEngine: String? = nil,
            onePacket: Bool = false
        ) {
            self.scheduler = scheduler
            self.schedulerFlags = schedulerFlags
            affinity = Affinity(persistence, persistenceEngine)
            self.onePacket = onePacket
        }
    }

    /// A client keeps its real server: all its connections go there until the template has been idle for the timeout.
    public struct Persistence: Hashable, Sendable {
        /// Seconds that a client's template outlives its last connection: 1…2,147,483 (the kernel keeps the time in ticks).
        public var timeout: UInt32

        /// Which clients count as one.
        public var granularity: Granularity

        /// Persistence with that timeout in seconds.
        public init(timeout: UInt32, granularity: Granularity) {
            self.timeout = timeout
            self.granularity = granularity
        }
    }

    /// Which clients count as one for persistence: those whose addresses are equal under this mask.
    public enum Granularity: Hashable, Sendable {
        /// IPv4: the mask as a number, most significant byte first. The kernel takes any mask, also one with holes.
        case mask(UInt32)
        /// IPv6: a prefix length, 1…128.
        case prefixLength(UInt8)

        /// Each address of the family is a client of its own: /32 or /128.
        public static func wholeAddress(_ family: AddressFamily) -> Granularity {
            family == .ipv4 ? .mask(.max) : .prefixLength(128)
        }

        /// Addresses that share their first bits are one client; nil where the length is out of range
        /// (0…32 for IPv4, 1…128 for IPv6).
        public static func prefix(_ length: Int, _ family: AddressFamily) -> Granularity? {
            switch family {
            case .ipv4: (0...32).contains(length) ? .mask(length == 0 ? 0 : .max << UInt32(32 - length)) : nil
            case .ipv6: (1...128).contains(length) ? .prefixLength(UInt8(length)) : nil
            }
        }

        /// The prefix length; nil for an IPv4 mask with holes.
        public var prefixLength: Int? {
            switch self {
            case .mask(let mask): mask == 0 || ~mask & (~mask &+ 1) == 0 ? mask.nonzeroBitCount : nil
            case .prefixLength(let length): Int(length)
            }
        }
    }
}

extension VirtualServer.Key: CustomStringConvertible {
    /// `tcp 10.96.0.10:53`, `udp [fd00::a]:53`, `fwmark 7 (IPv4)`.
    public var description: String {
        switch self {
        case .address(let address, let port, let transport): "\(transport) \(SocketText.of(address, port))"
        case .firewallMark(let mark, let family): "fwmark \(mark) (\(family))"
        }
    }
}

extension VirtualServer.Key: Comparable {
    /// By address, port and protocol; firewall marks last.
    public static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.address(let a, let aPort, let aTransport), .address(let b, let bPort, let bTransport)):
            if a != b { return a < b }
            return aPort != bPort ? aPort < bPort : aTransport < bTransport
        case (.firewallMark(let a, let aFamily), .firewallMark(let b, let bFamily)):
            return a != b ? a < b : aFamily < bFamily
        case (.address, .firewallMark): return true
        case (.firewallMark, .address): return false
        }
    }
}

/// An address and port as text: `10.0.0.1:80`, `[fd00::1]:80` (RFC 3986, 3.2.2).
enum SocketText {
    static func of(_ address: IPAddress, _ port: UInt16) -> String {
        address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}

extension VirtualServer.Configuration: CustomStringConvertible {
    /// `wrr`, `sh (port) persistent 600s /24`.
    public var description: String {
        var text = scheduler.rawValue
        if !schedulerFlags.isEmpty { text += " (\(schedulerFlags))" }
        if let persistence { text += " persistent \(persistence.timeout)s\(persistence.granularity)" }
        if let persistenceEngine { text += " engine \(persistenceEngine)" }
        if onePacket { text += " one-packet" }
        return text
    }
}

extension VirtualServer.Granularity: CustomStringConvertible {
    /// Empty where each address is a client of its own, else ` /24`, or ` mask 255.0.255.0` for a mask with holes.
    public var description: String {
        switch self {
        case .mask(.max), .prefixLength(128): ""
        case .mask(let mask): prefixLength.map { " /\($0)" } ?? " mask \(IPAddress(ipv4: mask))"
        case .prefixLength(let length): " /\(length)"
        }
    }
}
