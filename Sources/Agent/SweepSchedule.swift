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

    /// Of how many virtual servers each sweep passes by all that stand. For every datagram, which shows ninety, the kernel walks its table from the
    /// beginning (`ip_vs_genl_dump_services`): of more it takes milliseconds for each, and a change would wait for it.
    var mostPassed = 32_768
    /// Of more, those that are known are looked at exactly, one by one, and every so many sweeps passes by all, for those that others have added.
    static let turnsToPass = 10
    /// Whether the next one passes by all in any case.
    private var mustPass = false

    init(linkName: String) { self.linkName = linkName }

    var isUnderWay: Bool { sweep != nil }
    /// Parts that this sweep could not see.
    var hidden: ObservationScope { sweep?.hidden ?? [] }

    /// Has a sweep begin as soon as none is under way.
    mutating func beginSoon() { isDue = true }

    /// Begins one, and says whether it is to pass by virtual servers.
    mutating func begin(
        at now: ContinuousClock.Instant, found: Int, standing: [VirtualServer.Key: VirtualServerState], isHidden: Bool
    ) -> Bool {
        foundBefore = found
        number += 1
        let passes = mustPass || isHidden || standing.count <= mostPassed || number.isMultiple(of: Self.turnsToPass)
        sweep = Sweep(number: number, linkName: linkName, suspects: passes ? nil : Array(standing.keys))
        (isDue, isPassed, began, mustPass) = (false, false, now, false)
        return passes
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

    /// Takes in that some could not be looked at. Where all were to be, the rest is left to the next sweep, which then passes by them: a kernel that
    /// does not answer would not answer for any.
    mutating func exactLookFailed() { if sweep?.giveUpLookingAtAll() == true { mustPass = true } }

    mutating func takeSuspects(_ most: Int) -> [VirtualServer.Key] { sweep?.takeSuspects(most) ?? [] }
}
