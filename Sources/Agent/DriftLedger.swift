import NodeModel

/// How often each thing came back after it was put right, and how long it is left alone therefore.
///
/// Two times are put right at once. From then on another program writes the thing, and to fight it at full speed helps nobody: it is put
/// right after a period, then after two, four, … up to ten minutes. What has been quiet for as long is forgotten.
struct DriftLedger {
    static let longestDelay = Duration.seconds(600)
    static let quietTime = Duration.seconds(600)
    /// How often in a row a thing is put right at once.
    static let free = 2

    /// The delay that others are multiples of.
    let period: Duration
    private var records: [Drift.Subject: Record] = [:]
    /// What is left alone for now. Its times are the earliest only: one that was settled meanwhile costs a look.
    private var nextDue: ContinuousClock.Instant?
    private var nextSweeping: ContinuousClock.Instant?

    init(period: Duration) { self.period = max(period, .seconds(1)) }

    private struct Record {
        var count = 0
        var first: ContinuousClock.Instant
        /// When it was last found or put right.
        var last: ContinuousClock.Instant
        /// What it waits for; nil where it does not wait.
        var waiting: Waiting?
    }

    /// Something that is left alone for now.
    struct Waiting {
        var due: ContinuousClock.Instant
        /// Since when it has drifted, and how often.
        var since: ContinuousClock.Instant
        var count: Int
        /// What is otherwise than it was left.
        var difference: String
    }

    enum Verdict: Equatable {
        case mend
        /// It came back again and again, and waits.
        case wait(Recurrence)
        /// It waits already, which has been said.
        case waiting
    }

    /// How often something has drifted in how long, and how long it waits now.
    struct Recurrence: Equatable, CustomStringConvertible {
        var count: Int
        var span: Duration
        var delay: Duration

        var description: String {
            "comes back again and again (\(count) times in \(span.inWords)): another program writes it; repaired next in \(delay.inWords)"
        }
    }

    /// How many things are left alone for now.
    private(set) var waitingCount = 0

    /// The first of what is left alone for now; for showing.
    func firstWaiting(_ most: Int) -> [(subject: Drift.Subject, waiting: Waiting)] {
        guard waitingCount > 0 else { return [] }
        return Array(records.lazy.compactMap { subject, record in record.waiting.map { (subject, $0) } }.prefix(most))
    }

    /// When the first of those that wait is due.
    var due: ContinuousClock.Instant? { waitingCount > 0 ? nextDue : nil }

    /// What to do about something that was found otherwise than it was left.
    mutating func found(_ drift: Drift, at now: ContinuousClock.Instant) -> Verdict {
        forgetQuiet(at: now)
        let subject = drift.subject
        var record = records[subject] ?? Record(first: now, last: now)
        if record.waiting != nil {
            records[subject]?.waiting?.difference = drift.description
            return .waiting
        }
        if now - record.last >= Self.quietTime { record = Record(first: now, last: now) }
        record.count += 1
        record.last = now
        defer { records[subject] = record }
        guard record.count > Self.free else { return .mend }
        let delay = min(period * (1 << min(record.count - Self.free - 1, 16)), Self.longestDelay)
        let due = now + delay
        record.waiting = Waiting(due: due, since: record.first, count: record.count, difference: drift.description)
        waitingCount += 1
        nextDue = min(nextDue ?? due, due)
        return .wait(Recurrence(count: record.count, span: now - record.first, delay: delay))
    }

    /// Hands over what has waited long enough, to be put right now.
    mutating func takeDue(at now: ContinuousClock.Instant) -> [Drift.Subject] {
        guard let nextDue, nextDue <= now else { return [] }
        var subjects: [Drift.Subject] = []
        self.nextDue = nil
        for (subject, record) in records {
            guard let due = record.waiting?.due else { continue }
            if due <= now { subjects.append(subject) } else { self.nextDue = min(self.nextDue ?? due, due) }
        }
        for subject in subjects { end(subject, at: now) }
        return subjects
    }

    /// Has something wait no longer, since it is right again.
    mutating func settle(_ subject: Drift.Subject, at now: ContinuousClock.Instant) {
        if records[subject]?.waiting != nil { end(subject, at: now) }
    }

    private mutating func end(_ subject: Drift.Subject, at now: ContinuousClock.Instant) {
        records[subject]?.waiting = nil
        // What counts as quiet begins when it is put right.
        records[subject]?.last = now
        waitingCount -= 1
    }

    /// Forgets what has been quiet; walks all only as often as something can have become so.
    private mutating func forgetQuiet(at now: ContinuousClock.Instant) {
        guard now >= nextSweeping ?? now else { return }
        nextSweeping = now + Self.quietTime
        records = records.filter { $0.value.waiting != nil || now - $0.value.last < Self.quietTime }
    }
}

extension Duration {
    /// `90 s`, `3 min`, as a person says it.
    var inWords: String {
        let seconds = components.seconds + (components.attoseconds > 0 ? 1 : 0)
        return seconds < 120 ? "\(seconds) s" : "\(seconds / 60) min"
    }
}
