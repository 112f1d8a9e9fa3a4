package import HealthModel
package import IPVSModel

/// The weights of a virtual server's real servers. One pure function of what is configured, what people and probes say, and of how many
/// are left: drained by hand is 0; below the quorum is the sorry server; in panic is as configured; down is 0; otherwise at least 1 and
/// the share of what is configured that a recovered server has reached; and a configured 0 stays 0. A weight by hand stands in the place of the
/// configured one throughout.
package struct Weighing: Equatable, Sendable {
    /// The share of healthy backends, in percent, below which all are used as configured.
    package var panicThreshold: Int
    package var quorum: HealthPolicy.Quorum?
    /// Whether something answers in the place of backends that do not.
    package var hasSorryServer: Bool

    package init(panicThreshold: Int = 0, quorum: HealthPolicy.Quorum? = nil, hasSorryServer: Bool = false) {
        self.panicThreshold = panicThreshold
        self.quorum = quorum
        self.hasSorryServer = hasSorryServer
    }

    /// What is known of one real server.
    package struct Backend: Hashable, Sendable {
        package var configured: Int32
        package var hand: HandState?
        /// Not known to be good: what nobody has judged yet is not down.
        package var isDown: Bool
        /// The share of its weight that it has come back to, in percent (1…100).
        package var ramp: Int
        /// A weight that was said by hand, as far as it has been reached, in hundredths: it takes the place of the configured one.
        package var byHand: Int64?
        /// Whether that is still on its way, also where it just passes a whole number.
        package var isOnTheWay: Bool

        package init(
            configured: Int32, hand: HandState? = nil, isDown: Bool = false, ramp: Int = 100, byHand: Int64? = nil, isOnTheWay: Bool = false
        ) {
            self.byHand = byHand
            self.isOnTheWay = isOnTheWay
            self.configured = configured
            self.hand = hand
            self.isDown = isDown
            self.ramp = ramp
        }

        /// Takes in what is held of another port of the same backend, for a real server that is for both: it serves as the lesser of them.
        package mutating func join(_ port: Backend) {
            // Where people say nothing else, a port that is down is.
            let isDown = isDown && hand != .ready || port.isDown && port.hand != .ready
            if !rests, port.rests || hand == nil { hand = port.hand }
            if isDown, hand == .ready { hand = nil }
            self.isDown = isDown
            ramp = min(ramp, port.ramp)
            byHand = [byHand, port.byHand].compactMap(\.self).min()
            isOnTheWay = isOnTheWay || port.isOnTheWay
        }

        fileprivate var rests: Bool { hand?.rests ?? false }
        /// Whether it counts among those that could serve.
        fileprivate var isCandidate: Bool { !rests && hundredths > 0 }
        /// The weight that it is to have, in hundredths.
        fileprivate var hundredths: Int64 { byHand ?? Int64(configured) * 100 }
        fileprivate var isHealthy: Bool { isCandidate && (!isDown || hand == .ready) }
    }

    /// What a real server gets of new connections.
    package enum Share: Hashable, Sendable {
        case weight(Int32)
        /// None, and those that it has may end: weight 0 while it has any, then gone.
        case rest(Cause)
    }

    package enum Cause: Hashable, Sendable {
        case hand(HandState)
        case belowQuorum
        case down
    }

    /// How the virtual server serves.
    package enum Mode: String, Hashable, Sendable {
        case healthy
        /// Too few are healthy, and all are used.
        case panic
        /// What is left is too little, or nothing: the sorry server answers, or nothing does.
        case belowQuorum
    }

    package struct Outcome: Hashable, Sendable {
        package var shares: [RealServer.Key: Share]
        package var mode: Mode
    }

    /// Whether the quorum was met decides between its two bounds.
    package func weigh(_ backends: [RealServer.Key: Backend], hadQuorum: Bool = true) -> Outcome {
        let (candidates, healthy) = (backends.values.count(where: \.isCandidate), backends.values.count(where: \.isHealthy))
        let mode = mode(candidates: candidates, healthy: healthy, weight: healthyWeight(backends), hadQuorum: hadQuorum)
        let scale = mode == .healthy ? Self.scale(of: backends) : 1
        let shares = backends.mapValues { backend -> Share in
            if let hand = backend.hand, hand.rests { return .rest(.hand(hand)) }
            if backend.hundredths == 0 { return .weight(0) }
            switch mode {
            case .belowQuorum: return .rest(.belowQuorum)
            case .panic: return .weight(Int32(clamping: max(1, backend.hundredths / 100)))
            case .healthy:
                guard backend.isHealthy else { return .rest(.down) }
                return .weight(Int32(clamping: max(1, backend.hundredths * scale * Int64(backend.ramp) / 10_000)))
            }
        }
        return Outcome(shares: shares, mode: mode)
    }

    private func mode(candidates: Int, healthy: Int, weight: Int64, hadQuorum: Bool) -> Mode {
        if let quorum, weight < Int64(hadQuorum ? quorum.down : quorum.up) { return .belowQuorum }
        if hasSorryServer, healthy == 0 { return .belowQuorum }
        guard healthy < candidates else { return .healthy }
        return healthy == 0 || healthy * 100 < panicThreshold * candidates ? .panic : .healthy
    }

    private func healthyWeight(_ backends: [RealServer.Key: Backend]) -> Int64 {
        backends.values.reduce(0) { $0 + ($1.isHealthy ? $1.hundredths : 0) } / 100
    }

    /// By what all weights are multiplied while one of them comes back or is on its way, so that a share of a small weight is a whole number:
    /// with 1 for each, which is the usual thing, there would be no steps between nothing and all. What counts is their proportion. It is the
    /// same from the first step to the last, so that a step writes the one weight that it is about.
    private static func scale(of backends: [RealServer.Key: Backend]) -> Int64 {
        let serving = backends.values.filter(\.isHealthy)
        guard serving.contains(where: { $0.ramp < 100 || $0.isOnTheWay }),
            let largest = serving.map(\.hundredths).max(), largest < 10_000
        else { return 1 }
        return 100
    }
}
