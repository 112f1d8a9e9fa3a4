internal import HealthModel
internal import NIOCore

/// The probes of one event loop: when they start, what is under way, and what they have come to. Used on that loop only.
///
/// There is one timer for all of them, and nothing for a probe but its place in two heaps.
final class ProbeLoop {
    private struct Slot {
        var probe: Probe
        var checker: any Checker
        var judgement: RiseAndFall
        var verdict = Verdict.unknown
        var hindrance: String?
        /// Counts checks, so that what an earlier one says late is not taken for this one's.
        var turn: UInt64 = 0
        var running: (any RunningCheck)?
        var isWaiting = false
    }

    private let loop: any EventLoop
    private let makeChecker: (Probe) throws(CheckerProblem) -> any Checker
    private let tell: (ProbeNews) -> Void
    private var slots: [Slot?] = []
    private var free: [Int] = []
    private var places: [Probe: Int] = [:]
    private var schedule = ProbeSchedule()
    /// When a check's time is over.
    private var deadlines = TimerHeap()
    private var timer: (at: Moment, task: Scheduled<Void>)?
    private var isStarting = false
    private var turns: UInt64 = 0
    private var figures = ProberFigures()

    init(
        loop: any EventLoop, checker makeChecker: @escaping (Probe) throws(CheckerProblem) -> any Checker,
        tell: @escaping (ProbeNews) -> Void
    ) {
        self.loop = loop
        self.makeChecker = makeChecker
        self.tell = tell
    }

    func begin(_ probe: Probe) {
        guard places[probe] == nil else { return }
        let checker: any Checker
        do throws(CheckerProblem) {
            checker = try makeChecker(probe)
        } catch {
            return tell(ProbeNews(probe: probe, verdict: .unknown, hindrance: error.description, at: .now))
        }
        let slot = Slot(probe: probe, checker: checker, judgement: RiseAndFall(rise: probe.rise, fall: probe.fall))
        let place: Int
        if let unused = free.popLast() {
            place = unused
            slots[place] = slot
        } else {
            place = slots.count
            slots.append(slot)
        }
        places[probe] = place
        figures.probes += 1
        schedule.begin(place, probe.timing, now: now, chance: .random(in: 0..<1))
        setTimer()
    }

    func end(_ probe: Probe) {
        guard let place = places.removeValue(forKey: probe) else { return }
        schedule.end(place)
        deadlines.remove(place)
        if slots[place]?.isWaiting == true { figures.underWay -= 1 }
        let running = slots[place]?.running
        slots[place] = nil
        free.append(place)
        figures.probes -= 1
        running?.end()
    }

    func endAll() {
        for probe in Array(places.keys) { end(probe) }
        timer?.task.cancel()
        timer = nil
    }

    /// What has come of it; how late starts were counts anew from here.
    func takeFigures() -> ProberFigures {
        defer {
            figures.latest = .zero
            figures.latestShare = 0
        }
        return figures
    }

    /// How many checks begin before the loop looks at its sockets again.
    private static let mostStarts = 512

    private var now: Moment { Moment(loop.now.uptimeNanoseconds) }

    /// Sets the one timer to what comes first.
    private func setTimer(notBefore: Moment = 0) {
        guard !isStarting, let first = [schedule.next, deadlines.first?.due].compactMap({ $0 }).min() else { return }
        let next = max(first, notBefore)
        if let timer {
            // One that comes too early finds nothing to do, and is set again.
            guard next < timer.at else { return }
            timer.task.cancel()
        }
        let task = loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(next, 0)))) { [weak self] in
            self?.timer = nil
            self?.work()
        }
        timer = (next, task)
    }

    private func work() {
        isStarting = true
        // What is due by now, and so many starts at most: where starting takes longer than there is time for, answers must be heard all the
        // same. What is left over is due a little later, so that the loop looks at its sockets first.
        let now = now
        while let due = deadlines.popDue(at: now) { isOver(due.slot, late: now - due.due) }
        var started = 0
        while started < Self.mostStarts, let due = schedule.take(now: now) {
            start(due.slot, due: due.due)
            started += 1
        }
        isStarting = false
        setTimer(notBefore: started < Self.mostStarts ? 0 : self.now + 100_000)
    }

    private func start(_ place: Int, due: Moment) {
        guard var slot = slots[place] else { return }
        if slot.isWaiting {
            // One that began late has its whole time all the same.
            if let deadline = deadlines[place], deadline > now { return schedule.postpone(place, to: deadline) }
            isOver(place)
        } else {
            slot.running?.end()
        }
        guard let again = slots[place] else { return }
        slot = again
        turns += 1
        let turn = turns
        slot.turn = turn
        slot.isWaiting = true
        slot.running = nil
        slots[place] = slot
        let began = now
        let late = Duration.nanoseconds(began - due)
        figures.begun += 1
        figures.underWay += 1
        figures.latest = max(figures.latest, late)
        figures.latestShare = max(figures.latestShare, Double(began - due) / Double(schedule.interval(of: place)))
        deadlines.set(place, due: began + Moment(slot.probe.timing.timeout))
        let running = slot.checker.begin { [weak self] outcome in self?.take(outcome, of: place, turn: turn) }
        // It may be over already, and then there is nothing to hold; but a connection may still be closing.
        if slots[place]?.turn == turn { slots[place]?.running = running } else { running.end() }
    }

    /// The time of what runs at a place is over.
    private func isOver(_ place: Int, late: Moment = 0) {
        deadlines.remove(place)
        guard let slot = slots[place], let running = slot.running else { return }
        slots[place]?.running = nil
        if slot.isWaiting {
            // Where this loop itself came much too late, an answer may have come that it had no time for.
            let isTooLate = late > max(Moment(slot.probe.timing.timeout) / 4, 50_000_000)
            take(isTooLate ? .hindered("this node is too busy to hear answers in time") : running.silence, of: place, turn: slot.turn)
        }
        running.end()
    }

    private func take(_ outcome: CheckOutcome, of place: Int, turn: UInt64) {
        guard var slot = slots[place], slot.turn == turn, slot.isWaiting else { return }
        slot.isWaiting = false
        figures.underWay -= 1
        var isNews = false
        switch outcome {
        case .good:
            figures.good += 1
            isNews = slot.judgement.take(isGood: true)
            if isNews { slot.verdict = .up }
        case .bad(let reason):
            figures.bad += 1
            isNews = slot.judgement.take(isGood: false)
            if isNews { slot.verdict = .down(reason) }
        case .hindered: figures.hindered += 1
        }
        let hindrance: String? = if case .hindered(let reason) = outcome { reason } else { nil }
        isNews = isNews || hindrance != slot.hindrance
        slot.hindrance = hindrance
        slots[place] = slot
        if slot.judgement.isChanging, hindrance == nil { schedule.hasten(place, now: now) }
        if isNews { tell(ProbeNews(probe: slot.probe, verdict: slot.verdict, hindrance: hindrance, at: .now)) }
        setTimer()
    }
}
