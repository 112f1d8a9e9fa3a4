package import NodeModel

/// What `iptables-restore --noflush` reads to carry out a change: one transaction for each table, all in one text.
package struct RuleRestoreText: Equatable, Sendable {
    package let text: String

    /// - Throws: where a name or rule could not stand on one line of such a text, or would be more than one rule.
    package init(_ change: RuleChange) throws(RuleTextError) {
        var lines: [String] = []
        for (table, tableChange) in change.tables.sorted(by: { $0.key < $1.key }) where !tableChange.isEmpty {
            try Self.check(name: table)
            lines.append("*\(table)")
            try Self.write(tableChange, to: &lines)
            lines.append("COMMIT")
        }
        text = lines.map { $0 + "\n" }.joined()
    }

    private static func write(_ change: RuleChange.TableChange, to lines: inout [String]) throws(RuleTextError) {
        let written = change.writtenChains.sorted { $0.key < $1.key }
        let removed = change.removedChains.sorted()
        // With --noflush a chain's line makes the chain, or empties it where it is there: so the jumps between our own chains are all
        // gone before the first rule is written, and any order of writing and removing will do.
        for chain in written.map(\.key) + removed {
            try check(name: chain)
            lines.append(":\(chain) - [0:0]")
        }
        for (chain, rules) in written { for rule in rules { lines.append(try line("-A", chain, rule)) } }
        for jump in change.removedJumps { lines.append(try line("-D", jump.chain, jump.rule)) }
        for jump in change.insertedJumps { lines.append(try line("-I", jump.chain, jump.rule)) }
        for chain in removed { lines.append("-X \(chain)") }
    }

    private static func line(_ command: String, _ chain: String, _ rule: String) throws(RuleTextError) -> String {
        try check(name: chain)
        let isOneLine = rule.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        guard isOneLine, let first = RuleWords.split(rule)?.first, first.hasPrefix("-") || first == "!" else {
            throw RuleTextError(what: "rule", text: rule)
        }
        return "\(command) \(chain) \(rule)"
    }

    /// Names of chains are at most 28 bytes long (`XT_EXTENSION_MAXNAMELEN` in `linux/netfilter/x_tables.h`, less the terminating
    /// zero), and begin with no sign that means something at the head of a line or word.
    private static func check(name: String) throws(RuleTextError) {
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "+"): true
            default: false
            }
        }
        guard isName, (1...28).contains(name.utf8.count), name.utf8.first != UInt8(ascii: "-"), name.utf8.first != UInt8(ascii: ":") else {
            throw RuleTextError(what: "name", text: name)
        }
    }
}

/// A name or a rule that cannot be written into a restore text.
package struct RuleTextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `name` or `rule`.
    package let what: String
    package let text: String

    package var description: String { "not a \(what) that iptables-restore could read: \(text.debugDescription)" }
}
