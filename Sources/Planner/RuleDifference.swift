package import Addresses
package import NodeModel

extension RuleChange {
    /// The change between two states of one family's rules. Chains that differ are written whole.
    package init(from observed: RuleTables, to wanted: RuleTables, family: AddressFamily) {
        self.init(family)
        for name in Set(observed.tables.keys).union(wanted.tables.keys) {
            let change = TableChange(from: observed.tables[name] ?? .init(), to: wanted.tables[name] ?? .init())
            if !change.isEmpty { tables[name] = change }
        }
    }
}

extension RuleChange.TableChange {
    init(from observed: RuleTables.Table, to wanted: RuleTables.Table) {
        self.init()
        writtenChains = wanted.chains.filter { observed.chains[$0.key] != $0.value }
        removedChains = observed.chains.keys.filter { wanted.chains[$0] == nil }.sorted()
        var standing = observed.jumps
        for jump in wanted.jumps {
            if let place = standing.firstIndex(of: jump) { standing.remove(at: place) } else { insertedJumps.append(jump) }
        }
        // Each is put at the head of its chain, so the last comes first.
        insertedJumps.reverse()
        removedJumps = standing
    }
}
