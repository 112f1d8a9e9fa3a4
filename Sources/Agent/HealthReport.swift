import Addresses
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceModel
import Telemetry

/// Puts on the health board, and counts, what the loop has done. Costs what changed, and what fails.
struct HealthReport {
    let board: HealthBoard
    let counters: AgentCounters
    /// What changed before that was not for this process to bring to the kernel.
    private let started = Moment.now
    private var addresses: Set<String> = []

    init(board: HealthBoard, counters: AgentCounters) {
        (self.board, self.counters) = (board, counters)
    }

    /// An update has come from a source.
    static func came(_ update: SourceUpdate, _ board: HealthBoard, _ counters: AgentCounters) {
        board.queued()
        let (services, endpoints) = update.kinds
        counters.change { values in
            values.lastQueued = .now
            values.services.pending += services
            values.endpoints.pending += endpoints
        }
    }

    /// What came has been applied, as far as it can be.
    func applied(_ update: SourceUpdate, _ round: Reconciler.Round, in duration: Duration) {
        let (services, endpoints) = update.kinds
        let now = Moment.now
        counters.change { values in
            for case .endpointSlice(let slice) in update.changed {
                guard let triggered = slice.changeTriggered, triggered >= started.millisecondsSince1970 else { continue }
                values.programming.observe(Double(max(0, now.millisecondsSince1970 - triggered)) / 1000)
            }
            values.lastApplied = now
            values.services.pending -= min(services, values.services.pending)
            values.endpoints.pending -= min(endpoints, values.endpoints.pending)
            values.services.total += services
            values.endpoints.total += endpoints
            values.applying.observe(duration.inSeconds)
        }
        count(round)
    }

    /// What a round did that did not come from a source.
    func count(_ round: Reconciler.Round, isRepair: Bool = false) {
        guard !round.plan.isEmpty || !round.failures.isEmpty else { return }
        let done = UInt64(max(round.done, 0))
        counters.change { values in
            values.operations += done
            values.failures += UInt64(round.failures.count)
            if isRepair { values.repairs += done }
            for failure in round.failures { if case .changeRules = failure.operation { values.ruleFailures += 1 } }
        }
    }

    /// How things stand after a piece of work.
    mutating func publish(_ reconciler: Reconciler, isInForce: Bool) {
        let failing = reconciler.retries.failing
        board.publish(
            isInForce: isInForce, failure: failing.isEmpty ? nil : Self.commonFailure(failing), leaving: reconciler.demand.leaving,
            failing: failing.isEmpty ? [:] : Self.failingServices(failing, reconciler.wanted))
        for news in reconciler.takeLocalNews() { board.setService(news.service, named: news.name, at: news.port) }
        if let news = reconciler.staleFlows.takeNews() { count(news) }
        let lacking = reconciler.demand.locals.lacking
        if counters.values.withoutLocalEndpoints != lacking { counters.change { $0.withoutLocalEndpoints = lacking } }
        let now = Set(reconciler.demand.nodePortAddresses.map(\.description))
        if now != addresses {
            addresses = now
            board.setAddresses(now)
        }
    }

    /// Looks at flows whose server may be gone.
    private func count(_ news: StaleFlows.News) {
        counters.change { values in
            for look in news.looks { values.flowLooks.observe(look) }
            values.endedFlows.ipv4 += news.ended[.ipv4] ?? 0
            values.endedFlows.ipv6 += news.ended[.ipv6] ?? 0
        }
    }

    /// Why something that all Services stand on is not as wanted; nil where that is not so.
    private static func commonFailure(_ failing: [Operation: RetrySchedule.Failing]) -> String? {
        for (operation, failing) in failing where operation.isForAll { return OperationFailure(operation, failing.failure).description }
        return nil
    }

    /// The Services of which something fails, with why.
    private static func failingServices(_ failing: [Operation: RetrySchedule.Failing], _ wanted: WantedState) -> [String: String] {
        var services: [String: String] = [:]
        for (operation, failing) in failing {
            var touched = Touched()
            touched.insert(operation)
            var keys = touched.virtualServers
            for address in touched.addresses { keys.formUnion(wanted.virtualServerKeys(on: address)) }
            for member in touched.members {
                if case .addressPort(let address, let port, let transport) = member.entry {
                    keys.insert(.address(address, port: port, transport))
                }
            }
            for key in keys {
                if let owner = wanted.claimants(of: key).first {
                    services[owner] = OperationFailure(operation, failing.failure).description
                }
            }
        }
        return services
    }
}

extension SourceUpdate {
    /// How many Services and how many EndpointSlices it is about.
    fileprivate var kinds: (services: UInt64, endpoints: UInt64) {
        var (services, endpoints): (UInt64, UInt64) = (0, 0)
        for kind in changed.lazy.map(\.key.kind) { (services, endpoints) = kind.counted(services, endpoints) }
        for kind in removed.lazy.map(\.kind) { (services, endpoints) = kind.counted(services, endpoints) }
        return (services, endpoints)
    }
}

extension SourceObject.Kind {
    fileprivate func counted(_ services: UInt64, _ endpoints: UInt64) -> (UInt64, UInt64) {
        switch self {
        case .service, .virtualServer: (services + 1, endpoints)
        case .endpointSlice: (services, endpoints + 1)
        default: (services, endpoints)
        }
    }
}

extension Operation {
    /// Whether all Services stand on what it changes.
    fileprivate var isForAll: Bool {
        switch self {
        case .changeRules, .createSet, .createLink: true
        default: false
        }
    }
}
