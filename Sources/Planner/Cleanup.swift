import Addresses
import IPVSModel
package import NodeModel

extension Planner {
    /// The operations that leave nothing of ours: addresses first, so that nothing reaches a server that is about to go,
    /// then virtual servers, rules, the sets that rules no longer use, and the link.
    ///
    /// Kernel settings are not part of it: what they were before stands in a file.
    package static func cleanup(observed: NodeState, ownership: Ownership, linkName: String) -> Plan {
        var operations: [Operation] = []
        let addresses = observed.addresses.filter { !ownership.isExcluded($0) }.sorted()
        operations += addresses.map { .removeAddress($0) }
        for key in observed.virtualServers.keys.sorted() where ownership.owns(key, in: observed) {
            operations.append(.removeVirtualServer(key))
        }
        for (family, rules) in observed.rules.sorted(by: { $0.key < $1.key }) {
            let change = RuleChange(from: rules, to: RuleTables(), family: family)
            if !change.isEmpty { operations.append(.changeRules(change)) }
        }
        // A set of another type under one of our names is somebody else's.
        for (key, set) in observed.sets.sorted(by: { $0.key < $1.key }) where set.serves(as: key) { operations.append(.destroySet(key)) }
        if observed.hasLeftoverSet { operations.append(.destroyLeftoverSet) }
        if case .present(kind: "dummy", _) = observed.link, addresses.count == observed.addresses.count {
            operations.append(.removeLink(linkName))
        }
        return Plan(operations)
    }
}
