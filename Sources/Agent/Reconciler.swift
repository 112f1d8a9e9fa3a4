package import Addresses
import IPVSModel
package import Logging
package import NodeKernel
package import NodeModel
package import Planner
package import ServiceCompiler
package import ServiceModel

/// Brings the kernel to what is asked for, and keeps it there. The one place where operations are applied.
///
/// Not `Sendable`: one loop owns it and calls it for one thing after the other, so nothing here can interleave.
package final class Reconciler {
    private let kernel: any NodeKernel
    private let journal: any OwnershipJournal
    private let logger: Logger

    private var demand: Demand
    private var wanted: WantedState { demand.wanted }
    private var ownership: Ownership

    /// The kernel as it was last seen and has been changed since; nil until it was first looked at.
    private var observed: NodeState?
    private var unseen: ObservationScope = []
    /// Whether removals found by looking wait, because a bad document may stand for what they would remove.
    private var withholdsRemovals = false
    private var retries = RetrySchedule()
    /// What could not be seen when it was last looked for, so that it is not reported again while it stays so.
    private var observationFailures: [KernelFailure] = []

    /// How many Services have been compiled; so that tests can count what a change costs.
    package var compilations: Int { demand.compilations }

    /// What is wanted, in a few words: `3 virtual servers with 9 real servers on 2 addresses`.
    package var summary: String { wanted.summary }

    package init(
        kernel: any NodeKernel, compiler: ServiceCompiler, excluded: [IPPrefix] = [], journal: any OwnershipJournal, logger: Logger
    ) {
        self.kernel = kernel
        self.journal = journal
        self.logger = logger
        demand = Demand(compiler: compiler, logger: logger)
        ownership = Ownership(excluded: excluded)
    }

    /// What one turn did.
    package struct Round: Sendable {
        package var plan = Plan()
        package var failures: [OperationFailure] = []
        /// Parts of the kernel that could not be seen.
        package var observationFailures: [KernelFailure] = []

        package init() {}

        package var succeeded: Bool { failures.isEmpty && observationFailures.isEmpty }

        /// How many operations were carried out.
        package var done: Int { plan.operations.count + plan.conflicts.count - failures.count }
    }

    // MARK: What is asked for

    /// Takes in what has changed at a source, and applies what follows from it once the source has been read whole.
    package func take(_ update: SourceUpdate) async -> Round {
        let touched = demand.take(update)
        // A document that was bad from the first reading on has no last good version here, but may have one in the kernel.
        let isHeldBack = withholdsRemovals
        withholdsRemovals = demand.hasErrors && (observed == nil || isHeldBack)
        guard update.isSynced else { return Round() }
        if observed == nil {
            if withholdsRemovals { logger.warning("nothing is removed until every document can be read") }
            return await resync()
        }
        if isHeldBack, !withholdsRemovals { return await resync() }
        return await execute(plan(touched))
    }

    // MARK: What stands

    /// Looks at the kernel and applies whatever it takes. At the first time this adopts what stands there.
    package func resync(_ scope: ObservationScope = .everything) async -> Round {
        let isFirst = observed == nil
        let failures = await observe(scope)
        let plan = plan(everythingSeen(of: scope), isFoundByLooking: true)
        if !isFirst { reportDrift(plan) }
        var round = await execute(plan)
        round.observationFailures = failures
        return round
    }

    /// Removes from the kernel what is ours, and nothing else.
    package func cleanup() async -> Round {
        let failures = await observe(.everything)
        let plan = Planner.cleanup(observed: observed ?? NodeState(), ownership: ownership, linkName: wanted.base.linkName)
        var round = await execute(plan)
        round.observationFailures = failures
        return round
    }

    /// Sees what the plan would be, and changes nothing.
    package func preview() async -> Round {
        var round = Round()
        round.observationFailures = await observe(.everything)
        round.plan = plan(everythingSeen(of: .everything), isFoundByLooking: true)
        round.failures = round.plan.conflicts.map(\.failure)
        return round
    }

    /// All that is wanted or stands, within the parts of a scope that could be seen.
    private func everythingSeen(of scope: ObservationScope) -> Touched {
        Planner.everything(wanted: wanted, observed: observed ?? NodeState(), seen: scope.subtracting(unseen))
    }

    /// The plan for what was touched.
    ///
    /// The picture of the kernel is handed to the planner here and nowhere held on to: a second holder would have it copied whole when
    /// it is changed next.
    private func plan(_ touched: Touched, isFoundByLooking: Bool = false) -> Plan {
        guard let observed else { return Plan() }
        var plan = Planner.plan(touched, wanted: wanted, observed: observed, ownership: ownership, unseen: unseen)
        if isFoundByLooking, withholdsRemovals { plan.operations.removeAll(where: \.removesSomething) }
        return plan
    }

    private func observe(_ scope: ObservationScope) async -> [KernelFailure] {
        if observed == nil { ownership.remembered = journal.remembered(reporting: logger) }
        let observation = await kernel.observe(scope)
        if observed == nil { observed = NodeState() }
        observed?.take(observation.seen, from: observation.state)
        unseen.subtract(observation.seen)
        unseen.formUnion(scope.subtracting(observation.seen))
        for failure in observation.failures {
            logger.log(level: observationFailures.contains(failure) ? .debug : .error, "cannot see the kernel's state: \(failure)")
        }
        observationFailures = observation.failures
        if !observation.failures.isEmpty { retries.failed(looking: scope.subtracting(observation.seen)) }
        return observation.failures
    }

    /// Takes in what the kernel announced. The agent's own changes are in its picture already and touch nothing.
    package func take(_ news: KernelNews) async -> Round {
        guard observed != nil else { return Round() }
        if news.isLost { return await resync(.link) }
        var touched = Touched()
        if let link = news.link, observed?.link != link {
            observed?.link = link
            if link == .absent { observed?.addresses = [] }
            touched.base = .link
            touched.addresses.formUnion(wanted.addresses)
        }
        for (address, isBound) in news.addresses where observed?.addresses.contains(address) != isBound {
            if isBound { observed?.addresses.insert(address) } else { observed?.addresses.remove(address) }
            touched.addresses.insert(address)
        }
        for (address, link) in news.otherAddresses where observed?.otherAddresses[address] != link {
            observed?.otherAddresses[address] = link
            touched.addresses.insert(address)
        }
        let plan = plan(touched)
        reportDrift(plan)
        return await execute(plan)
    }

    private func reportDrift(_ plan: Plan) {
        for operation in plan.operations where !retries.knows(operation) { logger.warning("drift: \(operation)") }
    }

    // MARK: Applying

    /// How long to wait before `retry()`; nil where nothing has failed.
    package var retryDelay: Duration? { retries.delay }

    /// Tries once more what has failed.
    package func retry() async -> Round {
        var (touched, scope) = retries.take()
        let failures = scope.isEmpty ? [] : await observe(scope)
        touched.formUnion(everythingSeen(of: scope))
        var round = await execute(plan(touched, isFoundByLooking: true))
        round.observationFailures = failures
        return round
    }

    private func execute(_ plan: Plan) async -> Round {
        var round = Round()
        round.plan = plan
        round.failures = plan.conflicts.map(\.failure)
        guard !plan.isEmpty || !round.failures.isEmpty else {
            retries.settle()
            return round
        }
        remember(plan.untoldVirtualServers(given: observed ?? NodeState(), ownership: ownership))
        for stage in plan.stages {
            let (possible, impossible) = stage.withoutDependants(of: round.failures, given: observed ?? NodeState())
            round.failures += impossible
            let failures = possible.isEmpty ? [] : await kernel.apply(possible)
            note(possible, failures)
            round.failures = (round.failures + failures).namingDependants
        }
        forgetTold()
        for failure in round.failures {
            let isOldNews = retries.knows(failure.operation) || failure.failure.cause == .dependency
            logger.log(level: isOldNews ? .debug : .error, "\(failure)")
        }
        retries.record(round.failures)
        return round
    }

    private func note(_ operations: [Operation], _ failures: [OperationFailure]) {
        var failed = failures[...]
        for operation in operations {
            if failed.first?.operation == operation { failed.removeFirst() } else { observed?.apply(operation) }
        }
    }

    /// Writes down virtual servers that nothing in the kernel will show to be ours, before they stand.
    private func remember(_ keys: Set<VirtualServer.Key>) {
        guard !keys.isSubset(of: ownership.remembered) else { return }
        ownership.remembered.formUnion(keys)
        journal.remember(ownership.remembered, reporting: logger)
    }

    /// Forgets those that the kernel shows to be ours again, and those that are gone.
    private func forgetTold() {
        guard !ownership.remembered.isEmpty, let observed else { return }
        let untold = ownership.remembered.filter { observed.virtualServers[$0] != nil && !ownership.isTold($0, in: observed) }
        guard untold != ownership.remembered else { return }
        ownership.remembered = untold
        journal.remember(untold, reporting: logger)
    }
}
