import Logging
import NodeModel
import Planner
import Telemetry

/// Tells what has drifted: the first few one by one, the rest by their number.
struct DriftReport {
    /// How many of a sweep are logged and posted one by one.
    static let (mostLogged, mostPosted) = (20, 200)

    private let logger: Logger
    private let events: EventLog
    private var count = 0
    /// Those that were not named, by what they are.
    private var unnamed: [String: Int] = [:]
    private var unposted: [String: Int] = [:]
    private var mended = (operations: 0, failures: 0)
    /// How many drifts were found since the agent started.
    private(set) var total = 0

    init(logger: Logger, events: EventLog) {
        self.logger = logger
        self.events = events
    }

    /// Tells of one that was found, and of what follows.
    mutating func found(_ drift: Drift, _ verdict: DriftLedger.Verdict) {
        guard verdict != .waiting else { return }
        count += 1
        total += 1
        let text: String
        if case .wait(let recurrence) = verdict { text = "\(drift); \(recurrence)" } else { text = "\(drift)" }
        if count <= Self.mostLogged { logger.warning("drift: \(text)") } else { unnamed[drift.subject.kind, default: 0] += 1 }
        if count <= Self.mostPosted {
            let (left, found) = drift.sides
            events.post(
                verdict == .mend ? .drift : .driftRecurring, about: "\(drift.subject)", text,
                remedy: verdict == .mend ? nil : "find the program that writes it, and stop it", found: found, wanted: left)
        } else {
            unposted[drift.subject.kind, default: 0] += 1
        }
    }

    /// Counts what was put right.
    mutating func mended(_ round: Reconciler.Round) {
        mended.operations += round.plan.operations.count - round.failures.count
        mended.failures += round.failures.count
    }

    /// Tells what was only counted, and begins anew.
    mutating func end() {
        if !unnamed.isEmpty { logger.warning("drift: and \(Self.text(of: unnamed)) more") }
        if !unposted.isEmpty { events.post(.drift, about: "kernel", "\(Self.text(of: unposted)) more have drifted") }
        if mended != (0, 0) {
            logger.info(
                "put back what had drifted", metadata: ["operations": "\(mended.operations)", "failures": "\(mended.failures)"])
            events.post(
                .applied, about: "kernel",
                "put back what had drifted: \(mended.operations) operations done, \(mended.failures) failed")
        }
        (count, unnamed, unposted, mended) = (0, [:], [:], (0, 0))
    }

    private static func text(of counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}

extension Drift.Subject {
    /// What it is, of many.
    fileprivate var kind: String {
        switch self {
        case .virtualServer: "virtual servers"
        case .timeouts: "timeouts"
        case .sysctl: "sysctls"
        case .link: "links"
        case .address: "addresses"
        case .set: "sets"
        case .rules: "families of rules"
        }
    }
}
