package import Addresses

/// The packet filter rules of one family: our chains whole, and the jumps into them from chains that belong to everybody.
///
/// A rule is the text that `iptables-save` prints for it, without `-A CHAIN`: that is the one form in which wanted and observed
/// rules can be compared letter by letter.
package struct RuleTables: Hashable, Sendable {
    /// By table name: `nat`, `filter`, `mangle`.
    package var tables: [String: Table]

    package init(_ tables: [String: Table] = [:]) { self.tables = tables }

    package struct Table: Hashable, Sendable {
        /// Our chains by name, each with its rules in order.
        package var chains: [String: [String]]

        /// The rules in built-in chains that lead to ours, in the order in which they stand there.
        package var jumps: [Jump]

        package init(chains: [String: [String]] = [:], jumps: [Jump] = []) {
            self.chains = chains
            self.jumps = jumps
        }

        /// The jumps of each built-in chain: only within one does their order mean anything. The kernel names the chains in an order of its
        /// own, and here stand first those that were written first.
        package var jumpsByChain: [String: [Jump]] { Dictionary(grouping: jumps, by: \.chain) }

        package static func == (one: Table, other: Table) -> Bool {
            one.chains == other.chains && (one.jumps == other.jumps || one.jumpsByChain == other.jumpsByChain)
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(chains)
            hasher.combine(jumps.count)
        }
    }

    /// A rule in a built-in chain that leads to one of our chains.
    package struct Jump: Hashable, Sendable {
        package var chain: String
        package var rule: String

        package init(from chain: String, _ rule: String) {
            self.chain = chain
            self.rule = rule
        }
    }
}

/// What one `iptables-restore` transaction changes in one family. Nobody else's chain or rule is named in it.
package struct RuleChange: Hashable, Sendable {
    package var family: AddressFamily
    /// By table name.
    package var tables: [String: TableChange]

    package init(_ family: AddressFamily, _ tables: [String: TableChange] = [:]) {
        self.family = family
        self.tables = tables
    }

    package var isEmpty: Bool { tables.values.allSatisfy(\.isEmpty) }

    /// The change in the parts that do without one another: marks of traffic from inside (the table mangle, which not every kernel has, nor the
    /// target that sets marks by a set) must not keep the rest from being in force.
    package var parts: [RuleChange] {
        let marks = tables.filter { $0.key == "mangle" }
        return [RuleChange(family, tables.filter { $0.key != "mangle" }), RuleChange(family, marks)].filter { !$0.isEmpty }
    }

    package struct TableChange: Hashable, Sendable {
        /// Chains written whole, made where they are missing.
        package var writtenChains: [String: [String]] = [:]
        /// Chains of ours that go away, after every jump to them.
        package var removedChains: [String] = []
        /// Rules put at the head of built-in chains; the last one ends up first.
        package var insertedJumps: [RuleTables.Jump] = []
        package var removedJumps: [RuleTables.Jump] = []

        package init() {}

        package var isEmpty: Bool {
            writtenChains.isEmpty && removedChains.isEmpty && insertedJumps.isEmpty && removedJumps.isEmpty
        }
    }
}
