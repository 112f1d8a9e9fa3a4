package import Addresses

/// One thing that is probed again and again, whichever and however many Services share it.
package struct Probe: Hashable, Sendable {
    package var address: IPAddress
    /// The port that the check is made at; 0 where a check has none (ICMP).
    package var port: UInt16
    package var check: HealthCheck
    package var timing: ProbeTiming
    package var rise: Int
    package var fall: Int
    /// The firewall mark that the probe's packets carry, where they are to go through the kernel's balancing; nil for none.
    package var mark: UInt32?

    package init(
        address: IPAddress, port: UInt16, check: HealthCheck, timing: ProbeTiming, rise: Int, fall: Int, mark: UInt32? = nil
    ) {
        self.address = address
        self.port = port
        self.check = check
        self.timing = timing
        self.rise = rise
        self.fall = fall
        self.mark = mark
    }
}

/// What is held of a probe's backend.
package enum Verdict: Hashable, Sendable {
    /// Not enough answers yet. Nothing is changed for it.
    case unknown
    case up
    /// With the last answer's words: `connection refused`.
    case down(String)
}

/// What a probe came to, as it changed.
package struct ProbeNews: Sendable {
    package var probe: Probe
    package var verdict: Verdict
    /// Why this node cannot probe at present, which says nothing of the backend: `no file descriptors are left`. The verdict stays as it
    /// was. Nil where it can.
    package var hindrance: String?
    /// When the answer that decided was in hand.
    package var at: ContinuousClock.Instant

    package init(probe: Probe, verdict: Verdict, hindrance: String? = nil, at: ContinuousClock.Instant) {
        self.probe = probe
        self.verdict = verdict
        self.hindrance = hindrance
        self.at = at
    }
}

/// Who probes. The agent says what; the news are what changes its mind.
package protocol HealthProber: Sendable {
    /// Begins with some probes and ends others. One that goes on is not disturbed, and begins again from `unknown` only where it had ended.
    func change(begin: [Probe], end: [Probe])

    /// Verdicts and hindrances that differ from the last ones of that probe. To be listened to by one, while `run` goes on.
    ///
    /// Those of a probe that was ended meanwhile may still be on their way.
    var news: AsyncStream<ProbeNews> { get }

    /// Probes until the task is cancelled.
    func run() async
}
