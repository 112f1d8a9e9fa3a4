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

    private var catalog = ServiceCatalog()
    private var compiler: ServiceCompiler
    private var wanted: WantedState
    private var ownership: Ownership
    private var compileProblems: [ObjectName: [SourceProblem]] = [:]

    /// The kernel as it was last seen and has been changed since; nil until it was first looked at.
    private var observed: NodeState?
    private var unseen: ObservationScope = []
    /// Whether removals found by looking wait, because a bad document may stand for what they would remove.
    private var withholdsRemovals = false
    private var retries = RetrySchedule()

    /// How many Services have been compiled; so that tests can count what a change costs.
    package private(set) var compilations = 0

    package init(
        kernel: any NodeKernel, compiler: ServiceCompiler, excluded: [IPPrefix] = [], journal: any OwnershipJournal, logger: Logger
    ) {
        self.kernel = kernel
        self.compiler = compiler
        self.journal = journal
        self.logger = logger
        wanted = WantedState(base: compiler.base())
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
    }

    /// What is wanted, in a few words: `3 virtual servers with 9 real servers on 2 addresses`.
    package var summary: String {
        func counted(_ count: Int, _ thing: String, _ things: String) -> String { "\(count) \(count == 1 ? thing : things)" }
        let realServers = wanted.virtualServerKeys.reduce(0) { $0 + (wanted.virtualServer($1)?.realServers.count ?? 0) }
        return counted(wanted.virtualServerKeys.count, "virtual server", "virtual servers") + " with "
            + counted(realServers, "real server", "real servers") + " on " + counted(wanted.addresses.count, "address", "addresses")
    }

    // MARK: What is asked for

    /// Takes in what has changed at a source, and applies what follows from it once the source has been read whole.
    package func take(_ update: SourceUpdate) async -> Round {
        let touched = compile(catalog.take(update))
        report(update.problems)
        let hasErrors = update.problems?.contains(where: \.isError)
        // A document that was bad from the first reading on has no last good version here, but may have one in the kernel.
        if observed == nil, let hasErrors { withholdsRemovals = hasErrors }
        guard update.isSynced else { return Round() }
        guard let observed else {
            if withholdsRemovals { logger.warning("nothing is removed until every document can be read") }
            return await resync()
        }
        if withholdsRemovals, hasErrors == false {
            withholdsRemovals = false
            return await resync()
        }
        return await execute(Planner.plan(touched, wanted: wanted, observed: observed, ownership: ownership))
    }

    private func compile(_ changed: ServiceCatalog.Touched) -> Touched {
        var touched = Touched()
        var services = changed.services
        if changed.nodes.contains(compiler.node.name) {
            let before = compiler
            compiler.node.take(catalog.nodes[compiler.node.name])
            if compiler != before {
                services.formUnion(catalog.services.keys)
                wanted.base = compiler.base()
                touched.base = .rules
            }
        }
        for name in services { touched.formUnion(compile(name)) }
        return touched
    }

    private func compile(_ name: ObjectName) -> Touched {
        compilations += 1
        let result = catalog.services[name].map { compiler.compile($0, slices: catalog.slices(of: name)) }
        let touched = wanted.replace(result?.share, of: name.description)
        let lost = wanted.lostClaims(of: name.description).map { key, winner in
            SourceProblem(
                place: "Service \(name)", message: "\(key) belongs to Service \(winner), which is older; it passes over when that goes")
        }
        let problems = (result?.problems ?? []) + lost
        if problems != compileProblems[name, default: []] {
            for problem in problems { logger.warning("\(problem)") }
        }
        compileProblems[name] = problems.isEmpty ? nil : problems
        return touched
    }

    private func report(_ problems: [SourceProblem]?) {
        for problem in problems ?? [] {
            if problem.isError { logger.error("\(problem)") } else { logger.notice("\(problem)") }
        }
    }

    // MARK: What stands

    /// Looks at the kernel and applies whatever it takes. At the first time this adopts what stands there.
    package func resync(_ scope: ObservationScope = .everything) async -> Round {
        let isFirst = observed == nil
        let failures = await observe(scope)
        guard let observed else { return Round() }
        let plan = fullPlan(observed, seen: scope.subtracting(unseen))
        if !isFirst { reportDrift(plan) }
        var round = await execute(plan)
        round.observationFailures = failures
        return round
    }

    /// Removes from the kernel what is ours, and nothing else.
    package func cleanup() async -> Round {
        let failures = await observe(.everything)
        guard let observed else { return Round() }
        var round = await execute(Planner.cleanup(observed: observed, ownership: ownership, linkName: wanted.base.linkName))
        round.observationFailures = failures
        return round
    }

    /// Sees what the plan would be, and changes nothing.
    package func preview() async -> Round {
        var round = Round()
        round.observationFailures = await observe(.everything)
        if let observed { round.plan = fullPlan(observed, seen: ObservationScope.everything.subtracting(unseen)) }
        return round
    }

    private func fullPlan(_ observed: NodeState, seen: ObservationScope) -> Plan {
        var plan = Planner.plan(wanted: wanted, observed: observed, ownership: ownership, seen: seen)
        if withholdsRemovals { plan.operations.removeAll(where: \.removesSomething) }
        return plan
    }

    private func observe(_ scope: ObservationScope) async -> [KernelFailure] {
        if observed == nil { ownership.remembered = journal.remembered(reporting: logger) }
        let observation = await kernel.observe(scope)
        var state = observed ?? NodeState()
        state.take(observation.seen, from: observation.state)
        observed = state
        unseen.subtract(observation.seen)
        unseen.formUnion(scope.subtracting(observation.seen))
        for failure in observation.failures { logger.error("cannot see the kernel's state: \(failure)") }
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
        guard !touched.isEmpty, let observed else { return Round() }
        let plan = Planner.plan(touched, wanted: wanted, observed: observed, ownership: ownership)
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
        guard let observed else { return Round() }
        touched.formUnion(Planner.everything(wanted: wanted, observed: observed, seen: scope.subtracting(unseen)))
        var plan = Planner.plan(touched, wanted: wanted, observed: observed, ownership: ownership)
        if withholdsRemovals { plan.operations.removeAll(where: \.removesSomething) }
        var round = await execute(plan)
        round.observationFailures = failures
        return round
    }

    private func execute(_ plan: Plan) async -> Round {
        var round = Round()
        round.plan = plan
        guard !plan.isEmpty, let before = observed else {
            retries.settle()
            return round
        }
        remember(plan.unboundVirtualServers(given: before))
        for stage in plan.stages {
            let (possible, impossible) = stage.withoutDependants(of: round.failures, given: observed ?? before)
            round.failures += impossible
            let failures = await kernel.apply(possible)
            note(possible, failures)
            round.failures += failures.namingDependants
        }
        forgetBound()
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

    /// Writes down virtual servers that will stand on an unbound address, before they do.
    private func remember(_ keys: Set<VirtualServer.Key>) {
        guard !keys.isSubset(of: ownership.remembered) else { return }
        ownership.remembered.formUnion(keys)
        journal.remember(ownership.remembered, reporting: logger)
    }

    /// Forgets those whose address tells again whose they are, and those that are gone.
    private func forgetBound() {
        guard !ownership.remembered.isEmpty, let observed else { return }
        let unbound = ownership.remembered.filter { key in
            observed.virtualServers[key] != nil && !(key.address.map(observed.addresses.contains) ?? false)
        }
        guard unbound != ownership.remembered else { return }
        ownership.remembered = unbound
        journal.remember(unbound, reporting: logger)
    }
}
