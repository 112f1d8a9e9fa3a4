import IPVSModel
import NodeKernel
import NodeModel

/// Where a sweep is in a kernel that goes on changing.
///
/// A dump of virtual servers goes by position, as the kernel's does (`ip_vs_genl_dump_services` counts up to where it was): when one before that
/// place goes, the next one is missed; when one comes, one is shown twice. So it is with the reading of `/proc/net/ip_vs`.
struct FakeSweep: Sendable {
    private enum Stage {
        case settings
        case link
        case sets
        case servers
        case realServers
        case over
    }

    private let passesServers: Bool
    private var stage = Stage.settings
    private var place = 0
    private var order: [VirtualServer.Key] = []
    /// Whether virtual servers have come or gone since they were put in order.
    var orderIsOld = true
    /// The sets that are yet to be shown, and entries of the last one.
    private var sets: [SetKey]?
    private var entries: [SetEntry] = []
    private var set: SetKey?

    init(passesServers: Bool) { self.passesServers = passesServers }

    /// The next slice; nil when the sweep is over.
    mutating func next(_ size: Int, state: NodeState, hidden: [ObservationScope: KernelFailure]) -> [Sighting]? {
        switch stage {
        case .settings:
            stage = .link
            return part(.sysctls, hidden) { [.sysctls(state.sysctls), .passed(.sysctls)] }
        case .link:
            stage = .sets
            return part(.link, hidden) {
                [.link(state.link), .addresses(state.addresses.sorted()), .otherAddresses(state.otherAddresses), .passed(.link)]
            }
        case .sets: return nextOfSets(size, state, hidden)
        case .servers: return nextServers(size, state, hidden)
        case .realServers: return nextRealServers(size, state, hidden)
        case .over: return nil
        }
    }

    private func part(
        _ part: ObservationScope, _ hidden: [ObservationScope: KernelFailure], _ sightings: () -> [Sighting]
    ) -> [Sighting] {
        hidden[part].map { [.hidden(part, $0)] } ?? sightings()
    }

    private mutating func nextOfSets(_ size: Int, _ state: NodeState, _ hidden: [ObservationScope: KernelFailure]) -> [Sighting] {
        if let failure = hidden[.sets] {
            stage = .servers
            return [.hidden(.sets, failure)]
        }
        if let set, !entries.isEmpty {
            defer { entries.removeLast(min(size, entries.count)) }
            return [.members(set, Array(entries.suffix(size)))]
        }
        var rest = sets ?? state.sets.keys.sorted(by: >)
        guard let key = rest.popLast() else {
            stage = .servers
            return [.passed(.sets)]
        }
        sets = rest
        guard var shown = state.sets[key] else { return [] }
        (set, entries) = (key, Array(shown.entries))
        shown.entries = []
        return [.set(key, shown)]
    }

    private mutating func nextServers(_ size: Int, _ state: NodeState, _ hidden: [ObservationScope: KernelFailure]) -> [Sighting] {
        if let failure = hidden[.virtualServers] {
            stage = .over
            return [.hidden(.virtualServers, failure)]
        }
        guard passesServers else {
            stage = .over
            return [.timeouts(state.timeouts)]
        }
        let keys = nextKeys(size, state)
        guard keys.isEmpty else {
            return [
                .virtualServers(keys.compactMap { key in state.virtualServers[key].map { VirtualServer(key, $0.configuration) } })
            ]
        }
        (stage, place) = (.realServers, 0)
        return [.timeouts(state.timeouts)]
    }

    private mutating func nextRealServers(_ size: Int, _ state: NodeState, _ hidden: [ObservationScope: KernelFailure]) -> [Sighting] {
        if let failure = hidden[.virtualServers] {
            stage = .over
            return [.hidden(.virtualServers, failure)]
        }
        let keys = nextKeys(size, state)
        guard keys.isEmpty else {
            let shown = keys.compactMap { key in state.virtualServers[key].map { (key, $0.realServers.mapValues(\.asFastLookShows)) } }
            return [.realServers(Dictionary(shown) { $1 })]
        }
        stage = .over
        return [.passed(.virtualServers)]
    }

    private mutating func nextKeys(_ size: Int, _ state: NodeState) -> ArraySlice<VirtualServer.Key> {
        if orderIsOld { (order, orderIsOld) = (state.virtualServers.keys.sorted(), false) }
        guard place < order.count else { return [] }
        defer { place += size }
        return order[place..<min(place + size, order.count)]
    }
}
