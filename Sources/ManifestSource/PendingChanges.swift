/// When to look at what inotify named. Pure: times come in.
///
/// A file is read as soon as events pause, so that a burst becomes one update. A file that vanished is waited for a little, since editors
/// move a file away before they write its successor, and since `rm -r` removes the files before their directory: neither may stop a
/// Service.
struct PendingChanges {
    typealias Time = ContinuousClock.Instant

    /// How long events must pause.
    static let quiet = Duration.milliseconds(4)
    /// How long a burst may go on before what it has brought is looked at.
    static let longest = Duration.milliseconds(100)
    /// How long a vanished file may take to come back.
    static let grace = Duration.milliseconds(150)
    /// How long a created file may take to be closed by its writer. One that was made without a name and linked in when it was whole
    /// (O_TMPFILE) is never closed again; it is read after this time.
    static let writing = Duration.seconds(3)

    enum Change: Equatable {
        case changed
        case gone
    }

    private struct Pending {
        var change: Change
        var readyAt: Time
    }

    private var pending: [String: Pending] = [:]
    private var rescanAt: Time?
    private var lastEvent: Time?
    private var burstBegan: Time?

    var isEmpty: Bool { pending.isEmpty && rescanAt == nil }

    mutating func noteWritten(_ name: String, now: Time) { note(name, .changed, readyAt: now, now) }

    mutating func noteCreated(_ name: String, now: Time) { note(name, .changed, readyAt: now + Self.writing, now) }

    mutating func noteGone(_ name: String, now: Time, grace: Duration = Self.grace) { note(name, .gone, readyAt: now + grace, now) }

    /// Permissions or times changed. A file that is still being written says so too, and is not read for that.
    mutating func noteTouched(_ name: String, now: Time) {
        if pending[name] == nil { noteWritten(name, now: now) }
    }

    /// Everything is to be looked at.
    mutating func noteRescan(now: Time) {
        rescanAt = now
        noteEvent(now)
    }

    /// When to call `take` next; nil where nothing is pending.
    var wakeAt: Time? {
        let first = pending.values.lazy.map(\.readyAt).min()
        guard let earliest = [rescanAt, first].compactMap({ $0 }).min() else { return nil }
        guard let lastEvent, let burstBegan else { return earliest }
        return max(earliest, min(lastEvent + Self.quiet, burstBegan + Self.longest))
    }

    /// Whether something will be due as soon as events pause, and not only when its writer ends or is given up.
    func isDueSoon(now: Time) -> Bool { wakeAt.map { $0 <= now + Self.quiet } ?? false }

    /// What is due: names with what was last heard of them, and whether to look at everything. Nil where nothing is.
    mutating func take(now: Time) -> (names: [String: Change], rescan: Bool)? {
        guard let wakeAt, wakeAt <= now else { return nil }
        let names = pending.filter { $0.value.readyAt <= now }.mapValues(\.change)
        for name in names.keys { pending[name] = nil }
        let rescan = rescanAt != nil
        rescanAt = nil
        burstBegan = now
        return (names, rescan)
    }

    private mutating func note(_ name: String, _ change: Change, readyAt: Time, _ now: Time) {
        pending[name] = Pending(change: change, readyAt: readyAt)
        noteEvent(now)
    }

    private mutating func noteEvent(_ now: Time) {
        if lastEvent.map({ now - $0 > Self.quiet }) ?? true { burstBegan = now }
        lastEvent = now
    }
}
