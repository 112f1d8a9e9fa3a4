/// The transport protocols that IPVS balances, with their numbers in the IP header (IANA protocol numbers).
public enum TransportProtocol: UInt8, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    case tcp = 6
    case udp = 17
    case sctp = 132

    /// Reads `TCP`, `UDP` or `SCTP` in any case.
    public init?(name: String) {
        switch name.lowercased() {
        case "tcp": self = .tcp
        case "udp": self = .udp
        case "sctp": self = .sctp
        default: return nil
        }
    }

    /// The name in lower case, as `ipset` and `ipvsadm` print it.
    public var description: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }

    /// By the number in the IP header.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
