/// A scheduler: the kernel module that chooses a real server for each new connection.
///
/// The set is open, because kernels gain schedulers as modules; the ones below are those of `net/netfilter/ipvs`
/// in Linux 6.1.
public struct Scheduler: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The name that the module registers, as `ipvsadm` takes it.
    public let rawValue: String

    /// A scheduler by the name its module registers: 1 to 15 bytes of printable ASCII
    /// (`IP_VS_SCHEDNAME_MAXLEN` in `linux/ip_vs.h` counts the terminating zero). Other names give nil.
    public init?(rawValue: String) {
        guard (1...15).contains(rawValue.utf8.count), rawValue.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") })
        else { return nil }
        self.rawValue = rawValue
    }

    private init(_ name: StaticString) { rawValue = name.description }

    /// The name.
    public var description: String { rawValue }

    /// Each server in turn.
    public static let roundRobin = Scheduler("rr")
    /// Each server in turn, as often as its weight says.
    public static let weightedRoundRobin = Scheduler("wrr")
    /// The server with the fewest active connections.
    public static let leastConnection = Scheduler("lc")
    /// The server with the fewest active connections for its weight.
    public static let weightedLeastConnection = Scheduler("wlc")
    /// The server of the highest weight, while it is available.
    public static let weightedFailover = Scheduler("fo")
    /// The server of the highest weight until its weight in connections is reached, then the next.
    public static let overflow = Scheduler("ovf")
    /// By destination address, moving on when the server is overloaded.
    public static let localityBasedLeastConnection = Scheduler("lblc")
    /// By destination address, over a set of servers.
    public static let localityBasedLeastConnectionWithReplication = Scheduler("lblcr")
    /// By a hash of the destination address.
    public static let destinationHashing = Scheduler("dh")
    /// By a hash of the source address, and of the source port with `SchedulerFlags.port`.
    public static let sourceHashing = Scheduler("sh")
    /// By Maglev hashing of the source address, and of the source port with `SchedulerFlags.port`.
    public static let maglevHashing = Scheduler("mh")
    /// The shortest expected delay: (connections + 1) / weight.
    public static let shortestExpectedDelay = Scheduler("sed")
    /// An idle server, else the shortest expected delay.
    public static let neverQueue = Scheduler("nq")
    /// The better of two servers drawn by weighted chance (from Linux 5.12).
    public static let powerOfTwoChoices = Scheduler("twos")

    /// The schedulers of Linux 6.1, in the order of its documentation; for help texts and suggestions.
    public static let wellKnown: [Scheduler] = [
        .roundRobin, .weightedRoundRobin, .leastConnection, .weightedLeastConnection, .weightedFailover, .overflow,
        .localityBasedLeastConnection, .localityBasedLeastConnectionWithReplication, .destinationHashing, .sourceHashing,
        .maglevHashing, .shortestExpectedDelay, .neverQueue, .powerOfTwoChoices,
    ]
}

/// The three bits that a scheduler may interpret as it likes (`IP_VS_SVC_F_SCHED1…3` in `linux/ip_vs.h`).
public struct SchedulerFlags: OptionSet, Hashable, Sendable {
    /// The bits as the kernel has them among a virtual server's flags.
    public let rawValue: UInt32

    /// The scheduler's bits among those of the number; others are dropped.
    public init(rawValue: UInt32) { self.rawValue = rawValue & 0x38 }

    /// `flag-1`. For `sh` and `mh`: when the chosen server is unavailable, choose another instead of refusing.
    public static let fallback = SchedulerFlags(rawValue: 0x08)
    /// `flag-2`. For `sh` and `mh`: hash the source port too.
    public static let port = SchedulerFlags(rawValue: 0x10)
    /// `flag-3`, which no scheduler of Linux 6.1 uses.
    public static let third = SchedulerFlags(rawValue: 0x20)
}

extension SchedulerFlags: CustomStringConvertible {
    /// A comma-separated list in `ipvsadm`'s words, empty where no flag is set.
    ///
    /// `sh-fallback` and `sh-port`, `mh-fallback` and `mh-port` are `ipvsadm`'s names for the first two bits with those schedulers.
    public var description: String {
        names.joined(separator: ",")
    }

    /// The names of the flags that are set: `fallback`, `port`, `flag-3`.
    public var names: [String] {
        Self.named.filter { contains($0.flag) }.map(\.name)
    }

    static let named: [(name: String, flag: SchedulerFlags)] = [
        ("fallback", .fallback), ("port", .port), ("flag-3", .third),
    ]

    /// Reads a comma-separated list of `fallback` or `flag-1`, `port` or `flag-2`, `flag-3`, also with `ipvsadm`'s `sh-` or `mh-`
    /// before the first two; nil where a name is unknown.
    public init?(names text: some StringProtocol) {
        var flags: SchedulerFlags = []
        for name in text.split(separator: ",", omittingEmptySubsequences: true) {
            switch name.drop(while: { $0 == " " }) {
            case "fallback", "flag-1", "sh-fallback", "mh-fallback": flags.insert(.fallback)
            case "port", "flag-2", "sh-port", "mh-port": flags.insert(.port)
            case "flag-3": flags.insert(.third)
            default: return nil
            }
        }
        self = flags
    }
}
