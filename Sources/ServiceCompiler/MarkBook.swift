package import IPVSModel
package import ServiceModel

/// Which Service's port has which packet mark. No two have the same.
///
/// A mark follows from the name, so that it is the same after a restart: connections end with the virtual server that they were made by. Where
/// two names lead to one mark, the one that comes later takes the next that is free, and `move` has it keep what stands in the kernel.
package struct MarkBook: Sendable {
    private let field: MarkField
    private let masqueradeBit: Int
    private var marks: [ObjectName: [MarkedPort: UInt32]] = [:]
    private var holders: [UInt32: Holder] = [:]

    private struct Holder: Hashable {
        var service: ObjectName
        var port: MarkedPort
    }

    package init(_ field: MarkField, masqueradeBit: Int) { (self.field, self.masqueradeBit) = (field, masqueradeBit) }

    /// How many marks are in use.
    package var count: Int { holders.count }

    /// How many numbers Services have of those that the field has; the rest is for `ProbePaths`.
    static func numbers(of field: MarkField, masqueradeBit: Int) -> UInt32 {
        let all = field.count(withoutBit: masqueradeBit)
        return all - all / 8
    }

    /// Gives a Service marks for just these ports. Those that it has it keeps; what it no longer needs is free again. A port has none where
    /// all are in use.
    package mutating func assign(_ ports: Set<MarkedPort>, to service: ObjectName) -> [MarkedPort: UInt32] {
        if ports.isEmpty, marks[service] == nil { return [:] }
        for (port, mark) in marks[service] ?? [:] where !ports.contains(port) {
            holders[mark] = nil
            marks[service]?[port] = nil
        }
        for port in ports.sorted() where marks[service]?[port] == nil { give(Holder(service: service, port: port), preferring: nil) }
        if ports.isEmpty { marks[service] = nil }
        return marks[service] ?? [:]
    }

    /// Has ports take other marks than they have, where those are ours and free or leave too, and says whose Services that concerns.
    package mutating func move(_ moves: [UInt32: UInt32]) -> Set<ObjectName> {
        let count = Self.numbers(of: field, masqueradeBit: masqueradeBit)
        var services: Set<ObjectName> = []
        var movers: [(holder: Holder, mark: UInt32)] = []
        for (old, new) in moves.sorted(by: { $0.key < $1.key })
        where field.contains(new) && new & 1 << UInt32(masqueradeBit) == 0 && new < field.mark(count, withoutBit: masqueradeBit) {
            guard let holder = holders[old] else { continue }
            holders[old] = nil
            movers.append((holder, new))
        }
        for (holder, mark) in movers {
            give(holder, preferring: mark)
            services.insert(holder.service)
        }
        return services
    }

    private mutating func give(_ holder: Holder, preferring preferred: UInt32?) {
        let count = Self.numbers(of: field, masqueradeBit: masqueradeBit)
        guard holders.count < count else {
            marks[holder.service]?[holder.port] = nil
            return
        }
        var mark = preferred ?? 0
        if preferred == nil || holders[mark] != nil {
            var number = UInt32(truncatingIfNeeded: Self.hash("\(holder.service) \(holder.port)") % UInt64(count))
            mark = field.mark(number, withoutBit: masqueradeBit)
            while holders[mark] != nil {
                number = (number + 1) % count
                mark = field.mark(number, withoutBit: masqueradeBit)
            }
        }
        holders[mark] = holder
        marks[holder.service, default: [:]][holder.port] = mark
    }

    /// FNV-1a with 64 bits, its halves folded. Swift's own hashes differ from process to process.
    static func hash(_ text: String) -> UInt64 {
        let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        return hash ^ hash >> 32
    }
}
