/// What rules have to do with sets: the packet filter refuses a whole transaction for one rule that matches a set which is not there.
extension RuleChange {
    /// Our sets that the rules it writes match or take marks from.
    package var sets: Set<SetKey> {
        Set(tables.values.flatMap(\.writtenChains.values).joined().flatMap(Self.setNames).compactMap { SetKey(name: $0) })
    }

    /// The same without rules that match one of these sets.
    ///
    /// Where an exception to a refusal is left out, so is the refusal: the guard of the node's own ports must not refuse what is balanced. What
    /// is dropped by a Service's own wish (its source ranges) stays dropped.
    package func leavingOut(_ missing: Set<SetKey>) -> RuleChange {
        let names = Set(missing.map(\.name))
        var rest = self
        for (table, change) in tables {
            for (chain, rules) in change.writtenChains { rest.tables[table]?.writtenChains[chain] = Self.leavingOut(names, of: rules) }
        }
        return rest
    }

    /// Whether it makes a difference to rules that stand.
    package func changes(_ standing: RuleTables) -> Bool {
        var after = standing
        after.apply(self)
        return after != standing
    }

    private static func leavingOut(_ names: Set<String>, of rules: [String]) -> [String] {
        var lostException = false
        return rules.filter { rule in
            let isLost = !names.isDisjoint(with: setNames(in: rule))
            if isLost, rule.hasSuffix("-j RETURN") { lostException = true }
            return !isLost && !(lostException && rule.contains("-j REJECT"))
        }
    }

    /// The sets that a rule matches or takes marks from, by name.
    package static func setNames(in rule: String) -> [String] {
        let words = rule.split(separator: " ")
        return words.indices.filter { (words[$0] == "--match-set" || words[$0] == "--map-set") && $0 + 1 < words.count }.map {
            String(words[$0 + 1])
        }
    }
}
