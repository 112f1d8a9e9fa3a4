package import HealthModel
import IPVSModel
import NodeModel
import Planner

/// What is held of backends: it changes what is wanted, and the kernel follows from that.
extension Reconciler {
    /// Takes in what probes came to.
    package func take(_ news: [ProbeNews]) async -> Round { await follow(demand.take(news)) }

    /// Takes in what people say of backends now.
    func take(hands: HandStates) async -> Round { await follow(demand.take(hands: hands, at: wallClock())) }

    /// Takes in what is remembered of that.
    package func take(_ administration: Administration) async -> Round {
        guard let hands = administration.takeNew() else { return Round() }
        return await take(hands: hands)
    }

    /// What whoever probes has yet to be told.
    package func takeProbeChanges() -> (begin: [Probe], end: [Probe])? { hasLooked ? demand.takeProbeChanges() : nil }

    /// Begins, or ends, to look at the counters of Services whose policy asks for it.
    func followWatching() {
        if demand.backends.watching.isEmpty { passive.end() } else { passive.begin(at: now()) }
    }

    private func follow(_ touched: Touched) async -> Round { hasLooked ? await apply(touched) : Round() }

    /// What an earlier agent left is kept: real servers without traffic until their first verdict, and drains with their deadlines.
    func adoptBackends(_ touched: inout Touched) {
        touched.formUnion(demand.hold(standing: picture.state))
        followWatching()
        // What an earlier agent may have had no time for.
        staleFlows.lookSoon(at: now())
        // What a bad document stands for is not known, so nothing that is missing may be let go.
        if !withholdsRemovals { beginDrains(&touched) }
    }

    /// Whether backends have work of their own to be done now.
    var hasBackendWork: Bool {
        let time = now()
        if let due = passiveDue, due <= time { return true }
        return drains.isDue(at: time) || staleFlows.isDue(at: time) || demand.backends.nextStep.map { $0 <= time } ?? false
    }

    /// Does one piece of it.
    func workOnBackends() async -> Round {
        if let step = demand.backends.nextStep, step <= now() { return await apply(demand.takeSteps()) }
        if drains.isDue(at: now()) { return await drainOn() }
        if let due = passiveDue, due <= now() { return await watchPassively() }
        await endStaleFlows()
        return Round()
    }
}
