import IPVS
import NodeModel
import Planner
import VirtualServerDocuments

/// What is to be done so that the kernel's table becomes what a list says, in the planner's order.
struct TableChange: Equatable {
    /// A kind of change, for who wants only some.
    enum Action: String, CaseIterable {
        case add
        case update
        case remove

        init?(_ operation: Operation) {
            switch operation {
            case .addVirtualServer, .addRealServer: self = .add
            case .updateVirtualServer, .updateRealServer: self = .update
            case .removeVirtualServer, .removeRealServer: self = .remove
            default: return nil
            }
        }
    }

    var operations: [Operation]
    /// Virtual servers that would be changed and are another's.
    var leftAlone: [VirtualServer.Key]

    var isEmpty: Bool { operations.isEmpty }

    /// - Parameters:
    ///   - observed: the whole of the kernel's table.
    ///   - list: what is to stand.
    ///   - removes: which of those that stand and are not in the list are to go.
    ///   - isOurs: whether one may be taken away without force.
    ///   - actions: the kinds of change that are wanted.
    init(
        from observed: [VirtualServer.Key: VirtualServerState], to list: VirtualServerList,
        removing removes: (VirtualServer.Key) -> Bool = { _ in false }, isOurs: (VirtualServer.Key) -> Bool = { _ in true },
        actions: Set<Action> = Set(Action.allCases)
    ) {
        let surplus = observed.keys.filter { list.servers[$0] == nil && removes($0) }
        let removable = Set(surplus.filter(isOurs))
        leftAlone = surplus.filter { !removable.contains($0) }.sorted()
        var share = NodeShare(precedence: .init(created: nil, owner: "ipvsctl"))
        share.virtualServers = list.servers
        var wanted = WantedState(base: NodeBase(linkName: ""))
        _ = wanted.replace(share, of: "ipvsctl")
        var state = NodeState()
        state.virtualServers = observed
        var touched = Touched()
        touched.virtualServers = Set(list.servers.keys).union(removable)
        let plan = Planner.plan(
            touched, wanted: wanted, observed: state, ownership: Ownership(remembered: removable),
            unseen: ObservationScope.everything.subtracting(.virtualServers))
        operations = plan.operations.filter { Action($0).map(actions.contains) ?? false }
    }

    /// The virtual servers that it touches.
    var keys: Set<VirtualServer.Key> { Set(operations.compactMap { IPVSOperation($0)?.virtualServer }) }
}

extension IPVSOperation {
    /// The same in the library's words; nil for what is not IPVS'.
    init?(_ operation: Operation) {
        switch operation {
        case .addVirtualServer(let server): self = .addVirtualServer(server)
        case .updateVirtualServer(let server): self = .updateVirtualServer(server)
        case .removeVirtualServer(let key): self = .removeVirtualServer(key)
        case .addRealServer(let server, let key): self = .addRealServer(server, to: key)
        case .updateRealServer(let server, let key): self = .updateRealServer(server, of: key)
        case .removeRealServer(let server, let key): self = .removeRealServer(server, from: key)
        default: return nil
        }
    }
}

extension VirtualServerList {
    /// The kernel's table, without what it counts.
    init(_ table: [(ObservedVirtualServer, [ObservedRealServer])]) {
        self.init()
        servers.reserveCapacity(table.count)
        for (server, real) in table {
            servers[server.server.key] = VirtualServerState(
                server.server.configuration,
                realServers: Dictionary(real.map { ($0.server.key, $0.server.configuration) }) { $1 })
        }
    }
}
