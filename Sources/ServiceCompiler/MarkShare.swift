import IPVSModel

/// How the marks of the field are shared out by what they stand for: nothing takes one from what stands for something else, and rules tell by
/// the first bits what a packet with a mark is.
enum MarkShare: Hashable, Sendable {
    /// The second virtual servers of ports, for traffic from inside the cluster.
    case inside
    /// The virtual servers that serve several ports.
    case groups
    /// The ways of probes (`ProbePaths`).
    case probes

    /// Six eighths, one and one of the numbers that the field has. Those are a power of two, and at least 2¹⁵.
    func numbers(of field: MarkField, masqueradeBit: Int) -> Range<UInt32> {
        let eighth = field.count(withoutBit: masqueradeBit) / 8
        return switch self {
        case .inside: 0..<6 * eighth
        case .groups: 6 * eighth..<7 * eighth
        case .probes: 7 * eighth..<8 * eighth
        }
    }

    /// What the marks of groups have in common: these bits have this value in all of them and in no other mark of the field, whether or not the
    /// packet is to be masqueraded.
    static func groupBits(of field: MarkField, masqueradeBit: Int) -> (value: UInt32, mask: UInt32) {
        let numbers = groups.numbers(of: field, masqueradeBit: masqueradeBit)
        // The first three bits of a number are 1 in that of the last eighth.
        let first = field.mark(numbers.upperBound, withoutBit: masqueradeBit)
        return (field.mark(numbers.lowerBound, withoutBit: masqueradeBit), (field.mask | first) & ~(1 << UInt32(masqueradeBit)))
    }
}
