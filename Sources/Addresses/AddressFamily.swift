/// The two families of Internet addresses.
public enum AddressFamily: UInt8, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    case ipv4 = 4
    case ipv6 = 6

    /// The width of an address in bits: 32 or 128.
    public var bitWidth: Int { self == .ipv4 ? 32 : 128 }

    /// The width of an address in bytes: 4 or 16.
    public var byteCount: Int { bitWidth / 8 }

    /// `IPv4` or `IPv6`.
    public var description: String { self == .ipv4 ? "IPv4" : "IPv6" }

    /// IPv4 comes first.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
