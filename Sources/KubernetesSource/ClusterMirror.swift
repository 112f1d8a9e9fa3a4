import ServiceModel

/// What the API server has said of all that this node needs, and what of it is yet to be passed on.
///
/// Nothing is passed on before everything has been listed once; from then on each change is, at once. Pure.
struct ClusterMirror: Sendable {
    /// What became of an object's JSON.
    enum Reading: Sendable {
        case object(SourceObject, uid: String, problems: [SourceProblem])
        /// It cannot be taken; the name is missing where not even that can be read.
        case bad(ObjectName?, problems: [SourceProblem])
        /// Left alone, as the problems say where that is worth knowing.
        case notOurs(ObjectName, problems: [SourceProblem])
    }

    /// The place of problems of the whole source, by which status knows that it is stale.
    let place: String
    let node: String
    private var mirrors: [SourceObject.Kind: KindMirror]
    private var changed: [SourceObject.Key: SourceObject] = [:]
    private var removed: Set<SourceObject.Key> = []
    private var troubles: [SourceObject.Kind: String] = [:]
    private var doubts: [SourceObject.Kind: String] = [:]
    private var unreadable: [SourceObject.Kind: [SourceProblem]] = [:]
    private var nodeIsKnown = false
    private var wasSynced = false
    private var problemsChanged = false

    private static let kinds: [SourceObject.Kind] = [.service, .endpointSlice, .node]
    /// The most problems that are passed on.
    static let mostProblems = 1000

    init(place: String, node: String, removalGuard: RemovalGuard = RemovalGuard()) {
        self.place = place
        self.node = node
        mirrors = Dictionary(uniqueKeysWithValues: Self.kinds.map { ($0, KindMirror($0, removalGuard: removalGuard)) })
    }

    /// Whether everything has been listed once, this node's Node among it.
    var isSynced: Bool { wasSynced || nodeIsKnown && mirrors.values.allSatisfy(\.isSynced) }

    /// How many objects are known.
    var count: Int { mirrors.values.reduce(0) { $0 + $1.count } }

    func uid(of service: ObjectName) -> String? { mirrors[.service]?.uid(of: service) }

    mutating func beginList(_ kind: SourceObject.Kind) {
        mirrors[kind]?.beginList()
    }

    mutating func take(_ kind: SourceObject.Kind, _ reading: Reading) {
        switch reading {
        case .object(let object, let uid, let problems):
            pass(mirrors[kind]?.put(object, uid: uid, problems: problems))
            if kind == .node, object.key.name.name == node { nodeIsKnown = true }
        case .notOurs(let name, let problems):
            pass(mirrors[kind]?.leave(name, problems: problems))
        case .bad(let name?, let problems):
            mirrors[kind]?.keep(name, problems: problems)
        case .bad(nil, let problems):
            mirrors[kind]?.keepUnnamed()
            // One is as good as many: what cannot be named cannot be told apart.
            if let first = problems.first { setUnreadable(kind, [first]) }
        }
    }

    mutating func remove(_ kind: SourceObject.Kind, _ name: ObjectName) {
        pass(mirrors[kind]?.remove(name))
    }

    /// A list has come to its end.
    ///
    /// - Returns: whether a second one is to confirm what it lacks.
    mutating func endList(_ kind: SourceObject.Kind) -> Bool {
        guard let (changes, verdict) = mirrors[kind]?.endList() else { return false }
        for change in changes { pass(change) }
        if mirrors[kind]?.hasUnnamed == false { setUnreadable(kind, []) }
        let words = Resource.words(of: kind)
        switch verdict {
        case .complete:
            setDoubt(kind, nil)
            if kind == .node, !nodeIsKnown, !wasSynced {
                setDoubt(kind, "the cluster has no Node \(node), and nothing is done before it has; --hostname-override gives its name")
            }
            return false
        case .unconfirmed(_, of: 0):
            setDoubt(kind, "the API server has no \(words) at all; that is believed when a second list says so too")
            return true
        case .unconfirmed(let missing, let total):
            setDoubt(kind, "a list lacks \(missing) of \(total) \(words); they stay until a second one confirms it")
            return true
        }
    }

    /// What stands in the way of following a kind; nil where nothing does.
    mutating func setTrouble(_ kind: SourceObject.Kind, _ message: String?) {
        guard troubles[kind] != message else { return }
        troubles[kind] = message
        problemsChanged = true
    }

    /// What is to be passed on; nil where nothing is.
    mutating func takeUpdate() -> SourceUpdate? {
        for kind in Self.kinds where mirrors[kind]?.takeFaultsChanged() == true { problemsChanged = true }
        let isFirst = !wasSynced && isSynced
        guard isFirst || wasSynced else {
            guard problemsChanged else { return nil }
            problemsChanged = false
            return SourceUpdate(problems: problems, isSynced: false)
        }
        wasSynced = true
        guard isFirst || problemsChanged || !changed.isEmpty || !removed.isEmpty else { return nil }
        let update = SourceUpdate(
            changed: changed.count > 1 ? changed.values.sorted { Self.isBefore($0.key, $1.key) } : Array(changed.values),
            removed: removed.count > 1 ? removed.sorted(by: Self.isBefore) : Array(removed),
            problems: problemsChanged || isFirst ? problems : nil,
            isSynced: true)
        changed = [:]
        removed = []
        problemsChanged = false
        return update
    }

    /// All that is wrong now.
    var problems: [SourceProblem] {
        var result: [SourceProblem] = []
        // One sentence for the source, whatever of it is affected.
        if let kind = Self.kinds.first(where: { troubles[$0] != nil }), let trouble = troubles[kind] {
            let kept = wasSynced ? "what it said last stays in force" : "nothing is done before it can be read"
            result.append(SourceProblem(place: place, message: "\(trouble); \(kept)", isError: false))
        }
        for kind in Self.kinds {
            if let doubt = doubts[kind] {
                result.append(SourceProblem(place: "\(place), \(Resource.words(of: kind))", message: doubt, isError: false))
            }
            result += unreadable[kind] ?? []
            result += mirrors[kind]?.problems ?? []
        }
        return Array(result.prefix(Self.mostProblems))
    }

    private mutating func pass(_ change: KindMirror.Change?) {
        switch change {
        case nil: break
        case .changed(let object)?:
            removed.remove(object.key)
            changed[object.key] = object
        case .removed(let key)?:
            changed[key] = nil
            // Before the first update nobody knows of it.
            if wasSynced { removed.insert(key) }
        }
    }

    private mutating func setDoubt(_ kind: SourceObject.Kind, _ message: String?) {
        guard doubts[kind] != message else { return }
        doubts[kind] = message
        problemsChanged = true
    }

    private mutating func setUnreadable(_ kind: SourceObject.Kind, _ problems: [SourceProblem]) {
        guard unreadable[kind] ?? [] != problems else { return }
        unreadable[kind] = problems
        problemsChanged = true
    }

    private static func isBefore(_ left: SourceObject.Key, _ right: SourceObject.Key) -> Bool {
        left.kind == right.kind ? left.name < right.name : left.kind.rawValue < right.kind.rawValue
    }
}
