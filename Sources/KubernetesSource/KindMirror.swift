import ServiceModel

/// What the API server has said of one kind of object, as far as that is needed to tell what a new list changes.
///
/// The objects themselves are with whoever was told of them; here stays a fingerprint of each. Pure.
struct KindMirror: Sendable {
    private struct Entry: Sendable {
        /// Two contents of one object with the same fingerprint: one chance in 2^64, with a seed of this process.
        var fingerprint: Int
        /// The list that has last named it.
        var list: UInt32
        var uid: ObjectUID?
    }

    private struct Fault: Sendable {
        var problems: [SourceProblem]
        /// The list that has last named the object.
        var list: UInt32
    }

    enum Change: Equatable {
        case changed(SourceObject)
        case removed(SourceObject.Key)
    }

    /// How a list has ended.
    enum Verdict: Equatable {
        case complete
        /// It lacks too much to be believed alone.
        case unconfirmed(missing: Int, of: Int)
    }

    let kind: SourceObject.Kind
    private let removalGuard: RemovalGuard
    private var known: [ObjectName: Entry] = [:]
    /// What is wrong with single objects; the last good version of each stays.
    private var faults: [ObjectName: Fault] = [:]
    /// Whether what is wrong has changed since that was last asked.
    private var faultsChanged = false
    /// The number of the list in hand, or of the last one.
    private var list: UInt32 = 0
    /// What the last list lacked and a second one is to confirm.
    private var suspected: Set<ObjectName> = []
    private var emptinessIsSuspected = false
    /// Objects in this list that cannot be named: each may be any of those that were known.
    private var unnamed = 0
    private var listed = 0
    private(set) var isSynced = false

    init(_ kind: SourceObject.Kind, removalGuard: RemovalGuard) {
        self.kind = kind
        self.removalGuard = removalGuard
    }

    var count: Int { known.count }

    /// How many objects wait for a second list.
    var suspectedCount: Int { suspected.count }

    func uid(of name: ObjectName) -> String? { known[name]?.uid?.description }

    /// A list begins: what it does not name until its end is no longer there.
    mutating func beginList() {
        list &+= 1
        (unnamed, listed) = (0, 0)
    }

    /// An object as it is now.
    mutating func put(_ object: SourceObject, uid: String, problems: [SourceProblem]) -> Change? {
        let name = object.key.name
        listed += 1
        note(problems, of: name)
        let entry = Entry(fingerprint: Self.fingerprint(object), list: list, uid: ObjectUID(uid))
        let old = known.updateValue(entry, forKey: name)
        return old?.fingerprint == entry.fingerprint ? nil : .changed(object)
    }

    /// An object is there, but cannot be read: its last good version stays.
    mutating func keep(_ name: ObjectName, problems: [SourceProblem]) {
        listed += 1
        note(problems, of: name)
        known[name]?.list = list
    }

    /// An object is there of which not even the name can be read.
    mutating func keepUnnamed() {
        listed += 1
        unnamed += 1
    }

    /// An object is gone, or is no longer ours.
    mutating func remove(_ name: ObjectName, problems: [SourceProblem] = []) -> Change? {
        note(problems, of: name)
        return known.removeValue(forKey: name) == nil ? nil : .removed(.init(kind, name))
    }

    /// An object that is listed and is not ours.
    mutating func leave(_ name: ObjectName, problems: [SourceProblem]) -> Change? {
        listed += 1
        return remove(name, problems: problems)
    }

    /// A list has come to its end.
    mutating func endList() -> (changes: [Change], verdict: Verdict) {
        if !isSynced, kind != .node, removalGuard.doubtsEmptiness(listed: listed), !emptinessIsSuspected {
            emptinessIsSuspected = true
            return ([], .unconfirmed(missing: 0, of: 0))
        }
        emptinessIsSuspected = false
        isSynced = true
        let missing = unnamed > 0 ? [] : known.filter { $0.value.list != list }.map(\.key)
        let fresh = missing.filter { !suspected.contains($0) }
        let confirmed = missing.filter { suspected.contains($0) }
        let isDoubtful = removalGuard.doubts(missing: fresh.count, of: known.count)
        suspected = isDoubtful ? Set(fresh) : []
        let removed = isDoubtful ? confirmed : missing
        let total = known.count
        let changes = removed.sorted().compactMap { remove($0) }
        if unnamed == 0, !faults.isEmpty {
            // What was bad from the beginning was never known; it goes when lists no longer name it.
            let gone = faults.filter { known[$0.key] == nil && $0.value.list != list }
            for name in gone.keys { note([], of: name) }
        }
        return (changes, isDoubtful ? .unconfirmed(missing: fresh.count, of: total) : .complete)
    }

    /// What is wrong with single objects, by their names.
    var problems: [SourceProblem] { faults.sorted { $0.key < $1.key }.flatMap(\.value.problems) }

    /// Whether a list has named something that it could not say the name of.
    var hasUnnamed: Bool { unnamed > 0 }

    mutating func takeFaultsChanged() -> Bool {
        defer { faultsChanged = false }
        return faultsChanged
    }

    private mutating func note(_ problems: [SourceProblem], of name: ObjectName) {
        if problems.isEmpty {
            if !faults.isEmpty, faults.removeValue(forKey: name) != nil { faultsChanged = true }
        } else {
            let old = faults.updateValue(Fault(problems: problems, list: list), forKey: name)
            if old?.problems != problems { faultsChanged = true }
        }
    }

    private static func fingerprint(_ object: SourceObject) -> Int {
        var hasher = Hasher()
        hasher.combine(object)
        return hasher.finalize()
    }
}
