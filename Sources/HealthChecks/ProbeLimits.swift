internal import Glibc
internal import HealthModel

/// How much probing this node bears. Each probe has one check in flight at most, and one descriptor for it; so as long as no more probes
/// are taken on than there are descriptors for, none ever waits because others are slow.
package struct ProbeLimits: Sendable {
    /// How many probes may be under way at once.
    package var descriptors: Int
    /// How many of them may be commands: each is a process.
    package var commands: Int
    /// Nil where this node tracks no connections.
    var connections: ConnectionTable?
    /// Whether the connection table limits them.
    package var countsConnections: Bool {
        get { connections != nil }
        set { connections = newValue ? connections ?? .ofThisNode() : nil }
    }

    package init(descriptors: Int, commands: Int = 256) {
        self.descriptors = descriptors
        self.commands = commands
    }

    /// As this node has it; the limit of descriptors is raised as far as it may be, up to 262,144.
    package static func ofThisNode() -> ProbeLimits {
        var limit = rlimit()
        var descriptors = 512
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            let wanted = min(limit.rlim_max, 1 << 18)
            if limit.rlim_cur < wanted {
                var raised = limit
                raised.rlim_cur = wanted
                if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
            }
            // A quarter, and 128 at least, is for everything else that the agent does.
            let all = Int(min(limit.rlim_cur, 1 << 18))
            descriptors = max(all - max(all / 4, 128), 16)
        }
        var limits = ProbeLimits(descriptors: descriptors)
        limits.connections = .ofThisNode()
        return limits
    }
}

/// Which probes are taken on within the limits. Pure.
struct ProbeAdmission {
    private let limits: ProbeLimits
    private(set) var probes = 0
    private(set) var commands = 0
    private(set) var entries = 0

    init(_ limits: ProbeLimits) { self.limits = limits }

    /// Takes a probe on, or says why not.
    mutating func admit(_ probe: Probe) -> String? {
        guard probes < limits.descriptors else {
            return "\(probes) probes are as many as this node has file descriptors for; raise the limit (LimitNOFILE)"
        }
        if probe.isCommand, commands >= limits.commands { return "\(commands) commands are as many as may run at once" }
        if let refusal = limits.connections?.refusal(of: probe, beside: entries) { return refusal }
        probes += 1
        commands += probe.isCommand ? 1 : 0
        entries += limits.connections?.entries(of: probe) ?? 0
        return nil
    }

    /// Lets go of one that was taken on.
    mutating func release(_ probe: Probe) {
        probes -= 1
        commands -= probe.isCommand ? 1 : 0
        entries -= limits.connections?.entries(of: probe) ?? 0
    }
}

extension Probe {
    fileprivate var isCommand: Bool {
        if case .command = check.kind { true } else { false }
    }
}
