package import NodeModel

/// What `iptables-save` prints: tables with their chains and rules, of which our own are kept and the others' counted.
///
/// Any text is read to its end; lines that are no rule, no chain and no table are passed over.
package struct RuleSaveText: Equatable, Sendable {
    /// Our chains, and the rules of built-in chains that lead to them.
    package private(set) var own = RuleTables()

    /// Rules and chains of others. Built-in chains are nobody's.
    package private(set) var othersCount = 0

    /// Whether kubelet has marked this back end as the one it uses.
    package private(set) var hasKubeletMark = false

    /// Chains of kube-proxy's iptables mode: one or more for each Service and endpoint.
    package private(set) var iptablesModeChains = 0

    private var table: String?
    private var builtInChains: Set<String> = []

    /// Reads the text. Which chains of which tables are ours is asked of the function.
    package init(_ text: some StringProtocol, isOurs: (_ chain: String, _ table: String) -> Bool = OwnChains.contains(_:table:)) {
        for line in text.split(whereSeparator: \.isNewline) { read(line, isOurs) }
    }

    private mutating func read(_ line: some StringProtocol, _ isOurs: (String, String) -> Bool) {
        switch line.first {
        case "*":
            table = String(line.dropFirst())
            builtInChains = []
        case ":":
            guard let table else { return }
            let words = line.dropFirst().split(separator: " ")
            guard words.count >= 2 else { return }
            readChain(String(words[0]), policy: String(words[1]), table: table, isOurs)
        case "[", "-":
            guard let table else { return }
            readRule(line, table: table, isOurs)
        default:
            if line == "COMMIT" { table = nil }
        }
    }

    private mutating func readChain(_ chain: String, policy: String, table: String, _ isOurs: (String, String) -> Bool) {
        // Only a built-in chain has a policy; for any other there is a dash.
        if policy != "-" {
            builtInChains.insert(chain)
        } else if isOurs(chain, table) {
            if own.tables[table]?.chains[chain] == nil { own.tables[table, default: .init()].chains[chain] = [] }
        } else {
            othersCount += 1
            if Self.kubeletMarks.contains(chain) { hasKubeletMark = true }
            if Self.iptablesMode.contains(where: chain.hasPrefix) { iptablesModeChains += 1 }
        }
    }

    private mutating func readRule(_ line: some StringProtocol, table: String, _ isOurs: (String, String) -> Bool) {
        guard var words = RuleWords.split(line) else { return }
        // `iptables-save -c` begins with the rule's counters: `[12:3456]`.
        if let first = words.first, first.hasPrefix("["), first.hasSuffix("]") { words.removeFirst() }
        guard words.count >= 2, words[0] == "-A" else { return }
        let chain = words[1]
        let rule = words[2...]
        if isOurs(chain, table), !builtInChains.contains(chain) {
            own.tables[table, default: .init()].chains[chain, default: []].append(RuleWords.join(rule))
        } else if builtInChains.contains(chain), let target = Self.target(of: rule), isOurs(target, table) {
            own.tables[table, default: .init()].jumps.append(.init(from: chain, RuleWords.join(rule)))
        } else {
            othersCount += 1
        }
    }

    /// Where a rule leads: the word after the last `-j` or `-g`. The last, since the target comes after all
    /// matches, among whose options a comment can say anything.
    private static func target(of rule: ArraySlice<String>) -> String? {
        var (target, previous): (String?, String) = (nil, "")
        for word in rule {
            if previous == "-j" || previous == "-g" { target = word }
            previous = word
        }
        return target
    }

    /// Chains that kubelet makes so that others find out which back end it uses (KEP-3178).
    private static let kubeletMarks: Set<String> = ["KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY"]

    /// How the chains of that mode begin (`pkg/proxy/iptables/proxier.go` of Kubernetes; the third is one of before 1.24).
    private static let iptablesMode = ["KUBE-SVC-", "KUBE-SEP-", "KUBE-XLB-", "KUBE-FW-", "KUBE-EXT-", "KUBE-SVL-"]
}
