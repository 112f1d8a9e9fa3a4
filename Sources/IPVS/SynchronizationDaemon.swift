/// The kernel's connection synchronisation daemon of a network namespace: a master tells of its connections by multicast, and a backup
/// takes them into its own table, so that they live on when it takes over the master's addresses.
///
/// It runs in the kernel, however long the process that started it lives. A namespace can have one of each role.
/// (`start_sync_thread` in `net/netfilter/ipvs/ip_vs_sync.c`.)
public struct SynchronizationDaemon: Hashable, Sendable {
    /// What a daemon does with connections. The numbers are the kernel's (`IP_VS_STATE_…` in `linux/ip_vs.h`).
    public enum Role: UInt32, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
        /// Tells of them.
        case master = 1
        /// Is told of them.
        case backup = 2

        /// `master` or `backup`.
        public var description: String { self == .master ? "master" : "backup" }

        /// The master comes first.
        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// 224.0.0.81, the group that IANA has given to LVS (`IP_VS_SYNC_GROUP`).
    public static let defaultGroup = IPAddress(ipv4: 0xe000_0051)
    /// 8848 (`IP_VS_SYNC_PORT`).
    public static let defaultPort: UInt16 = 8848

    /// What the daemon does.
    public var role: Role

    /// The network interface over which messages go, as the namespace has it: 1 to 15 bytes. It must be up. With a group of IPv4 give it an
    /// address first: the kernel starts a master without one, whose messages then come from 0.0.0.0.
    public var interface: String

    /// Tells several groups of load balancers on one wire apart. A backup with 0 takes the messages of every master.
    public var synchronizationID: UInt8

    /// Bytes of a message at most, without the headers of IP and UDP. Nil lets the kernel choose: what fits into 1500 bytes, and for a
    /// backup what fits the interface, if that is more. A backup takes no less than 1024. What runs shows the length that was chosen.
    public var maximumLength: UInt16?

    /// The multicast group, of either family. Other than the default from Linux 4.3.
    public var group: IPAddress

    /// The UDP port, 1 to 65535. Where the sysctl `net.ipv4.vs.sync_ports` asks for several threads, each takes the next higher port.
    /// Other than the default from Linux 4.3.
    public var port: UInt16

    /// How many routers a message may pass, plus one: 1 to 255. Other than 1 from Linux 4.3.
    public var timeToLive: UInt8

    /// A daemon; what is left out is as the kernel has it.
    public init(
        _ role: Role, interface: String, synchronizationID: UInt8 = 0, maximumLength: UInt16? = nil, group: IPAddress = defaultGroup,
        port: UInt16 = defaultPort, timeToLive: UInt8 = 1
    ) {
        self.role = role
        self.interface = interface
        self.synchronizationID = synchronizationID
        self.maximumLength = maximumLength
        self.group = group
        self.port = port
        self.timeToLive = timeToLive
    }

    /// What the kernel would refuse, or take for something else; nil where there is nothing.
    var problem: String? {
        // `IP_VS_IFNAME_MAXLEN` counts the terminating zero.
        if !(1...15).contains(interface.utf8.count) || interface.utf8.contains(0) {
            return "an interface's name has 1 to 15 bytes"
        }
        if !group.isMulticast { return "\(group) is no multicast address" }
        if maximumLength == 0 { return "a message has 1 byte or more" }
        if port == 0 { return "a port is 1 to 65535" }
        return timeToLive == 0 ? "a time to live is 1 to 255" : nil
    }
}

extension SynchronizationDaemon: CustomStringConvertible {
    /// `master on eth0, id 7, 224.0.0.81:8848, ttl 1`.
    public var description: String {
        let place = IPVSConnection.SocketAddress(group, port: port)
        let length = maximumLength.map { ", messages of \($0) bytes" } ?? ""
        return "\(role) on \(interface), id \(synchronizationID), \(place), ttl \(timeToLive)\(length)"
    }
}
