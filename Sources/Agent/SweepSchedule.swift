import IPVSModel
import NodeKernel
import NodeModel
import Planner

/// The sweep that is under way, the one that is to come, and how the last one went.
struct SweepSchedule {
    private let linkName: String
    private var sweep: Sweep?
    private var number = 0
    private var began: ContinuousClock.Instant?
    /// Whether one is to begin.
    private(set) var isDue = false
    /// Whether the kernel has been passed whole, and only suspects are left.
    var isPassed = false
    /// When the last one ended, how long it took, and how many differences were found meanwhile.
    private(set) var last: (ended: ContinuousClock.Instant, took: Duration, found: Int)?
    /// How many had been found when this one began.
    private var foundBefore = 0

    init(linkName: String) { self.linkName = linkName }

    var isUnderWay: Bool { sweep != nil }
    /// Parts that this sweep could not see.
    var hidden: ObservationScope { sweep?.hidden ?? [] }

    /// Has a sweep begin as soon as none is under way.
    mutating func beginSoon() { isDue = true }

    mutating func begin(at now: ContinuousClock.Instant, found: Int) {
        foundBefore = found
        sweep = Sweep(number: number, linkName: linkName)
        number += 1
        (isDue, isPassed, began) = (false, false, now)
    }

    mutating func end(at now: ContinuousClock.Instant, found: Int) {
        if let began { last = (now, now - began, found - foundBefore) }
        (sweep, began) = (nil, nil)
    }

    mutating func leaveOut(_ operation: Operation) { sweep?.leaveOut(operation) }
    mutating func leaveOut(_ parts: ObservationScope) { sweep?.leaveOut(parts) }
    mutating func leaveOut(_ drift: Drift) { sweep?.leaveOut(drift) }

    mutating func take(_ sighting: Sighting, picture: NodeState, wanted: WantedState) -> [Drift] {
        sweep?.take(sighting, picture: picture, wanted: wanted) ?? []
    }

    /// Whether so many wait for an exact look.
    func hasSuspects(atLeast count: Int) -> Bool { (sweep?.suspectCount ?? 0) >= (isPassed ? 1 : count) }

    mutating func takeSuspects(_ most: Int) -> [VirtualServer.Key] { sweep?.takeSuspects(most) ?? [] }
}
