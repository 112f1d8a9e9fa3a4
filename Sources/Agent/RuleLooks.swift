import Addresses
import NodeModel

/// A look at the rules, made beside the loop.
package struct RuleLook: Hashable, Sendable {
    /// How many changes of rules the agent had made before it.
    fileprivate var changes: Int
}

/// When the rules are looked at, and what to make of it.
///
/// A look takes as long as its processes do, and meanwhile the agent may have changed rules itself: then it tells nothing. What differs counts
/// only when a second look sees the same, since other programs write rules in more than one transaction.
struct RuleLooks {
    private var changes = 0
    private var isDue = false
    private(set) var isUnderWay = false
    /// What a look saw that was not as left, until another confirms it.
    private var suspected: [AddressFamily: RuleTables]?

    /// Notes that the agent has changed rules itself.
    mutating func changed() { changes += 1 }

    mutating func begin() { isDue = true }

    /// The look that is to be made now; one at a time.
    mutating func next() -> RuleLook? {
        guard isDue, !isUnderWay else { return nil }
        (isDue, isUnderWay) = (false, true)
        return RuleLook(changes: changes)
    }

    /// Ends a look that tells nothing.
    mutating func end(_ look: RuleLook) { (isUnderWay, suspected) = (false, nil) }

    /// What has drifted, as far as that is sure; where it is not, another look is due.
    mutating func take(_ found: [AddressFamily: RuleTables], of look: RuleLook, picture: NodeState) -> [Drift] {
        let before = suspected
        end(look)
        guard look.changes == changes else { return [] }
        let drifts = Drift.between(picture.rules, found)
        if drifts.isEmpty || before == found { return drifts }
        (suspected, isDue) = (found, true)
        return []
    }
}

extension Drift {
    /// The rules that are otherwise than they were left.
    static func between(_ left: [AddressFamily: RuleTables], _ found: [AddressFamily: RuleTables]) -> [Drift] {
        Set(left.keys).union(found.keys).sorted().compactMap { family in
            let (left, found) = (left[family] ?? RuleTables(), found[family] ?? RuleTables())
            return left == found ? nil : .rules(family, left: left, found: found)
        }
    }
}
