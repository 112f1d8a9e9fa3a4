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

    package init(address: IPAddress, port: UInt16, check: HealthCheck, timing: ProbeTiming, rise: Int, fall: Int) {
        self.address = address
        self.port = port
        self.check = check
        self.timing = timing
        self.rise = rise
        self.fall = fall
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
    /// When the answer that decided was in hand.
    package var at: ContinuousClock.Instant

    package init(probe: Probe, verdict: Verdict, at: ContinuousClock.Instant) {
        self.probe = probe
        self.verdict = verdict
        self.at = at
    }
}

/// Who probes. The agent says what; the news are what changes its mind.
package protocol HealthProber: Sendable {
    /// Begins with some probes and ends others. One that goes on is not disturbed, and begins again from `unknown` only where it had ended.
    func change(begin: [Probe], end: [Probe])

    /// Verdicts that differ from the last one of that probe. To be listened to by one, while `run` goes on.
    var news: AsyncStream<ProbeNews> { get }

    /// Probes until the task is cancelled.
    func run() async
}
