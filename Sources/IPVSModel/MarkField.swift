/// The packet marks that are ours for virtual servers: those whose first bits have a value.
///
/// IPVS compares the whole mark of a packet with that of a virtual server (`__ip_vs_svc_fwm_find` in
/// `net/netfilter/ipvs/ip_vs_ctl.c`). So all 32 bits are set where a mark is set, and the bit that asks for masquerading, which rules may set
/// later, is in none of them.
package struct MarkField: Hashable, Sendable, CustomStringConvertible {
    /// The first bits; all others are 0.
    package let value: UInt32
    /// How many bits are given.
    package let length: Int

    /// Marks that hardly anybody uses: kube-proxy and kubelet set bits 14 and 15, network plug-ins those from 8 to 27.
    package static let standard = MarkField(value: 0x1000_0000, length: 4)

    private init(value: UInt32, length: Int) { (self.value, self.length) = (value, length) }

    /// Reads `0x10000000/4`; nil where it is not that, leaves fewer than 65,536 marks, or takes all there are.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].hasPrefix("0x"), let value = UInt32(parts[0].dropFirst(2), radix: 16),
            let length = Int(parts[1]), (1...16).contains(length)
        else { return nil }
        self.init(value: value, length: length)
        if value == 0 || value & ~mask != 0 { return nil }
    }

    /// The bits that are given.
    package var mask: UInt32 { ~0 << UInt32(32 - length) }

    package var range: ClosedRange<UInt32> { value...(value | ~mask) }

    package func contains(_ mark: UInt32) -> Bool { mark & mask == value }

    package var description: String { "0x\(String(value, radix: 16))/\(length)" }

    /// How many marks there are without a certain bit.
    package func count(withoutBit bit: Int) -> UInt32 { 1 << UInt32(32 - length - (bit < 32 - length ? 1 : 0)) }

    /// The mark of a number below `count`, without that bit.
    package func mark(_ number: UInt32, withoutBit bit: Int) -> UInt32 {
        guard bit < 32 - length else { return value | number }
        let low = number & ((1 << UInt32(bit)) - 1)
        // What is above the bit moves up by one; in 64 bits, since the bit may be the last but one.
        let high = UInt32(truncatingIfNeeded: UInt64(number >> UInt32(bit)) << UInt64(bit + 1))
        return value | high | low
    }
}
