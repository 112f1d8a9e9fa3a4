/// An IPv4 or IPv6 address, as a value: sixteen bytes and a family, no heap.
///
/// The bytes are kept as two 64-bit numbers in the host's order, so that comparing, hashing and masking
/// are plain arithmetic. IPv4 occupies the low 32 bits of `low`.
public struct IPAddress: Hashable, Sendable {
    let high: UInt64
    let low: UInt64
    // Last, so that a port beside the address goes into what is left of these eight bytes.
    /// Whether this is an IPv4 or an IPv6 address.
    public let family: AddressFamily

    init(family: AddressFamily, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    /// Ten thousands of addresses are looked up at a start: no more goes into the hash than tells two of a family apart.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(low)
        if family == .ipv6 { hasher.combine(high) }
    }

    /// An IPv4 address from its number, most significant byte first: `0x7f000001` is 127.0.0.1.
    public init(ipv4 number: UInt32) {
        self.init(family: .ipv4, high: 0, low: UInt64(number))
    }

    /// An IPv6 address from its two halves, most significant first.
    public init(ipv6High high: UInt64, low: UInt64) {
        self.init(family: .ipv6, high: high, low: low)
    }

    /// An address from bytes in network order: four of them, or sixteen.
    public init?(bytes: some Collection<UInt8>) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        switch bytes.count {
        case 4:
            for byte in bytes { low = low << 8 | UInt64(byte) }
            self.init(family: .ipv4, high: 0, low: low)
        case 16:
            for byte in bytes.prefix(8) { high = high << 8 | UInt64(byte) }
            for byte in bytes.dropFirst(8) { low = low << 8 | UInt64(byte) }
            self.init(family: .ipv6, high: high, low: low)
        default:
            return nil
        }
    }

    /// The byte at an offset in network order; the offset is below `family.byteCount`.
    public func byte(at offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < family.byteCount, "an \(family) address has no byte \(offset)")
        if family == .ipv4 { return UInt8(truncatingIfNeeded: low >> UInt64(24 - 8 * offset)) }
        return offset < 8
            ? UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * offset))
            : UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * (offset - 8)))
    }

    /// The bytes in network order: four of them, or sixteen.
    public var bytes: [UInt8] { (0..<family.byteCount).map(byte(at:)) }

    /// The sixteen-bit group at an index (0…7) of an IPv6 address.
    func group(_ index: Int) -> UInt16 {
        let half = index < 4 ? high : low
        return UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * (index % 4)))
    }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        family == .ipv4 ? low >> 24 == 127 : high == 0 && low == 1
    }

    /// 0.0.0.0 or ::.
    public var isUnspecified: Bool { high == 0 && low == 0 }

    /// 224.0.0.0/4 or ff00::/8.
    public var isMulticast: Bool {
        family == .ipv4 ? low >> 28 == 0xe : high >> 56 == 0xff
    }

    /// 169.254.0.0/16 or fe80::/10.
    public var isLinkLocal: Bool {
        family == .ipv4 ? low >> 16 == 0xa9fe : high >> 54 == 0x3fa
    }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by number.
    public static func < (left: Self, right: Self) -> Bool {
        if left.family != right.family { return left.family < right.family }
        return left.high != right.high ? left.high < right.high : left.low < right.low
    }
}
