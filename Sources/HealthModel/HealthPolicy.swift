package import Addresses

/// How the backends of some Services are probed, judged and drained: a document of our own kind, `HealthPolicy`.
package struct HealthPolicy: Hashable, Sendable {
    /// Unique on the node; an annotation names it.
    package var name: String
    package var selection: Selection
    /// Nil where nothing is probed and the policy only says how backends are drained.
    package var check: HealthCheck?
    package var timing = ProbeTiming()
    /// How many good answers in a row bring a backend up, and how many bad ones take it down; at least 1 each.
    package var rise = 2
    package var fall = 3
    /// Over which time a backend that has recovered comes back to its weight; zero at once.
    package var slowStart: Duration = .zero
    /// The share of healthy backends, in percent (0…100), below which all are used as configured. At 0 that is so where none is healthy.
    package var panicThreshold = 0
    /// Nil where a Service serves as long as anything does.
    package var quorum: Quorum?
    /// What answers while a Service is below its quorum, or has no healthy backend; nil for nothing.
    package var sorryServer: SorryServer?
    package var drain = DrainPolicy()
    /// Nil where connections that are not answered say nothing.
    package var passive: PassiveDetection?

    package init(name: String, selection: Selection = .named) {
        self.name = name
        self.selection = selection
    }

    /// Whose backends are meant. An annotation takes precedence, then a list of names, then a selector (of several the first by name).
    package enum Selection: Hashable, Sendable {
        /// Those whose annotation names this policy, and no others.
        case named
        /// These Services, as `namespace/name`.
        case services(Set<String>)
        /// Those with all of these labels; with none, all Services.
        case labels([String: String])
    }

    /// The sum of healthy weights at which a Service begins to serve, and the lower one at which it ceases to.
    package struct Quorum: Hashable, Sendable {
        package var up: Int
        package var down: Int

        package init(up: Int, down: Int) {
            self.up = up
            self.down = down
        }
    }

    package struct SorryServer: Hashable, Sendable {
        package var address: IPAddress
        package var port: UInt16

        package init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// How a backend that is to go is let go.
    package struct DrainPolicy: Hashable, Sendable {
        /// The longest that connections are waited for. Zero: it goes at once.
        package var timeout: Duration = .seconds(30)
        /// What has to come to zero before that.
        package var waitFor: Set<Remainder> = [.active]

        package init() {}

        package enum Remainder: String, Hashable, Sendable, CaseIterable {
            case active, inactive, persistent
        }
    }

    /// Judges by the connections that clients make, where the kernel counts both directions (forwarding by masquerade).
    package struct PassiveDetection: Hashable, Sendable {
        /// How long the first ejection lasts; each that follows soon lasts twice as long, up to the longest.
        package var ejection: Duration = .seconds(30)
        package var longestEjection: Duration = .seconds(300)

        package init() {}
    }
}

/// When probes are sent. Intervals run from start to start.
package struct ProbeTiming: Hashable, Sendable {
    package var interval: Duration = .seconds(5)
    /// While a state is changing; nil for the same interval.
    package var fastInterval: Duration?
    /// How long an answer is waited for; no longer than the interval.
    package var timeout: Duration = .seconds(2)

    package init() {}
}
