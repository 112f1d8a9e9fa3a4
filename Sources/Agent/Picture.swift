import Addresses
import IPVSModel
import NodeModel
import Planner

/// The kernel as it was last seen and has been changed since.
///
/// Beside the state it counts the virtual servers on each address, so that nothing has to walk them to know.
struct Picture {
    private(set) var state = NodeState()
    private var served: [IPAddress: Int] = [:]

    /// Whether a virtual server stands on this address.
    func isServed(_ address: IPAddress) -> Bool { served[address] != nil }

    mutating func apply(_ operation: Operation) {
        switch operation {
        case .addVirtualServer(let server): changing(server.key) { $0.apply(operation) }
        case .removeVirtualServer(let key): changing(key) { $0.apply(operation) }
        default: state.apply(operation)
        }
    }

    mutating func take(_ drift: Drift) {
        if case .virtualServer(let key, _, _) = drift { changing(key) { $0.take(drift) } } else { state.take(drift) }
    }

    /// Holds what is wanted instead of what is the same and stands, so that it is in memory once. Whatever changes later is copied first.
    mutating func share(with wanted: WantedState) {
        // By index, so that the table itself is changed and not a copy of it.
        var index = state.virtualServers.startIndex
        while index != state.virtualServers.endIndex {
            share(at: index, with: wanted)
            state.virtualServers.formIndex(after: &index)
        }
    }

    /// The same of these virtual servers.
    mutating func share(_ keys: Set<VirtualServer.Key>, with wanted: WantedState) {
        for key in keys { if let index = state.virtualServers.index(forKey: key) { share(at: index, with: wanted) } }
    }

    private mutating func share(at index: [VirtualServer.Key: VirtualServerState].Index, with wanted: WantedState) {
        let (key, standing) = state.virtualServers[index]
        if let server = wanted.virtualServer(key), server == standing { state.virtualServers.values[index] = server }
    }

    /// Takes over the parts that a look at the kernel saw whole.
    mutating func take(_ seen: ObservationScope, from other: NodeState) {
        state.take(seen, from: other)
        guard seen.contains(.virtualServers) else { return }
        served = Dictionary(minimumCapacity: other.addresses.count)
        for key in other.virtualServers.keys { count(key, 1) }
    }

    private mutating func changing(_ key: VirtualServer.Key, _ change: (inout NodeState) -> Void) {
        let stood = state.virtualServers[key] != nil
        change(&state)
        let stands = state.virtualServers[key] != nil
        if stood != stands { count(key, stands ? 1 : -1) }
    }

    private mutating func count(_ key: VirtualServer.Key, _ change: Int) {
        guard let address = key.address else { return }
        let count = served[address, default: 0] + change
        served[address] = count == 0 ? nil : count
    }
}
