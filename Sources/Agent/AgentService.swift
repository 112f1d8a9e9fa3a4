package import Addresses
package import HealthModel
package import Logging
package import NodeKernel
import NodeModel
import Planner
package import ServiceCompiler
import ServiceLifecycle
package import ServiceModel
package import Telemetry

/// The agent: follows a source and the kernel's announcements, looks at the kernel at an interval, and keeps it right.
///
/// One loop does one thing after the other; everything else posts to its mailbox. What takes long it does in slices, a slice a turn, and what
/// is in the mailbox comes first. Ending it leaves the kernel as it is.
package struct AgentService: ServiceLifecycle.Service {
    package var kernel: any NodeKernel
    package var source: any ServiceSource
    package var compiler: ServiceCompiler
    package var excluded: [IPPrefix]
    package var journal: FileJournal
    package var originals: SysctlOriginals?
    /// How often a look at the kernel's whole state begins.
    package var syncPeriod: Duration
    /// The least time between changes that are written; what comes in between waits for its end. Repairs do not wait.
    package var minimumPeriod: Duration
    package var logger: Logger
    /// Where what happens is told, and how the agent is.
    package var events: EventLog
    package var board: StatusBoard
    /// What load balancers and the kubelet are told, and what is counted.
    package let health: HealthBoard
    package var counters: AgentCounters
    /// What is asked of the loop.
    package let inquiries: Inquiries
    /// Who probes backends; nil where nobody does.
    package var prober: (any HealthProber)?
    /// What people say of backends.
    package var administration: Administration
    /// What people change in the kernel through the agent.
    package var changes: Changes
    /// What status calls this program's version.
    package var version: String
    /// The path that the source reads, for status: a problem of that place is one of the whole source.
    package var sourcePath: String

    package init(
        kernel: any NodeKernel, source: any ServiceSource, compiler: ServiceCompiler, excluded: [IPPrefix], journal: FileJournal,
        originals: SysctlOriginals? = nil, syncPeriod: Duration, minimumPeriod: Duration = .zero, logger: Logger,
        events: EventLog = EventLog(),
        board: StatusBoard = StatusBoard(), counters: AgentCounters = AgentCounters(), version: String = "", sourcePath: String = ""
    ) {
        self.kernel = kernel
        self.source = source
        self.compiler = compiler
        self.excluded = excluded
        self.journal = journal
        self.originals = originals
        self.syncPeriod = syncPeriod
        self.minimumPeriod = minimumPeriod
        self.logger = logger
        self.events = events
        self.board = board
        health = HealthBoard(status: board)
        self.counters = counters
        inquiries = Inquiries(board: board)
        administration = Administration(directory: nil, events: events, logger: logger)
        changes = Changes(board: board) { _ in .failure(.init(["this agent reads no lists"])) }
        self.version = version
        self.sourcePath = sourcePath
    }

    package func run() async throws {
        let mailbox = Mailbox()
        inquiries.open { mailbox.post() }
        administration.open { mailbox.post() }
        changes.open { mailbox.post() }
        await withGracefulShutdownHandler {
            await withTaskGroup { group in
                group.addTask { await source.run() }
                group.addTask {
                    for await update in source.updates {
                        HealthReport.came(update, health, counters)
                        mailbox.post { $0.updates.append(update) }
                    }
                }
                group.addTask {
                    for await heard in await kernel.announcements() {
                        mailbox.post { content in for announcement in heard { content.news.add(announcement) } }
                    }
                }
                group.addTask {
                    while (try? await Task.sleep(for: syncPeriod)) != nil { mailbox.post { $0.isSweepDue = true } }
                }
                if let prober {
                    group.addTask { await prober.run() }
                    group.addTask {
                        for await news in prober.news { mailbox.post { $0.verdicts.append(news) } }
                    }
                }
                await loop(mailbox)
                group.cancelAll()
            }
        } onGracefulShutdown: {
            mailbox.close()
        }
        inquiries.close()
        changes.close()
        logger.notice("stopped; what the kernel balances stays in force")
        events.post(.stopped, about: "agent", "stopped; what the kernel balances stays in force")
        events.close()
    }

    private func loop(_ mailbox: Mailbox) async {
        events.post(.started, about: "agent", "started on node \(compiler.node.name)")
        let reconciler = Reconciler(
            kernel: kernel, compiler: compiler, excluded: excluded, journal: journal, originals: originals,
            period: syncPeriod, logger: logger, events: events)
        var status = StatusPublisher(
            version: version, node: compiler.node.name, sourcePath: sourcePath, board: board, events: events)
        var healthReport = HealthReport(board: health, counters: counters)
        var timers = LoopTimers(mailbox: mailbox)
        var pace = SweepPace()
        var isAnnounced = false
        var lastChange: ContinuousClock.Instant?
        var waiting: [SourceUpdate] = []
        let began = ContinuousClock.now
        for await _ in mailbox.signals {
            let content = mailbox.take()
            board.began(content.words)
            if !content.updates.isEmpty { health.taken() }
            waiting += content.updates
            if !content.verdicts.isEmpty {
                await log(await reconciler.take(content.verdicts), as: "applied verdicts", content.verdicts.fields)
            }
            if let hands = administration.takeNew() { await log(await reconciler.take(hands: hands), as: "applied what was said by hand") }
            if let change = changes.next() {
                change.settle(await reconciler.carryOut(change.change))
                // Its report is the asker's, and its cost nobody else's.
                _ = await kernel.takeCost()
                if !changes.isEmpty { mailbox.post() }
            }
            if let lastChange, !waiting.isEmpty, ContinuousClock.now < lastChange + minimumPeriod {
                timers.setChange(lastChange + minimumPeriod)
            } else {
                timers.endChange()
                for update in waiting {
                    let start = ContinuousClock.now
                    let read = start - began
                    let round = await reconciler.take(update)
                    healthReport.applied(update, round, in: .now - start)
                    if !round.plan.isEmpty { lastChange = .now }
                    await log(round, as: "applied a change")
                    guard update.isSynced, !isAnnounced else { continue }
                    isAnnounced = true
                    let spent: Logger.Metadata = [
                        "operations": "\(round.plan.operations.count)", "read-ms": .milliseconds(read),
                        "total-ms": .milliseconds(.now - began),
                    ]
                    logger.notice("in force: \(reconciler.summary)", metadata: spent.merging(reconciler.times.fields) { $1 })
                    reconciler.saveMemory()
                }
                if !waiting.isEmpty { health.applied() }
                waiting = []
            }
            if !content.news.isEmpty { await log(await reconciler.take(content.news), as: "followed what the kernel announced") }
            if let (look, seen) = content.rules { await log(await reconciler.take(seen, of: look), as: "put rules back") }
            if content.isSweepDue { reconciler.beginSweep() }
            if content.isRetryDue {
                timers.endRetry()
                let round = await reconciler.retry()
                healthReport.count(round)
                await log(round, as: "tried again what had failed")
            }
            if content.isSliceDue {
                timers.endPause()
                if let longer = pace.afterPause(isUpdateComing: source.isUpdateComing) { timers.pause(longer) }
            }
            if reconciler.hasWork, !(reconciler.isOnlySweeping && timers.isPausing) {
                let start = ContinuousClock.now
                let round = await reconciler.work()
                healthReport.count(round, isRepair: true)
                await log(round, as: "did what was due")
                if reconciler.isOnlySweeping { timers.pause(pace.afterSlice(took: .now - start)) }
            }
            if let look = reconciler.nextRuleLook() { lookAtRules(look, mailbox) }
            if reconciler.hasWork, !reconciler.isOnlySweeping { mailbox.post() }
            if let changes = reconciler.takeProbeChanges() { prober?.change(begin: changes.begin, end: changes.end) }
            timers.setWork(reconciler.nextDue)
            timers.setExpiry(administration.nextExpiry.map { ContinuousClock.now + Moment.now.duration(to: $0) })
            timers.setRetry(after: reconciler.retryDelay)
            status.publish(reconciler, isInForce: isAnnounced, isIdle: !reconciler.hasWork)
            healthReport.publish(reconciler, isInForce: isAnnounced)
            let view = ReconcilerView(reconciler: reconciler) { [status] in status.status(of: reconciler, isInForce: isAnnounced) }
            if inquiries.answer(view) { mailbox.post() }
            board.ended()
        }
        timers.end()
    }

    /// Looks at the rules beside the loop, since that starts processes. The look ends by itself.
    private func lookAtRules(_ look: RuleLook, _ mailbox: Mailbox) {
        Task { [kernel] in
            let seen = await kernel.observe(.rules)
            mailbox.post { $0.rules = (look, seen) }
        }
    }

    private func log(_ round: Reconciler.Round, as what: String, _ more: @autoclosure () -> Logger.Metadata = [:]) async {
        guard !round.plan.isEmpty else { return }
        var fields: Logger.Metadata = ["operations": "\(round.done)", "failures": "\(round.failures.count)"]
        fields.merge(more()) { $1 }
        fields.merge(await kernel.takeCost().fields) { $1 }
        logger.info("\(what)", metadata: fields)
        for operation in round.plan.operations { logger.debug("\(operation)") }
    }
}
