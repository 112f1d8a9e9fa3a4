import Addresses
import IPVSModel
import NodeModel

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

    /// Takes over the parts that a look at the kernel saw whole.
    mutating func take(_ seen: ObservationScope, from other: NodeState) {
        state.take(seen, from: other)
        guard seen.contains(.virtualServers) else { return }
        served = [:]
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
