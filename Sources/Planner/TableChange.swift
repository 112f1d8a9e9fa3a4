package import IPVSModel
package import NodeModel

/// What is to be done so that virtual servers become what somebody lists, in the planner's order. What is as it should be is not touched.
package struct TableChange: Equatable, Sendable {
    /// A kind of change, for who wants only some.
    package enum Action: String, CaseIterable, Sendable {
        case add
        case update
        case remove

        package init?(_ operation: Operation) {
            switch operation {
            case .addVirtualServer, .addRealServer: self = .add
            case .updateVirtualServer, .updateRealServer: self = .update
            case .removeVirtualServer, .removeRealServer: self = .remove
            default: return nil
            }
        }
    }

    package var operations: [Operation]
    /// Virtual servers that were to go and are another's.
    package var leftAlone: [VirtualServer.Key]

    package var isEmpty: Bool { operations.isEmpty }

    /// - Parameters:
    ///   - observed: the table as it stands, as far as it matters.
    ///   - list: what is to stand.
    ///   - removes: which of those that stand and are not in the list are to go.
    ///   - isOurs: whether one may be taken away without force.
    ///   - actions: the kinds of change that are wanted.
    package init(
        from observed: [VirtualServer.Key: VirtualServerState], to list: [VirtualServer.Key: VirtualServerState],
        removing removes: (VirtualServer.Key) -> Bool = { _ in false }, isOurs: (VirtualServer.Key) -> Bool = { _ in true },
        actions: Set<Action> = Set(Action.allCases)
    ) {
        let surplus = observed.keys.filter { list[$0] == nil && removes($0) }
        let removable = Set(surplus.filter(isOurs))
        leftAlone = surplus.filter { !removable.contains($0) }.sorted()
        var share = NodeShare(precedence: .init(created: nil, owner: "ipvsctl"))
        share.virtualServers = list
        var wanted = WantedState(base: NodeBase(linkName: ""))
        _ = wanted.replace(share, of: "ipvsctl")
        var state = NodeState()
        state.virtualServers = observed
        var touched = Touched()
        touched.virtualServers = Set(list.keys).union(removable)
        let plan = Planner.plan(
            touched, wanted: wanted, observed: state, ownership: Ownership(remembered: removable),
            unseen: ObservationScope.everything.subtracting(.virtualServers))
        operations = plan.operations.filter { Action($0).map(actions.contains) ?? false }
    }

    /// The virtual servers that it touches.
    package var keys: Set<VirtualServer.Key> { Plan(operations).touched.virtualServers }
}
