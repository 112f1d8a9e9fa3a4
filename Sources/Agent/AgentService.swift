package import Addresses
package import Logging
package import NodeKernel
import Planner
package import ServiceCompiler
import ServiceLifecycle
package import ServiceModel

/// The agent: follows a source and the kernel's announcements, looks at the kernel at an interval, and keeps it right.
///
/// One loop does one thing after the other; everything else posts to its mailbox. Ending it leaves the kernel as it is.
package struct AgentService: ServiceLifecycle.Service {
    package var kernel: any NodeKernel
    package var source: any ServiceSource
    package var compiler: ServiceCompiler
    package var excluded: [IPPrefix]
    package var journal: FileJournal
    /// How often the kernel's whole state is looked at.
    package var syncPeriod: Duration
    /// The least time between changes that are written; what comes in between waits for its end. Repairs do not wait.
    package var minimumPeriod: Duration
    package var logger: Logger

    package init(
        kernel: any NodeKernel, source: any ServiceSource, compiler: ServiceCompiler, excluded: [IPPrefix], journal: FileJournal,
        syncPeriod: Duration, minimumPeriod: Duration = .zero, logger: Logger
    ) {
        self.kernel = kernel
        self.source = source
        self.compiler = compiler
        self.excluded = excluded
        self.journal = journal
        self.syncPeriod = syncPeriod
        self.minimumPeriod = minimumPeriod
        self.logger = logger
    }

    package func run() async throws {
        let mailbox = Mailbox()
        await withGracefulShutdownHandler {
            await withTaskGroup { group in
                group.addTask { await source.run() }
                group.addTask {
                    for await update in source.updates { mailbox.post { $0.updates.append(update) } }
                }
                group.addTask {
                    for await announcement in await kernel.announcements() { mailbox.post { $0.news.add(announcement) } }
                }
                group.addTask {
                    while (try? await Task.sleep(for: syncPeriod)) != nil { mailbox.post { $0.isResyncDue = true } }
                }
                await loop(mailbox)
                group.cancelAll()
            }
        } onGracefulShutdown: {
            mailbox.close()
        }
        logger.notice("stopped; what the kernel balances stays in force")
    }

    private func loop(_ mailbox: Mailbox) async {
        let reconciler = Reconciler(kernel: kernel, compiler: compiler, excluded: excluded, journal: journal, logger: logger)
        var (retryTimer, changeTimer): (Task<Void, Never>?, Task<Void, Never>?)
        var isAnnounced = false
        var lastChange: ContinuousClock.Instant?
        var waiting: [SourceUpdate] = []
        let began = ContinuousClock.now
        for await _ in mailbox.signals {
            let content = mailbox.take()
            waiting += content.updates
            if let lastChange, !waiting.isEmpty, ContinuousClock.now < lastChange + minimumPeriod {
                if changeTimer == nil {
                    changeTimer = Task { if (try? await Task.sleep(until: lastChange + minimumPeriod)) != nil { mailbox.post() } }
                }
            } else {
                changeTimer = nil
                for update in waiting {
                    let read = ContinuousClock.now - began
                    let round = await reconciler.take(update)
                    if !round.plan.isEmpty { lastChange = .now }
                    await log(round, as: "applied a change")
                    guard update.isSynced, !isAnnounced else { continue }
                    isAnnounced = true
                    let spent: Logger.Metadata = [
                        "operations": "\(round.plan.operations.count)", "read-ms": .milliseconds(read),
                        "total-ms": .milliseconds(.now - began),
                    ]
                    logger.notice("in force: \(reconciler.summary)", metadata: spent.merging(reconciler.times.fields) { $1 })
                    ProcessMemory.giveBack()
                }
                waiting = []
            }
            if !content.news.isEmpty { await log(await reconciler.take(content.news), as: "put back what was changed on the link") }
            if content.isResyncDue, isAnnounced { await log(await reconciler.resync(), as: "put back what had drifted") }
            if content.isRetryDue {
                retryTimer = nil
                await log(await reconciler.retry(), as: "tried again what had failed")
            }
            // A timer that runs is let run, so that a stream of other work cannot put the retry off for ever.
            if retryTimer == nil, let delay = reconciler.retryDelay {
                retryTimer = Task { if (try? await Task.sleep(for: delay)) != nil { mailbox.post { $0.isRetryDue = true } } }
            }
        }
        retryTimer?.cancel()
        changeTimer?.cancel()
    }

    private func log(_ round: Reconciler.Round, as what: String) async {
        guard !round.plan.isEmpty else { return }
        let done = round.plan.operations.count - round.failures.count
        var fields: Logger.Metadata = ["operations": "\(done)", "failures": "\(round.failures.count)"]
        fields.merge(await kernel.takeCost().fields) { $1 }
        logger.info("\(what)", metadata: fields)
        for operation in round.plan.operations { logger.debug("\(operation)") }
    }
}
