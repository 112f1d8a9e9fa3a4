/// A range of addresses that share their first bits: `10.96.0.0/12`, `fd00::/8`.
public struct IPPrefix: Hashable, Sendable {
    /// The first address of the range; the bits after the prefix are zero.
    public let address: IPAddress

    /// The number of leading bits that addresses of the range share: 0…32 or 0…128.
    public let length: Int

    /// The range of that length that holds the address; nil where the length exceeds the family's width.
    public init?(_ address: IPAddress, length: Int) {
        guard length >= 0, length <= address.family.bitWidth else { return nil }
        self.address = address.masked(toPrefix: length)
        self.length = length
    }

    /// The family of the addresses in the range.
    public var family: AddressFamily { address.family }

    /// Whether the range holds this address; an address of the other family is never held.
    public func contains(_ other: IPAddress) -> Bool {
        other.family == family && other.masked(toPrefix: length) == address
    }
}

extension IPPrefix: LosslessStringConvertible {
    /// Reads `ADDRESS/LENGTH`; bits set after the prefix are cleared, as `ip` and `iptables` do.
    public init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/"), let address = IPAddress(text[..<slash]) else { return nil }
        let digits = text[text.index(after: slash)...]
        guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let length = Int(digits) else {
            return nil
        }
        self.init(address, length: length)
    }

    /// `ADDRESS/LENGTH`.
    public var description: String { "\(address)/\(length)" }
}

extension IPPrefix: Comparable {
    /// By the first address, then by length: a range comes before those within it that begin with it.
    public static func < (left: Self, right: Self) -> Bool {
        left.address != right.address ? left.address < right.address : left.length < right.length
    }
}

extension IPAddress {
    /// The address with all bits after the first `length` cleared; the length is 0…the family's width.
    public func masked(toPrefix length: Int) -> IPAddress {
        func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits)) }
        if family == .ipv4 { return IPAddress(family: family, high: 0, low: low & (mask(32 + length) & 0xffff_ffff)) }
        return IPAddress(family: family, high: high & mask(length), low: low & mask(length - 64))
    }
}
