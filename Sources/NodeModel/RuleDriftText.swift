extension RuleTables {
    /// How other rules differ from these: `table nat: chain KUBE-SERVICES was emptied (7 rules gone)`.
    func differences(to found: RuleTables) -> [String] {
        Set(tables.keys).union(found.tables.keys).sorted().flatMap { name in
            (tables[name] ?? Table()).differences(to: found.tables[name] ?? Table()).map { "table \(name): \($0)" }
        }
    }
}

extension RuleTables.Table {
    fileprivate func differences(to found: Self) -> [String] {
        var texts: [String] = []
        for (name, rules) in chains.sorted(by: { $0.key < $1.key }) {
            guard let standing = found.chains[name] else {
                texts.append("chain \(name) is gone\(rules.isEmpty ? "" : " (\(Self.counted(rules.count)))")")
                continue
            }
            if let difference = Self.difference(of: name, from: rules, to: standing) { texts.append(difference) }
        }
        for (name, rules) in found.chains.sorted(by: { $0.key < $1.key }) where chains[name] == nil {
            texts.append("chain \(name) has appeared (\(Self.counted(rules.count)))")
        }
        let (left, now) = (jumpsByChain, found.jumpsByChain)
        for chain in Set(left.keys).union(now.keys).sorted() { texts += Self.differences(of: left[chain] ?? [], to: now[chain] ?? []) }
        return texts
    }

    private static func difference(of chain: String, from left: [String], to found: [String]) -> String? {
        guard left != found else { return nil }
        if found.isEmpty { return "chain \(chain) was emptied (\(counted(left.count)) gone)" }
        let (gone, new) = changes(from: left, to: found)
        let parts =
            [(gone, "gone"), (new, "new")].filter { !$0.0.isEmpty }.map { rules, what in
                rules.count == 1 ? "rule \"\(rules[0])\" is \(what)" : "\(counted(rules.count)) are \(what), the first \"\(rules[0])\""
            }
        return "chain \(chain): " + (parts.isEmpty ? "the rules stand in another order" : parts.joined(separator: ", "))
    }

    private static func differences(of left: [RuleTables.Jump], to found: [RuleTables.Jump]) -> [String] {
        let (gone, new) = changes(from: left, to: found)
        if gone.isEmpty, new.isEmpty, left != found { return ["the jumps from \(left[0].chain) stand in another order"] }
        return gone.map { "the jump from \($0.chain) is gone (\"\($0.rule)\")" }
            + new.map { "a jump from \($0.chain) is new (\"\($0.rule)\")" }
    }

    /// What one list has more often than the other.
    private static func changes<Element: Hashable>(from left: [Element], to found: [Element]) -> (gone: [Element], new: [Element]) {
        func more(_ these: [Element], than those: [Element]) -> [Element] {
            var rest = Dictionary(those.map { ($0, 1) }, uniquingKeysWith: +)
            return these.filter { element in
                guard let count = rest[element], count > 0 else { return true }
                rest[element] = count - 1
                return false
            }
        }
        return (more(left, than: found), more(found, than: left))
    }

    private static func counted(_ count: Int) -> String { "\(count) rule\(count == 1 ? "" : "s")" }
}
