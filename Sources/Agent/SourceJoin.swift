package import ServiceModel

/// What two sources say together: one that people give their Services by, and one of policies beside it.
///
/// Pure: updates go in, and what follows for both comes out. Together they have been read whole when both have. A policy that both give is
/// the second's.
package struct SourceJoin: Sendable {
    package enum Side: Int, Sendable {
        case services
        case policies
    }

    private var synced = [false, false]
    private var problems: [[SourceProblem]?] = [nil, nil]
    /// What each side says of a policy.
    private var policies: [SourceObject.Key: [SourceObject?]] = [:]
    private var contested: Set<SourceObject.Key> = []

    package init() {}

    /// Takes in what one of them says, and says what that is for both.
    package mutating func take(_ update: SourceUpdate, from side: Side) -> SourceUpdate {
        var joined = SourceUpdate()
        let wereContested = contested
        for key in update.removed {
            if key.kind == .healthPolicy { replace(key, nil, side, &joined) } else { joined.removed.append(key) }
        }
        for object in update.changed {
            if object.key.kind == .healthPolicy { replace(object.key, object, side, &joined) } else { joined.changed.append(object) }
        }
        synced[side.rawValue] = update.isSynced
        joined.isSynced = synced[0] && synced[1]
        if let new = update.problems { problems[side.rawValue] = new }
        if update.problems != nil || contested != wereContested {
            joined.problems = problems.flatMap { $0 ?? [] } + contested.sorted { $0.name < $1.name }.map(Self.doubled)
        }
        return joined
    }

    private mutating func replace(_ key: SourceObject.Key, _ object: SourceObject?, _ side: Side, _ joined: inout SourceUpdate) {
        var said = policies[key] ?? [nil, nil]
        let before = said[1] ?? said[0]
        said[side.rawValue] = object
        policies[key] = said[0] == nil && said[1] == nil ? nil : said
        if said[0] != nil, said[1] != nil { contested.insert(key) } else { contested.remove(key) }
        let now = said[1] ?? said[0]
        guard now != before else { return }
        if let now { joined.changed.append(now) } else { joined.removed.append(key) }
    }

    private static func doubled(_ key: SourceObject.Key) -> SourceProblem {
        SourceProblem(place: key.description, message: "both sources have it; the one of the directory of policies counts", isError: false)
    }
}
