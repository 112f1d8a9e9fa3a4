package import ServiceModel

/// What all files of a directory say together.
///
/// Pure. Files go in one at a time, and what has changed comes out: that costs what the changed files hold, whatever else is there.
///
/// An object that several documents give is the first one's, by file name and then by place in the file; the others are reported, and take
/// over when the first goes.
package struct ManifestCollection: Sendable {
    /// What one document says of an object.
    private struct Claim: Sendable {
        var file: String
        /// The place in the file, counted in entries.
        var index: Int
        var object: SourceObject
        var place: String
    }

    private struct File: Sendable {
        /// The objects that this file gives, its last good versions among them.
        var keys: [SourceObject.Key] = []
        var problems: [SourceProblem] = []
    }

    private var files: [String: File] = [:]
    /// In order: the first stands.
    private var claims: [SourceObject.Key: [Claim]] = [:]
    private var filesWithProblems: Set<String> = []
    private var contested: Set<SourceObject.Key> = []
    private var directoryProblem: SourceProblem?

    /// What stood, at the last update, of each object that has been touched since.
    private var before: [SourceObject.Key: SourceObject?] = [:]
    private var problemsChanged = true

    package init() {}

    /// The names of the files that are known.
    package var fileNames: some Collection<String> { files.keys }

    /// Takes in what a file says now.
    package mutating func replace(_ file: String, with contents: ManifestContents) {
        guard contents.isWellFormed else { return fail(file, contents.problems) }
        let old = files[file]?.keys ?? []
        var last: [SourceObject.Key: SourceObject] = [:]
        for key in old {
            last[key] = claims[key]?.first { $0.file == file }?.object
            withdraw(key, from: file)
        }
        let good = Set(contents.entries.compactMap { $0.object == nil ? nil : $0.key })
        var keys: Set<SourceObject.Key> = []
        for (index, entry) in contents.entries.enumerated() {
            guard let key = entry.key else { continue }
            // The last good version stays in place of a bad one, unless the file gives a good one elsewhere.
            guard let object = entry.object ?? (good.contains(key) ? nil : last[key]) else { continue }
            keys.insert(key)
            claim(key, Claim(file: file, index: index, object: object, place: entry.place))
        }
        // A document whose name cannot be read may be any of those that were here, so none of them goes.
        if contents.entries.contains(where: { $0.key == nil }) {
            for (offset, key) in old.enumerated() where !keys.contains(key) {
                guard let object = last[key] else { continue }
                keys.insert(key)
                claim(key, Claim(file: file, index: contents.entries.count + offset, object: object, place: file))
            }
        }
        if files[file]?.problems ?? [] != contents.problems { problemsChanged = true }
        files[file] = File(keys: Array(keys), problems: contents.problems)
        note(contents.problems, of: file)
    }

    /// Keeps what a file said last, and says why.
    package mutating func fail(_ file: String, _ problems: [SourceProblem]) {
        if files[file]?.problems ?? [] != problems { problemsChanged = true }
        files[file, default: File()].problems = problems
        note(problems, of: file)
    }

    /// Forgets a file that is gone.
    package mutating func remove(_ file: String) {
        guard let old = files.removeValue(forKey: file) else { return }
        for key in old.keys { withdraw(key, from: file) }
        if !old.problems.isEmpty { problemsChanged = true }
        filesWithProblems.remove(file)
    }

    /// Says what is wrong with the directory as a whole; nil where nothing is. No object goes because of it.
    package mutating func setDirectoryProblem(_ problem: SourceProblem?) {
        if directoryProblem != problem { problemsChanged = true }
        directoryProblem = problem
    }

    /// Everything that is wrong now: the directory, then the files by name.
    package var problems: [SourceProblem] {
        var problems = directoryProblem.map { [$0] } ?? []
        for file in filesWithProblems.sorted() { problems += files[file]?.problems ?? [] }
        for key in contested.sorted(by: Self.isBefore) {
            guard let claims = claims[key], let first = claims.first else { continue }
            for claim in claims.dropFirst() {
                let place = "\(claim.place), \(key)"
                problems.append(SourceProblem(place: place, message: "already given at \(first.place); that one stands"))
            }
        }
        return problems
    }

    /// What has changed since the last update; nil where nothing has.
    package mutating func takeUpdate(isSynced: Bool) -> SourceUpdate? {
        var update = SourceUpdate(isSynced: isSynced)
        for (key, before) in before.sorted(by: { Self.isBefore($0.key, $1.key) }) {
            let now = claims[key]?.first?.object
            guard now != before else { continue }
            if let now { update.changed.append(now) } else { update.removed.append(key) }
        }
        before.removeAll(keepingCapacity: before.count < 1000)
        if problemsChanged { update.problems = problems }
        problemsChanged = false
        return update.changed.isEmpty && update.removed.isEmpty && update.problems == nil ? nil : update
    }
}

extension ManifestCollection {
    private mutating func claim(_ key: SourceObject.Key, _ claim: Claim) {
        remember(key)
        var list = claims.removeValue(forKey: key) ?? []
        let index = list.firstIndex { ($0.file, $0.index) > (claim.file, claim.index) } ?? list.endIndex
        list.insert(claim, at: index)
        contest(key, list)
        claims[key] = list
    }

    private mutating func withdraw(_ key: SourceObject.Key, from file: String) {
        remember(key)
        guard var list = claims.removeValue(forKey: key) else { return }
        list.removeAll { $0.file == file }
        contest(key, list)
        if !list.isEmpty { claims[key] = list }
    }

    private mutating func contest(_ key: SourceObject.Key, _ list: [Claim]) {
        // Places and winners change even where the number of claims stays.
        if contested.contains(key) || list.count > 1 { problemsChanged = true }
        if list.count > 1 { contested.insert(key) } else { contested.remove(key) }
    }

    private mutating func remember(_ key: SourceObject.Key) {
        if before.index(forKey: key) == nil { before.updateValue(claims[key]?.first?.object, forKey: key) }
    }

    private mutating func note(_ problems: [SourceProblem], of file: String) {
        if problems.isEmpty { filesWithProblems.remove(file) } else { filesWithProblems.insert(file) }
    }

    private static func isBefore(_ left: SourceObject.Key, _ right: SourceObject.Key) -> Bool {
        left.kind == right.kind ? left.name < right.name : left.kind.rawValue < right.kind.rawValue
    }
}
