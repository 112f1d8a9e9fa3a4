import Addresses
import HealthModel
package import IPVSModel
import NodeModel
package import Telemetry

/// A real server that takes no new connections, and goes when those that it has are over or its time is up.
struct Drain: Equatable, Sendable {
    /// Whose it was, and why it goes, for showing.
    var owner: String
    var reason: String
    var began: ContinuousClock.Instant
    var deadline: ContinuousClock.Instant
    var waitFor: Set<HealthPolicy.DrainPolicy.Remainder>
    /// As it stood, with weight 0.
    var configuration: RealServer.Configuration
    /// What it had when it was last looked at.
    var connections: ConnectionCounts?

    /// How long it stays at least: a connection that was just being made when its weight became 0 is established by then, and counts.
    static let least = Duration.seconds(1)

    /// Why it is over; nil where it is not.
    func end(at now: ContinuousClock.Instant) -> String? {
        if now >= deadline { return "its time is up" }
        guard now >= began + Self.least, let connections else { return nil }
        let waits =
            waitFor.contains(.active) && connections.active > 0 || waitFor.contains(.inactive) && connections.inactive > 0
            || waitFor.contains(.persistent) && connections.persistent > 0
        return waits ? nil : "it has nothing left to wait for"
    }
}

/// The real servers that are being drained, and when they are looked at.
///
/// What is looked at are the virtual servers that have such real servers, some at a time, and never all connections.
struct Drains {
    /// How many virtual servers are looked at in one go: some milliseconds of the kernel's work.
    static let atOnce = 20
    /// The time from the beginning of one round of looks to the next, at least.
    static let interval = Duration.seconds(1)

    private(set) var byServer: [VirtualServer.Key: [RealServer.Key: Drain]] = [:]
    /// Those of this round that are still to be looked at.
    private var round: [VirtualServer.Key] = []
    private var nextRound: ContinuousClock.Instant?
    private var spent = Duration.zero
    /// Those that have begun or ended since that was last written down.
    private var unwritten: Set<DrainName> = []

    var isEmpty: Bool { byServer.isEmpty }
    var count: Int { byServer.values.reduce(0) { $0 + $1.count } }

    subscript(key: VirtualServer.Key) -> [RealServer.Key: Drain] { byServer[key] ?? [:] }

    mutating func begin(_ drain: Drain, of realServer: RealServer.Key, in key: VirtualServer.Key) {
        byServer[key, default: [:]][realServer] = drain
        unwritten.insert(DrainName(key, realServer))
        if nextRound == nil { nextRound = drain.began + Self.interval }
    }

    @discardableResult
    mutating func end(_ realServer: RealServer.Key, of key: VirtualServer.Key) -> Drain? {
        unwritten.insert(DrainName(key, realServer))
        defer { if byServer[key]?.isEmpty == true { byServer[key] = nil } }
        return byServer[key]?.removeValue(forKey: realServer)
    }

    /// Has it written down that one is not there which was remembered.
    mutating func forget(_ realServer: RealServer.Key, of key: VirtualServer.Key) { unwritten.insert(DrainName(key, realServer)) }

    var hasUnwritten: Bool { !unwritten.isEmpty }

    /// Hands over those of which it is to be written down how they are now.
    mutating func takeUnwritten() -> Set<DrainName> {
        defer { unwritten = [] }
        return unwritten
    }

    /// When there is something to be looked at.
    var due: ContinuousClock.Instant? { isEmpty ? nil : nextRound }

    func isDue(at now: ContinuousClock.Instant) -> Bool { due.map { $0 <= now } ?? false }

    /// The next virtual servers to be looked at.
    mutating func next(at now: ContinuousClock.Instant) -> [VirtualServer.Key] {
        if round.isEmpty { (round, spent) = (byServer.keys.sorted(), .zero) }
        let keys = Array(round.suffix(Self.atOnce))
        round.removeLast(keys.count)
        return keys.filter { byServer[$0] != nil }
    }

    /// Notes what a look took. A round begins so late after the one before that looking takes a tenth of the time at most.
    mutating func looked(for duration: Duration, at now: ContinuousClock.Instant) {
        spent += duration
        guard round.isEmpty else { return }
        nextRound = isEmpty ? nil : now + max(Self.interval, spent * 9)
        // A deadline is kept to the second, however long a round takes.
        if let first = byServer.values.lazy.flatMap(\.values).map(\.deadline).min(), let next = nextRound, !isEmpty {
            nextRound = min(next, max(first, now + Self.interval))
        }
    }

    /// Takes in what a real server has.
    mutating func saw(_ connections: ConnectionCounts, of realServer: RealServer.Key, in key: VirtualServer.Key) {
        byServer[key]?[realServer]?.connections = connections
    }

    /// What of a virtual server's real servers is to stand without new connections.
    func resting(_ key: VirtualServer.Key) -> [RealServer.Key: RealServer.Configuration] { self[key].mapValues(\.configuration) }
}

/// Which drain: of which real server of which virtual server.
package struct DrainName: Hashable, Sendable {
    package var virtualServer: VirtualServer.Key
    package var realServer: RealServer.Key

    package init(_ virtualServer: VirtualServer.Key, _ realServer: RealServer.Key) {
        (self.virtualServer, self.realServer) = (virtualServer, realServer)
    }
}

/// What is remembered of a drain beside the kernel: whose it is, and until when.
package struct DrainRecord: Hashable, Sendable {
    package var virtualServer: VirtualServer.Key
    package var realServer: RealServer.Key
    package var began: Moment
    package var deadline: Moment
    package var owner: String
    package var reason: String

    package var name: DrainName { DrainName(virtualServer, realServer) }
}
