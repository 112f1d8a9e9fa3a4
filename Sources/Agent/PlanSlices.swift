import Addresses
import IPVSModel
import NodeModel
import Planner

/// The names of all that a plan compares, to be compared some at a time. What stands and is wanted may be named twice.
struct PlanSlices: Sendable {
    private var base: ObservationScope
    private var servers: [VirtualServer.Key] = []
    private var members: [SetMember] = []
    private var addresses: [IPAddress] = []
    /// Entries that stand, by set: naming them takes an allocation each, so that comes with their slice.
    private var standing: [(key: SetKey, entries: [SetEntry])] = []

    /// All that is wanted or stands, within the parts that can be seen.
    init(wanted: WantedState, observed: NodeState, seen: ObservationScope) {
        base = seen
        if seen.contains(.virtualServers) { servers = Array(wanted.virtualServerKeys) + Array(observed.virtualServers.keys) }
        if seen.contains(.link) { addresses = Array(wanted.addresses) + Array(observed.addresses) }
        guard seen.contains(.sets) else { return }
        members = Array(wanted.members)
        standing = observed.sets.map { ($0.key, Array($0.value.entries)) }
    }

    /// The next so many; nil after the last.
    mutating func next(_ most: Int) -> Touched? {
        var touched = Touched()
        (touched.base, base) = (base, [])
        if let (key, all) = standing.popLast() {
            var entries = all
            members += Self.take(most, from: &entries).map { SetMember(key, $0) }
            if !entries.isEmpty { standing.append((key, entries)) }
        }
        touched.virtualServers = Set(Self.take(most, from: &servers))
        touched.members = Set(Self.take(most - touched.virtualServers.count, from: &members))
        touched.addresses = Set(Self.take(most - touched.virtualServers.count - touched.members.count, from: &addresses))
        let isEnd = touched.isEmpty && members.isEmpty && standing.isEmpty
        return isEnd ? nil : touched
    }

    private static func take<Element>(_ most: Int, from elements: inout [Element]) -> [Element] {
        let taken = Array(elements.suffix(max(0, most)))
        elements.removeLast(taken.count)
        return taken
    }
}

extension Touched {
    /// How many things were touched.
    var count: Int { virtualServers.count + members.count + addresses.count }
}
