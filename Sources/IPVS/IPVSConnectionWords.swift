extension IPVSConnection {
    /// A protocol by the name that the kernel's IPVS has for it (`ip_vs_proto_name` in `net/netfilter/ipvs/ip_vs_core.c`).
    ///
    /// The set is open: a kernel prints the protocols that it balances.
    public struct Transport: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The name as it is printed.
        public let rawValue: String

        /// A protocol of that name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The name.
        public var description: String { rawValue }

        /// TCP.
        public static let tcp = Transport(rawValue: "TCP")
        /// UDP.
        public static let udp = Transport(rawValue: "UDP")
        /// SCTP.
        public static let sctp = Transport(rawValue: "SCTP")
        /// Every protocol: templates of virtual servers by firewall mark.
        public static let any = Transport(rawValue: "IP")

        /// The protocol as a virtual server has it; nil for one that this library knows no virtual servers of.
        public var transportProtocol: TransportProtocol? {
            switch self {
            case .tcp: .tcp
            case .udp: .udp
            case .sctp: .sctp
            default: nil
            }
        }
    }

    /// The state of a connection by the kernel's name for it (`ip_vs_state_name` in `net/netfilter/ipvs/ip_vs_proto.c`).
    ///
    /// The set is open: each protocol has states of its own, and those of SCTP are many.
    public struct State: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The name as it is printed.
        public let rawValue: String

        /// A state of that name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The name.
        public var description: String { rawValue }

        /// Nothing seen yet; or a template through which no connection was established.
        public static let none = State(rawValue: "NONE")
        /// A template through which a connection was established: it is kept when memory is short.
        public static let assured = State(rawValue: "ASSURED")
        /// A flow of datagrams.
        public static let udp = State(rawValue: "UDP")

        /// Both sides may send (TCP and SCTP).
        public static let established = State(rawValue: "ESTABLISHED")
        /// The client's SYN was seen (TCP).
        public static let synReceived = State(rawValue: "SYN_RECV")
        /// The real server opened a connection (TCP).
        public static let synSent = State(rawValue: "SYN_SENT")
        /// One side has finished (TCP).
        public static let finWait = State(rawValue: "FIN_WAIT")
        /// Both sides have finished; late packets are waited for (TCP).
        public static let timeWait = State(rawValue: "TIME_WAIT")
        /// The connection was reset or has ended (TCP).
        public static let close = State(rawValue: "CLOSE")
        /// The client has finished, the real server has not (TCP).
        public static let closeWait = State(rawValue: "CLOSE_WAIT")
        /// The last acknowledgement is waited for (TCP).
        public static let lastAck = State(rawValue: "LAST_ACK")
        /// A packet of the client is waited for, as with FTP's data connections (TCP).
        public static let listen = State(rawValue: "LISTEN")
    }
}
