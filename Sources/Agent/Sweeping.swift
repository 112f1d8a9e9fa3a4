import IPVSModel
package import NodeKernel
import NodeModel
import Planner

/// Looking at everything again and again, in slices.
extension Reconciler {
    /// Has a sweep begin with the next slice; one that is under way goes on instead.
    package func beginSweep() {
        guard hasLooked, !sweeps.isUnderWay else { return }
        sweeps.beginSoon()
    }

    /// Whether there is a slice of work to be done now.
    package var hasWork: Bool { hasLooked && (sweeps.isUnderWay || sweeps.isDue || hasUrgentWork) }

    /// Whether that is a slice of a sweep, and nothing else.
    var isOnlySweeping: Bool { hasLooked && sweeps.isUnderWay && !hasUrgentWork }

    private var hasUrgentWork: Bool { hasBackendWork || !mending.isEmpty || nextDue.map { $0 <= now() } ?? false }

    /// When there will be work that waits for its time.
    package var nextDue: ContinuousClock.Instant? {
        [ledger.due, echoes.due, drains.due, staleFlows.due, passiveDue, demand.backends.nextStep].compactMap(\.self).min()
    }

    /// Does one slice of what takes long: puts something right, or looks at a piece of the kernel.
    package func work() async -> Round {
        guard hasLooked else { return Round() }
        if hasBackendWork { return await workOnBackends() }
        for drift in echoes.judgeDoubts(picture: picture.state, at: now()) { mending.append(found(drift)) }
        resumeDelayed()
        if !mending.isEmpty { return await mend() }
        if sweeps.isDue, !sweeps.isUnderWay {
            let passes = sweeps.begin(
                at: now(), found: report.total, standing: picture.state.virtualServers,
                isHidden: hiddenParts.scope.contains(.virtualServers))
            await kernel.beginSweep(passingServers: passes)
        }
        if sweeps.isUnderWay { await sweepOn() }
        return Round()
    }

    /// One slice of the sweep: an exact look at those that are suspected, or the next sightings.
    private func sweepOn() async {
        if sweeps.hasSuspects(atLeast: Self.exactAtOnce) { return await lookAtSuspects() }
        guard let sightings = await kernel.nextSightings() else {
            sweeps.isPassed = true
            if sweeps.hasSuspects(atLeast: 1) { return await lookAtSuspects() }
            return endSweep()
        }
        for sighting in sightings {
            switch sighting {
            case .hidden(let scope, let failure): tell(hiddenParts.take(scope, hidden: failure, at: now()))
            case .passed(let scope): tell(hiddenParts.take(seen: scope.subtracting(sweeps.hidden).intersection(adopted)))
            default: break
            }
            // A part that was never seen whole has yet to be adopted: the retry does that.
            guard adopted.contains(sighting.scope) else { continue }
            for drift in sweeps.take(sighting, picture: picture.state, wanted: wanted) { mending.append(found(drift)) }
        }
    }

    private func lookAtSuspects() async {
        let failures = await lookExactly(at: sweeps.takeSuspects(Self.exactAtOnce)) { _, drifts in
            for drift in drifts ?? [] { mending.append(found(drift)) }
        }
        if !failures.isEmpty { sweeps.exactLookFailed() }
    }

    private func endSweep() {
        sweeps.end(at: now(), found: report.total)
        // Rules name sets, so what is wrong with these is put right first.
        rules.begin()
        endReport()
    }

    // MARK: Rules

    /// A look at the rules, which starts processes and so is made beside the loop; nil where there is none to be made.
    package func nextRuleLook() -> RuleLook? { rules.next() }

    /// Takes in what such a look saw.
    package func take(_ observation: Observation, of look: RuleLook) async -> Round {
        guard adopted.contains(.rules), observation.seen.contains(.rules) else {
            rules.end(look)
            if adopted.contains(.rules) { tell(hiddenParts.take(observation, of: .rules, at: now())) }
            return Round()
        }
        tell(hiddenParts.take(seen: .rules))
        for drift in rules.take(observation.state.rules, of: look, picture: picture.state) { mending.append(found(drift)) }
        return await mend()
    }
}
