import ServiceModel

/// Keeps a collection equal to what a directory says. Belongs to one thread, which may wait for disks.
struct DirectoryFollower: ~Copyable {
    typealias Time = ContinuousClock.Instant

    private let path: String
    private let reading: FileReading
    private var directory: Directory?
    private var watch: DirectoryWatch?
    private var collection = ManifestCollection()
    private var known: [String: FileIdentity] = [:]
    /// Those of them that are links: few, and all of them are looked at again and again.
    private var links: Set<String> = []
    /// Files that could not be read: they are tried again and again, since inotify does not tell when a link's target comes.
    private var failing: Set<String> = []
    private var pending = PendingChanges()
    private var isSynced = false
    private var hasVanished = false

    /// How often the path is looked at, for what inotify does not tell: another directory at the path, and the targets of links.
    static let interval = Duration.milliseconds(500)
    /// How long files may take to reappear in a directory that has come back, before they count as removed: whoever puts it back
    /// makes it empty first.
    static let returnGrace = Duration.seconds(2)

    init(path: String, reading: FileReading) {
        self.path = path
        self.reading = reading
    }

    /// Opens the directory if it is not open, and takes in everything that differs. Where it cannot be read, `failure` says why.
    mutating func refresh(now: Time) {
        if let open = directory?.isAt(path), open, watch != nil {
            lookAtLinks(now: now)
            return
        }
        do {
            // The watch comes first: whatever changes after it is told, whatever changed before it is read.
            directory = nil
            watch = nil
            let watch = try DirectoryWatch(path)
            let opened = try Directory(path)
            // Another directory may have come to the path in between; the next look finds the two equal.
            guard opened.isAt(path) else { return }
            self.watch = consume watch
            directory = consume opened
            try rescan(now: now)
        } catch {
            lose(error)
        }
    }

    /// Takes in what inotify has told.
    mutating func takeEvents(now: Time) {
        guard let events = watch?.events() else { return }
        for event in events {
            switch event {
            // A mounted ConfigMap or Secret is a set of links through "..data", which is moved to a new version all at once.
            case .created("..data"), .written("..data"), .removed("..data"), .overflow: pending.noteRescan(now: now)
            case .directoryGone: refresh(now: now)
            case .created(let name) where ManifestFile.isManifest(name):
                if file?.appearsWhole(name) == true { pending.noteWritten(name, now: now) } else { pending.noteCreated(name, now: now) }
            case .written(let name) where ManifestFile.isManifest(name): pending.noteWritten(name, now: now)
            case .touched(let name) where ManifestFile.isManifest(name): pending.noteTouched(name, now: now)
            case .removed(let name) where ManifestFile.isManifest(name): pending.noteGone(name, now: now)
            case .created, .written, .touched, .removed: break
            }
        }
    }

    /// Reads what is due.
    mutating func takePending(now: Time) {
        guard let due = pending.take(now: now) else { return }
        if due.rescan {
            do throws(Directory.Failure) { try rescan(now: now) } catch { lose(error) }
        }
        guard !due.names.isEmpty else { return }
        take(due.names.keys.sorted(), gone: Set(due.names.filter { $0.value == .gone }.keys), now: now)
    }

    /// When to call `takePending` next; nil where nothing is pending.
    var wakeAt: Time? { pending.wakeAt }

    /// Whether something is about to be read.
    func isUpdateComing(now: Time) -> Bool { pending.isDueSoon(now: now) }

    /// What has changed since the last update; nil where nothing has.
    mutating func takeUpdate() -> SourceUpdate? { collection.takeUpdate(isSynced: isSynced) }

    /// Waits until inotify has something to tell, or a time-out passes. Without a watch, only that.
    func wait(or stop: borrowing Descriptor, milliseconds: Int32) {
        if watch?.wait(or: stop, milliseconds: milliseconds) == nil { stop.waitForInput(or: stop, milliseconds: milliseconds) }
    }

    /// What is wrong with the directory as a whole.
    private(set) var failure: SourceProblem?

    private var file: ManifestFile? {
        guard let number = directory?.number() else { return nil }
        return ManifestFile(directory: number, maximumBytes: reading.maximumBytes)
    }

    /// Looks at everything, and reads what has changed.
    private mutating func rescan(now: Time) throws(Directory.Failure) {
        guard let names = try directory?.manifestNames(), let file else { return }
        let changed = names.filter { name in known[name] == nil || known[name] != file.identity(name) }
        take(changed, gone: [], now: now)
        let present = Set(names)
        let grace = hasVanished ? Self.returnGrace : PendingChanges.grace
        for name in collection.fileNames where !present.contains(name) { pending.noteGone(name, now: now, grace: grace) }
        hasVanished = false
        isSynced = true
        failure = nil
        collection.setDirectoryProblem(nil)
    }

    /// Keeps everything, and says that the directory cannot be read.
    private mutating func lose(_ failure: Directory.Failure) {
        directory = nil
        watch = nil
        // Names that were removed just before their directory was: nobody wanted them gone.
        pending = PendingChanges()
        known = [:]
        links = []
        hasVanished = true
        let kept = isSynced ? "what it said last stays" : "nothing is done before it can be read"
        let problem = SourceProblem(place: path, message: "the directory cannot be read: \(failure.description); \(kept)")
        self.failure = problem
        collection.setDirectoryProblem(problem)
    }

    /// Reads files; those of `gone` that are still missing are removed, others that are missing are waited for.
    private mutating func take(_ names: [String], gone: Set<String>, now: Time) {
        guard let file else { return }
        let outcomes = reading.read(names, file)
        for (name, outcome) in zip(names, outcomes) {
            switch outcome {
            case .contents(let contents, let identity, let isLink):
                known[name] = identity
                if isLink { links.insert(name) } else { links.remove(name) }
                failing.remove(name)
                collection.replace(name, with: contents)
            case .failed(let problem):
                known[name] = nil
                links.remove(name)
                failing.insert(name)
                collection.fail(name, [problem])
            case .missing:
                guard gone.contains(name) else {
                    pending.noteGone(name, now: now)
                    continue
                }
                // "rm -r" has taken the file and goes on to take the directory.
                guard directory?.isAt(path) == true else { return refresh(now: now) }
                known[name] = nil
                links.remove(name)
                failing.remove(name)
                collection.remove(name)
            }
        }
    }

    /// Looks at what links lead to, since their targets change in other directories, and at what could not be read.
    private mutating func lookAtLinks(now: Time) {
        guard let file else { return }
        for name in links where file.identity(name) != known[name] { pending.noteWritten(name, now: now) }
        for name in failing { pending.noteTouched(name, now: now) }
    }
}
