package import Addresses
import IPVSModel
package import Logging
package import NodeKernel
import NodeModel
package import Planner
package import ServiceCompiler
package import ServiceModel
package import Telemetry

/// Brings the kernel to what is asked for, and keeps it there. The one place where operations are applied.
///
/// Not `Sendable`: one loop owns it and calls it for one thing after the other, so nothing here can interleave. What takes long (to look
/// at everything, to put right what has drifted) is done in slices, by ``work()``: a change waits for one of them at most.
package final class Reconciler {
    let kernel: any NodeKernel
    private let journal: any OwnershipJournal
    /// What kernel settings were before; nil where nobody is to remember.
    private let originals: SysctlOriginals?
    /// What could not be set, and is not needed. It is said once.
    private var advised: Set<Operation> = []
    let logger: Logger
    let events: EventLog
    /// The time between sweeps.
    let period: Duration
    /// The time; tests have one of their own.
    let now: () -> ContinuousClock.Instant
    /// The time as other processes, and this one after a restart, understand it.
    let wallClock: () -> Moment

    var demand: Demand
    var wanted: WantedState { demand.wanted }
    private(set) var ownership: Ownership

    /// The kernel as it was last seen and has been changed since.
    ///
    /// It is handed to others and nowhere held on to: a second holder would have it copied whole when it is changed next.
    var picture = Picture()
    /// Whether the kernel has been looked at.
    private(set) var hasLooked = false
    /// Whether other links have come to hold other addresses than those that Services were last compiled with.
    var nodeAddressesChanged = false
    /// The parts of it that have been seen whole.
    var adopted: ObservationScope = []
    /// Whether removals found by looking wait, because a bad document may stand for what they would remove.
    private(set) var withholdsRemovals = false
    /// What these removals are about.
    private var withheld = Touched()

    var retries = RetrySchedule()
    var hiddenParts = HiddenParts()
    /// Why virtual servers could not be looked at exactly the last time.
    var exactFailure: KernelFailure?
    var sweeps: SweepSchedule
    var rules = RuleLooks()
    var echoes: LinkEchoes
    var ledger: DriftLedger
    var mending = MendingQueue()
    /// What has drifted and is left alone for now (see ``DriftLedger``).
    var delayed: [Drift.Subject: Touched] = [:]
    var report: DriftReport
    /// What rests until its connections are over.
    var drains = Drains()
    var addressHolds = AddressHolds()
    /// What was remembered of drains when the agent came, as far as it has not been met yet.
    var recordedDrains: [VirtualServer.Key: [RealServer.Key: DrainRecord]] = [:]
    /// Keys of which it is still to be written down whether they are remembered.
    private var unwrittenKeys: Set<VirtualServer.Key> = []
    /// Those that have begun and have not been told of.
    var begunDrains: [(VirtualServer.Key, RealServer.Key, Drain)] = []
    /// Real servers that are judged by what their clients get.
    var passive = PassiveWatch()
    /// Flows that are to be forgotten since their server is gone.
    var staleFlows = StaleFlows()
    /// Whether connections of what goes are waited for at all. Who does one thing and ends cannot.
    package var waitsForConnections = true
    /// Whether what comes to stand as it is wanted is held once from now on.
    private var savesMemory = false
    /// Whether nothing is to be written, told or remembered.
    private(set) var isPreviewing = false

    /// Where the time went so far.
    package internal(set) var times = StepTimes()

    /// How many Services have been compiled; so that tests can count what a change costs.
    package var compilations: Int { demand.compilations }

    /// What is wanted, in a few words: `3 virtual servers with 9 real servers on 2 addresses`.
    package var summary: String { demand.summary }

    /// Looks at nothing yet. The period is the time between sweeps, which delays of recurring repairs are multiples of.
    package init(
        kernel: any NodeKernel, compiler: ServiceCompiler, excluded: [IPPrefix] = [], journal: any OwnershipJournal,
        originals: SysctlOriginals? = nil, period: Duration = .seconds(30), logger: Logger, events: EventLog = EventLog(),
        now: @escaping () -> ContinuousClock.Instant = { ContinuousClock.now }, wallClock: @escaping () -> Moment = { Moment.now }
    ) {
        self.kernel = kernel
        self.journal = journal
        self.originals = originals
        self.logger = logger
        self.events = events
        self.now = now
        self.wallClock = wallClock
        demand = Demand(compiler: compiler, logger: logger, events: events, now: now)
        ownership = Ownership(excluded: excluded, firewallMarks: compiler.settings.firewallMarks.range)
        let linkName = compiler.base().linkName
        sweeps = SweepSchedule(linkName: linkName)
        echoes = LinkEchoes(linkName: linkName)
        self.period = period
        ledger = DriftLedger(period: period)
        report = DriftReport(logger: logger, events: events)
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
        let began = ContinuousClock.now
        var touched = demand.take(update, isLookAhead: !hasLooked)
        times.compiling += .now - began
        // A document that was bad from the first reading on has no last good version here, but may have one in the kernel.
        let isHeldBack = withholdsRemovals
        withholdsRemovals = demand.hasErrors && (!hasLooked || isHeldBack)
        guard update.isSynced else { return Round() }
        if !hasLooked {
            if withholdsRemovals { logger.warning("nothing is removed until every document can be read") }
            return await adopt()
        }
        if isHeldBack, !withholdsRemovals {
            touched.formUnion(withheld)
            withheld = Touched()
        }
        return await apply(touched)
    }

    // MARK: What stands

    /// Looks at everything for the first time, adopts what stands, and applies whatever it takes.
    private func adopt() async -> Round {
        var (touched, failures) = await look(at: .everything)
        touched.formUnion(demand.take(standing: picture.state.sets))
        adviseOnReadOnlySettings()
        var round = await execute(plan(touched, isFoundByLooking: true))
        round.observationFailures = failures
        return round
    }

    /// Sees what the plan would be, and changes nothing.
    package func preview() async -> Round {
        isPreviewing = true
        defer { isPreviewing = false }
        var round = Round()
        var (touched, failures) = await look(at: .everything)
        touched.formUnion(demand.take(standing: picture.state.sets))
        round.observationFailures = failures
        round.plan = plan(touched, isFoundByLooking: true)
        round.failures = round.plan.conflicts.map(\.failure)
        return round
    }

    /// Removes from the kernel what is ours, and nothing else.
    package func cleanup() async -> Round {
        let observation = await observe(.everything)
        picture.take(observation.seen, from: observation.state)
        var plan = Planner.cleanup(observed: picture.state, ownership: ownership, linkName: wanted.base.linkName)
        plan.operations += originals?.restoring(observed: picture.state, reporting: logger) ?? []
        var round = await execute(plan, isCleaningUp: true)
        round.observationFailures = observation.failures
        return round
    }

    /// Sets the kernel's settings alone, for an agent that will run without the right to.
    package func prepare() async -> Round {
        let observation = await observe(.sysctls)
        picture.take(observation.seen, from: observation.state)
        adviseOnReadOnlySettings()
        var touched = Touched()
        touched.base = .sysctls
        var round = await execute(plan(touched))
        round.observationFailures = observation.failures
        return round
    }

    /// The plan for what was touched.
    func plan(_ touched: Touched, isFoundByLooking: Bool = false) -> Plan {
        guard hasLooked else { return Plan() }
        var touched = touched
        touched.formUnion(followNodeAddresses())
        guard !touched.isEmpty else { return Plan() }
        let began = ContinuousClock.now
        defer { times.planning += .now - began }
        var plan = Planner.plan(touched, wanted: wanted, observed: picture.state, ownership: ownership, unseen: hiddenParts.scope)
        guard isFoundByLooking, withholdsRemovals else { return plan }
        for operation in plan.operations where operation.removesSomething { withheld.insert(operation) }
        plan.operations.removeAll(where: \.removesSomething)
        return plan
    }

    /// What this node has for Services with local policies, as far as that is news.
    func takeLocalNews() -> [LocalServices.News] { demand.locals.takeNews() }

    /// Has the Services that depend on the node's own addresses follow them, and says what that touched.
    func followNodeAddresses() -> Touched {
        guard nodeAddressesChanged else { return Touched() }
        nodeAddressesChanged = false
        return demand.take(nodeAddresses: Set(picture.state.otherAddresses.keys))
    }

    /// Looks at parts of the kernel whole.
    func observe(_ scope: ObservationScope) async -> Observation {
        let began = ContinuousClock.now
        defer { times.looking += .now - began }
        if !hasLooked {
            let content = journal.remembered(reporting: logger)
            ownership.remembered = content.virtualServers
            for record in content.drains.values { recordedDrains[record.virtualServer, default: [:]][record.realServer] = record }
        }
        let observation = await kernel.observe(scope, expecting: hasLooked ? nil : demand.wanted.expected)
        hasLooked = true
        tell(hiddenParts.take(observation, of: scope, at: now()))
        let unseen = scope.subtracting(observation.seen)
        if !unseen.isEmpty { retries.failed(looking: unseen) }
        return observation
    }

    /// Lets go of memory that only coming into force needed.
    func saveMemory() {
        picture.share(with: wanted)
        ProcessMemory.giveBack()
        savesMemory = true
    }

    // MARK: Applying

    /// How long to wait before `retry()`; nil where nothing has failed.
    package var retryDelay: Duration? { retries.delay }

    func execute(_ plan: Plan, isCleaningUp: Bool = false) async -> Round {
        var round = Round()
        round.plan = plan
        var succeeded: [Operation] = []
        round.failures = plan.conflicts.map(\.failure)
        if !plan.isEmpty {
            let began = ContinuousClock.now
            defer { times.applying += .now - began }
            remember(plan.untoldVirtualServers(given: picture.state, ownership: ownership))
            let mayRecover = retries.remembersFailures
            if !isCleaningUp { originals?.remember(plan.operations, observed: picture.state, reporting: logger) }
            for stage in plan.stages {
                let (possible, impossible) = stage.withoutDependants(of: round.failures, given: picture)
                round.failures += impossible
                let failures = possible.isEmpty ? [] : await kernel.apply(possible)
                let time = now()
                note(possible, failures) {
                    staleFlows.note($0, at: time)
                    if mayRecover { succeeded.append($0) }
                }
                round.failures = (round.failures + withoutAdvice(failures)).namingDependants
            }
            if savesMemory { picture.share(plan.touched.virtualServers, with: wanted) }
            forgetTold()
        }
        tellBegunDrains()
        let news = retries.record(round.failures, at: now())
        let newOperations = Set(news.map(\.operation))
        for failure in round.failures {
            let isNews = newOperations.contains(failure.operation) && failure.failure.cause != .dependency
            logger.log(level: isNews ? .error : .debug, "\(failure)")
        }
        tell(failed: news)
        tell(recovered: retries.settle(succeeded))
        return round
    }

    /// Names what would be better otherwise, and is not this process's to change.
    private func adviseOnReadOnlySettings() {
        let state = picture.state
        for (name, wish) in wanted.base.sysctls.sorted(by: { $0.key < $1.key }) {
            guard wish.isAdvised, state.readOnlySysctls.contains(name), !wish.isMet(by: state.sysctls[name]) else { continue }
            let remedy = "set it on the machine itself: sysctl -w \(name)=\(wish.value)"
            logger.warning("\(name) is \(state.sysctls[name] ?? "unreadable") and may not be changed from here; \(remedy)")
        }
    }

    /// The failures without those to set what balancing does not need, which are said once, and not tried again.
    private func withoutAdvice(_ failures: [OperationFailure]) -> [OperationFailure] {
        failures.filter { failure in
            guard case .setSysctl(let name, _) = failure.operation, wanted.base.sysctls[name]?.isAdvised == true else { return true }
            if advised.insert(failure.operation).inserted {
                logger.warning("\(failure)")
                events.post(.operationFailed, about: "sysctl \(name)", "\(failure)", remedy: failure.failure.remedy)
            }
            return false
        }
    }

    /// Takes what was done into the picture, and hands it over.
    private func note(_ operations: ArraySlice<Operation>, _ failures: [OperationFailure], _ done: (Operation) -> Void) {
        var failed = failures[...]
        let time = now()
        for operation in operations {
            // One that failed may have had an effect all the same.
            sweeps.leaveOut(operation)
            if case .changeRules = operation { rules.changed() }
            if failed.first?.operation == operation {
                failed.removeFirst()
            } else {
                picture.apply(operation)
                echoes.note(operation, at: time)
                done(operation)
            }
        }
    }

    /// Writes down virtual servers that nothing in the kernel will show to be ours, before they stand.
    func remember(_ keys: Set<VirtualServer.Key>) {
        guard !keys.isSubset(of: ownership.remembered) else { return }
        unwrittenKeys.formUnion(keys.subtracting(ownership.remembered))
        ownership.remembered.formUnion(keys)
        writeJournal()
    }

    /// Writes down what has changed of what the kernel does not show.
    func writeJournal() {
        var change = JournalChange()
        for key in unwrittenKeys {
            if ownership.remembered.contains(key) { change.virtualServers.insert(key) } else { change.forgotten.insert(key) }
        }
        unwrittenKeys = []
        for name in drains.takeUnwritten() {
            if let record = record(of: name) {
                change.drains.append(record)
            } else if recordedDrains[name.virtualServer]?[name.realServer] == nil {
                change.ended.append(name)
            }
        }
        guard !change.isEmpty else { return }
        journal.remember(change, of: { journalContent }, reporting: logger)
    }

    /// All that the kernel does not show.
    private var journalContent: JournalContent {
        var content = JournalContent(virtualServers: ownership.remembered)
        // What has not been met yet may be met later, when a part of the kernel can be seen, or a document can be read.
        for records in recordedDrains.values { for record in records.values { content.drains[record.name] = record } }
        for (key, realServers) in drains.byServer {
            for realServer in realServers.keys {
                let name = DrainName(key, realServer)
                content.drains[name] = record(of: name)
            }
        }
        return content
    }

    /// Forgets those that the kernel shows to be ours again, and those that are gone.
    private func forgetTold() {
        guard !ownership.remembered.isEmpty else { return }
        let untold = ownership.remembered.filter {
            picture.state.virtualServers[$0] != nil && !ownership.isTold($0, in: picture.state)
        }
        guard untold != ownership.remembered else { return }
        unwrittenKeys.formUnion(ownership.remembered.subtracting(untold))
        ownership.remembered = untold
        writeJournal()
    }
}
