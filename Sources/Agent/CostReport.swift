import HealthModel
package import Logging
package import NodeKernel

/// How long the reconciler's own steps have taken since it was made.
package struct StepTimes: Sendable {
    /// From objects to the wanted state.
    package var compiling = Duration.zero
    /// Looking at the kernel.
    package var looking = Duration.zero
    /// Comparing the two.
    package var planning = Duration.zero
    /// Applying the difference.
    package var applying = Duration.zero

    package init() {}

    /// The times as fields of a log line.
    package var fields: Logger.Metadata {
        [
            "compile-ms": .milliseconds(compiling), "look-ms": .milliseconds(looking), "plan-ms": .milliseconds(planning),
            "apply-ms": .milliseconds(applying),
        ]
    }
}

extension KernelCost {
    /// The cost as fields of a log line; subsystems that were not written to are left out.
    package var fields: Logger.Metadata {
        var fields: Logger.Metadata = ["messages": "\(messages)", "sends": "\(sends)", "processes": "\(processes)"]
        for (subsystem, duration) in durations { fields["\(subsystem.rawValue)-ms"] = .milliseconds(duration) }
        return fields
    }
}

extension [ProbeNews] {
    /// How many backends these found down, and how long ago the first of these answers was in hand, as fields of a log line.
    var fields: Logger.Metadata {
        guard let first = map(\.at).min() else { return [:] }
        return ["down": "\(count { $0.verdict.isDown })", "verdict-ms": .milliseconds(.now - first)]
    }
}

extension Logger.MetadataValue {
    /// A time in milliseconds, to the microsecond: `1234.567`.
    package static func milliseconds(_ duration: Duration) -> Self {
        let microseconds = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }
}
