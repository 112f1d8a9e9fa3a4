import Addresses
import HealthModel
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel

/// What is probed, for whom, and what is held of it. One probe serves all Services that ask for the same.
struct ProbedBackends {
    struct Probed {
        var verdict = Verdict.unknown
        /// Whether the verdict is the probe's own: not one that an earlier probe of the backend left to it.
        var isJudged = false
        /// Since when the verdict is so.
        var since: ContinuousClock.Instant
        /// When it last came up after having been down.
        var recovered: ContinuousClock.Instant?
        /// Why the node cannot probe at present.
        var hindrance: String?
        /// The Services that go by it.
        var users: Set<ObjectName> = []
        /// Those that only compare it with what comes through forwarding.
        var comparers: Set<ObjectName> = []
    }

    private(set) var probes: [Probe: Probed] = [:]
    /// What whoever probes has yet to be told.
    private var begun: Set<Probe> = []
    private var ended: [Probe: Probed] = [:]
    /// The ways of those that go through the kernel's balancing.
    private(set) var paths: ProbePaths
    /// Backends that answer one way and not the other.
    private var doubts = PathDoubts()

    init(paths: ProbePaths) { self.paths = paths }

    subscript(probe: Probe) -> Probed? { probes[probe] }

    /// Counts a Service in. A probe that is new begins with what is held of the backend already.
    mutating func join(
        _ probe: Probe, _ service: ObjectName, comparing: Bool = false, inheriting verdict: Verdict?, at now: ContinuousClock.Instant
    ) {
        if probes[probe] == nil {
            // One that is asked for again before its end was told has never ceased.
            if let kept = ended.removeValue(forKey: probe) {
                probes[probe] = kept
            } else {
                probes[probe] = Probed(verdict: verdict ?? .unknown, since: now)
                begun.insert(probe)
            }
            if let mark = probe.mark { paths.join(probe.target, mark: mark) }
        }
        if comparing { probes[probe]?.comparers.insert(service) } else { probes[probe]?.users.insert(service) }
    }

    /// Counts a Service out; what nobody asks for any more ends.
    mutating func leave(_ probe: Probe, _ service: ObjectName, comparing: Bool = false) {
        if comparing { probes[probe]?.comparers.remove(service) } else { probes[probe]?.users.remove(service) }
        guard let probed = probes[probe], probed.users.isEmpty, probed.comparers.isEmpty else { return }
        probes[probe] = nil
        if probe.mark != nil { paths.leave(probe.target) }
        doubts.forget(probe)
        if begun.remove(probe) == nil { ended[probe] = probed }
    }

    /// Hands over what is to begin and to end.
    mutating func takeChanges() -> (begin: [Probe], end: [Probe])? {
        guard !begun.isEmpty || !ended.isEmpty else { return nil }
        defer { (begun, ended) = ([], [:]) }
        return (Array(begun), Array(ended.keys))
    }

    /// Hands over the ways through the kernel's balancing that have changed.
    mutating func takePathChanges() -> [(owner: String, share: NodeShare?)] { paths.takeChanges() }

    // MARK: Two ways to one backend

    /// Compares what came directly and through forwarding, where both are asked; after news of either.
    mutating func compare(after probe: Probe, at now: ContinuousClock.Instant) -> PathDoubts.Change? {
        var forwarded = probe
        if probe.mark == nil {
            guard probes[probe]?.comparers.isEmpty == false else { return nil }
            forwarded.check.path = .forwardedAndDirect
            forwarded.mark = paths.mark(to: probe.target)
        }
        guard forwarded.check.path == .forwardedAndDirect, let through = probes[forwarded], let direct = probes[forwarded.direct],
            through.isJudged, direct.isJudged
        else { return nil }
        return doubts.take(forwarded, agree: through.verdict.isDown == direct.verdict.isDown, at: now)
    }

    /// When the next difference has lasted long enough to be told.
    var nextDoubt: ContinuousClock.Instant? { doubts.due }

    /// Hands over the differences that have lasted so long.
    mutating func takeDueDoubts(at now: ContinuousClock.Instant) -> [Probe] { doubts.takeDue(at: now) }

    /// What a piece of news changed.
    enum Change {
        /// It says nothing new, or is about a probe that has ended.
        case nothing
        /// These Services' backend is up, down, or judged for the first time.
        case judged(before: Verdict, users: Set<ObjectName>)
        /// The node began to be kept from probing, or ceased to be.
        case hindrance(String?)
    }

    mutating func take(_ news: ProbeNews) -> Change {
        guard var probed = probes[news.probe] else { return .nothing }
        defer { probes[news.probe] = probed }
        if probed.hindrance != news.hindrance {
            probed.hindrance = news.hindrance
            if news.verdict == probed.verdict || news.verdict == .unknown { return .hindrance(news.hindrance) }
        }
        // That the prober does not know (yet) is no reason to believe anything else than before.
        guard news.verdict != .unknown else { return .nothing }
        let (before, wasJudged) = (probed.verdict, probed.isJudged)
        probed.verdict = news.verdict
        probed.isJudged = true
        guard before.isDown != news.verdict.isDown || before == .unknown || !wasJudged else { return .nothing }
        if before.isDown != news.verdict.isDown || before == .unknown {
            probed.since = news.at
            probed.recovered = before.isDown && !news.verdict.isDown ? news.at : nil
        }
        guard !probed.users.isEmpty else { return .nothing }
        return .judged(before: before, users: probed.users)
    }
}

extension Probe {
    /// Whom it is about, at which port.
    var target: RealServer.Key { RealServer.Key(address, port: port) }

    /// The same that goes directly.
    var direct: Probe {
        var direct = self
        direct.mark = nil
        direct.check.path = .direct
        return direct
    }
}

extension Verdict {
    var isDown: Bool { if case .down = self { true } else { false } }
}

extension HealthCheck {
    /// Whether an answer to it says something of a real server of this transport protocol. A port of its own stands for the whole backend.
    func judges(_ transport: TransportProtocol?) -> Bool {
        guard port == nil, let transport else { return true }
        return switch kind {
        case .tcp, .http, .grpc: transport == .tcp
        case .udp: transport == .udp
        case .dns, .icmp, .command: true
        }
    }

    /// Whether it is made at a port.
    var hasPort: Bool {
        switch kind {
        case .icmp: false
        default: true
        }
    }
}
