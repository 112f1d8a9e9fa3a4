import IPVS
import NodeModel

/// What our chains in one table make of a packet. Rules of others are not read, and so not evaluated.
struct RuleWalk {
    enum Verdict: Hashable {
        case goesOn
        case masqueraded
        case dropped
        case refused
    }

    private(set) var packet: TracedPacket
    private(set) var verdict = Verdict.goesOn
    /// The chains that it went through, in order.
    private(set) var chains: [String] = []
    /// The sets that held it, in order.
    private(set) var sets: [String] = []
    /// Rules that ask for something that is not known.
    private(set) var unread: [String] = []

    private let table: RuleTables.Table
    private let surroundings: RuleMatch.Surroundings
    /// Chains cannot lead in a circle, but what is read here may be anybody's text.
    private var rulesLeft = 10_000
    private static let deepest = 32

    init(_ packet: TracedPacket, through chain: String, of table: RuleTables.Table, in surroundings: RuleMatch.Surroundings) {
        (self.packet, self.table, self.surroundings) = (packet, table, surroundings)
        _ = run(table.jumps.filter { $0.chain == chain }.map(\.rule), depth: 0)
    }

    /// Whether the walk is over.
    private mutating func run(_ rules: [String], depth: Int) -> Bool {
        for rule in rules {
            rulesLeft -= 1
            guard rulesLeft > 0 else { return true }
            let match = RuleMatch(rule)
            let result = match.result(for: packet, in: surroundings)
            guard let isMet = result.isMet else {
                unread.append(rule)
                continue
            }
            guard isMet, let target = match.target.first else { continue }
            for set in result.sets where !sets.contains(set) { sets.append(set) }
            switch target {
            case "ACCEPT": return true
            case "RETURN": return false
            case "DROP":
                verdict = .dropped
                return true
            case "REJECT":
                verdict = .refused
                return true
            case "MASQUERADE":
                verdict = .masqueraded
                return true
            case "MARK": setMark(match.target)
            case "SET": takeMark(match.target)
            default:
                guard let chain = table.chains[target], depth < Self.deepest else {
                    unread.append(rule)
                    continue
                }
                if !chains.contains(target) { chains.append(target) }
                if run(chain, depth: depth + 1) { return true }
            }
        }
        return false
    }

    /// `MARK --set-xmark VALUE/MASK`: the mask's bits are cleared, and the value's turned around (`xt_mark.c`).
    private mutating func setMark(_ target: ArraySlice<String>) {
        guard let place = target.firstIndex(of: "--set-xmark"), place + 1 < target.endIndex,
            let bits = RuleMatch.bits(target[place + 1])
        else { return unread.append(target.joined(separator: " ")) }
        packet.mark = packet.mark & ~bits.mask ^ bits.value
    }

    /// `SET --map-set NAME DIRECTIONS --map-mark`: the mark of the entry, if there is one (`xt_set.c`).
    private mutating func takeMark(_ target: ArraySlice<String>) {
        guard let place = target.firstIndex(of: "--map-set"), place + 2 < target.endIndex, let key = SetKey(name: target[place + 1]) else {
            return unread.append(target.joined(separator: " "))
        }
        guard let set = surroundings.sets[key], let mark = RuleMatch.entry(key, target[place + 2], packet, set)?.mark else { return }
        sets.append(key.name)
        packet.mark = mark
    }
}
