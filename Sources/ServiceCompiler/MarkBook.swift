package import IPVSModel
package import ServiceModel

/// What of which Service has which packet mark. No two have the same.
///
/// A mark follows from the name, so that it is the same after a restart: connections end with the virtual server that they were made by. Where
/// two names lead to one mark, the one that comes later takes the next that is free, and `move` has it keep what stands in the kernel.
package struct MarkBook: Sendable {
    private let field: MarkField
    private let masqueradeBit: Int
    private var marks: [ObjectName: [MarkPurpose: UInt32]] = [:]
    private var holders: [UInt32: Holder] = [:]
    /// How many of each share are in use.
    private var counts: [MarkShare: UInt32] = [:]

    private struct Holder: Hashable {
        var service: ObjectName
        var purpose: MarkPurpose
    }

    package init(_ field: MarkField, masqueradeBit: Int) { (self.field, self.masqueradeBit) = (field, masqueradeBit) }

    /// How many marks are in use.
    package var count: Int { holders.count }

    /// Gives a Service marks for just these. Those that it has it keeps; what it no longer needs is free again. There is none where all of a
    /// share are in use.
    package mutating func assign(_ purposes: Set<MarkPurpose>, to service: ObjectName) -> [MarkPurpose: UInt32] {
        if purposes.isEmpty, marks[service] == nil { return [:] }
        for (purpose, mark) in marks[service] ?? [:] where !purposes.contains(purpose) {
            release(mark)
            marks[service]?[purpose] = nil
        }
        for purpose in purposes.sorted() where marks[service]?[purpose] == nil {
            give(Holder(service: service, purpose: purpose), preferring: nil)
        }
        if purposes.isEmpty { marks[service] = nil }
        return marks[service] ?? [:]
    }

    /// Has what stands for something take other marks than it has, where those are of its share and free or leave too, and says whose Services
    /// that concerns.
    package mutating func move(_ moves: [UInt32: UInt32]) -> Set<ObjectName> {
        var services: Set<ObjectName> = []
        var movers: [(holder: Holder, mark: UInt32)] = []
        for (old, new) in moves.sorted(by: { $0.key < $1.key }) {
            guard let holder = holders[old], isOfShare(new, holder.purpose.share) else { continue }
            release(old)
            movers.append((holder, new))
        }
        for (holder, mark) in movers {
            give(holder, preferring: mark)
            services.insert(holder.service)
        }
        return services
    }

    private func isOfShare(_ mark: UInt32, _ share: MarkShare) -> Bool {
        let numbers = share.numbers(of: field, masqueradeBit: masqueradeBit)
        func bound(_ number: UInt32) -> UInt32 { field.mark(number, withoutBit: masqueradeBit) }
        return field.contains(mark) && mark & 1 << UInt32(masqueradeBit) == 0 && mark >= bound(numbers.lowerBound)
            && mark <= bound(numbers.upperBound - 1)
    }

    private mutating func release(_ mark: UInt32) {
        guard let holder = holders.removeValue(forKey: mark) else { return }
        counts[holder.purpose.share, default: 0] -= 1
    }

    private mutating func give(_ holder: Holder, preferring preferred: UInt32?) {
        let share = holder.purpose.share
        let numbers = share.numbers(of: field, masqueradeBit: masqueradeBit)
        let count = UInt32(numbers.count)
        guard counts[share, default: 0] < count else {
            marks[holder.service]?[holder.purpose] = nil
            return
        }
        var mark = preferred ?? 0
        if preferred == nil || holders[mark] != nil {
            var number = UInt32(truncatingIfNeeded: Self.hash("\(holder.service) \(holder.purpose)") % UInt64(count))
            mark = field.mark(numbers.lowerBound + number, withoutBit: masqueradeBit)
            while holders[mark] != nil {
                number = (number + 1) % count
                mark = field.mark(numbers.lowerBound + number, withoutBit: masqueradeBit)
            }
        }
        holders[mark] = holder
        counts[share, default: 0] += 1
        marks[holder.service, default: [:]][holder.purpose] = mark
    }

    /// FNV-1a with 64 bits, its halves folded. Swift's own hashes differ from process to process.
    static func hash(_ text: String) -> UInt64 {
        let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        return hash ^ hash >> 32
    }
}
