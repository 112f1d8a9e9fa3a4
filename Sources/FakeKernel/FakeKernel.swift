package import IPVSModel
package import NodeKernel
package import NodeModel
import Synchronization

/// A kernel in memory that answers with the errors Linux answers with, and can be made to fail or die at any operation.
package final class FakeKernel: NodeKernel {
    private let content: Mutex<Content>

    package init(state: NodeState = NodeState()) {
        content = Mutex(Content(state: state))
    }

    /// The kernel's state. Setting it plays another writer.
    package var state: NodeState {
        get { content.withLock { $0.state } }
        set { meddle { $0 = newValue } }
    }

    /// Plays another writer.
    package func meddle(_ change: (inout NodeState) -> Void) {
        content.withLock { content in
            change(&content.state)
            content.sweep?.orderIsOld = true
        }
    }

    /// What has been asked of the kernel so far.
    package var log: Log { content.withLock { $0.log } }

    package func clearLog() { content.withLock { $0.log = Log() } }

    /// Schedulers that have a module. Asking for another is ENOENT.
    package func setSchedulers(_ schedulers: Set<Scheduler>) { content.withLock { $0.schedulers = schedulers } }

    /// Makes operations fail before they are looked at, where this says how.
    package func setFault(_ fault: @escaping @Sendable (Operation) -> KernelFailure?) { content.withLock { $0.fault = fault } }

    /// Hides parts, until they are shown again with nil.
    package func hide(_ scope: ObservationScope, _ failure: KernelFailure?) {
        content.withLock { content in
            for part in ObservationScope.parts where scope.contains(part) { content.hidden[part] = failure }
        }
    }

    /// Makes exact looks at virtual servers fail, where this says how.
    package func setLookFault(_ fault: @escaping @Sendable (VirtualServer.Key) -> KernelFailure?) {
        content.withLock { $0.lookFault = fault }
    }

    /// Has real servers have connections, and statistics; all others have none.
    package func setTraffic(_ traffic: [VirtualServer.Key: [RealServer.Key: (ConnectionCounts, TrafficStatistics)]]) {
        content.withLock { content in
            content.traffic = traffic.mapValues { $0.mapValues { Content.Traffic(connections: $0.0, statistics: $0.1) } }
        }
    }

    /// How many things a slice of a sweep shows.
    package func setSlice(_ size: Int) { content.withLock { $0.slice = size } }

    /// Lets this many more operations happen; from then on the process that asks is as good as dead: nothing it does has an effect.
    package func die(after operations: Int?) { content.withLock { $0.remainingLife = operations } }

    /// Whether the end set by `die(after:)` was reached.
    package var isDead: Bool { content.withLock { $0.remainingLife == 0 } }

    package func observe(_ scope: ObservationScope, expecting _: ExpectedState?) async -> Observation {
        content.withLock { content in
            content.log.observations += 1
            var observation = Observation(state: NodeState(), seen: scope)
            for part in ObservationScope.parts where scope.contains(part) {
                guard let failure = content.hidden[part] else { continue }
                observation.seen.subtract(part)
                observation.failures.append(failure)
            }
            observation.state.take(observation.seen, from: content.state)
            for (key, server) in observation.state.virtualServers {
                let shown = server.realServers.mapValues(\.asFastLookShows)
                if shown != server.realServers { observation.state.virtualServers[key]?.realServers = shown }
            }
            return observation
        }
    }

    package func observe(
        virtualServers keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: VirtualServerState] {
        let answer: Result<[VirtualServer.Key: VirtualServerState], KernelFailure> = content.withLock { content in
            content.log.exactLooks.append(keys.count)
            if let failure = content.hidden[.virtualServers] ?? keys.compactMap({ content.lookFault?($0) }).first {
                return .failure(failure)
            }
            return .success(Dictionary(keys.compactMap { key in content.state.virtualServers[key].map { (key, $0) } }) { $1 })
        }
        return try answer.get()
    }

    package func traffic(
        of keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: [RealServer.Key: ObservedRealServer]] {
        let answer: Result<[VirtualServer.Key: [RealServer.Key: ObservedRealServer]], KernelFailure> = content.withLock { content in
            content.log.trafficLooks.append(keys.count)
            if let failure = content.hidden[.virtualServers] ?? keys.compactMap({ content.lookFault?($0) }).first {
                return .failure(failure)
            }
            var seen: [VirtualServer.Key: [RealServer.Key: ObservedRealServer]] = [:]
            for key in keys {
                for (realServer, configuration) in content.state.virtualServers[key]?.realServers ?? [:] {
                    let traffic = content.traffic[key]?[realServer] ?? Content.Traffic()
                    seen[key, default: [:]][realServer] = ObservedRealServer(
                        server: RealServer(realServer, configuration), statistics: traffic.statistics, connections: traffic.connections)
                }
            }
            return .success(seen)
        }
        return try answer.get()
    }

    /// The flows that are remembered.
    package var flows: Set<TrackedFlow> {
        get { content.withLock { $0.flows } }
        set { content.withLock { $0.flows = newValue } }
    }

    /// Makes looks at flows fail.
    package func setFlowFailure(_ failure: KernelFailure?) { content.withLock { $0.flowFailure = failure } }

    package func beginFlows() async {
        content.withLock { content in
            content.log.flowLooks += 1
            content.flowsLeft = Array(content.flows)
        }
    }

    package func nextFlows() async throws(KernelFailure) -> [TrackedFlow]? {
        let result: Result<[TrackedFlow]?, KernelFailure> = content.withLock { content in
            if let failure = content.flowFailure { return .failure(failure) }
            guard !content.flowsLeft.isEmpty else { return .success(nil) }
            let slice = Array(content.flowsLeft.suffix(content.slice))
            content.flowsLeft.removeLast(slice.count)
            return .success(slice)
        }
        return try result.get()
    }

    package func end(_ flows: [TrackedFlow]) async -> [KernelFailure] {
        content.withLock { content in
            if content.remainingLife != 0 { content.flows.subtract(flows) }
            return []
        }
    }

    package func beginSweep(passingServers: Bool) async {
        content.withLock { $0.sweep = FakeSweep(passesServers: passingServers) }
    }

    package func nextSightings() async -> [Sighting]? {
        content.withLock { content in
            let sightings = content.sweep?.next(content.slice, state: content.state, hidden: content.hidden)
            if sightings == nil { content.sweep = nil }
            content.log.slices += 1
            return sightings
        }
    }

    package func apply(_ operations: ArraySlice<Operation>) async -> [OperationFailure] {
        content.withLock { content in
            content.log.batches += 1
            content.log.largestBatch = max(content.log.largestBatch, operations.count)
            return operations.compactMap { operation in
                content.perform(operation).map { OperationFailure(operation, $0) }
            }
        }
    }

    /// Nothing: no message is sent anywhere.
    package func takeCost() async -> KernelCost { KernelCost() }

    package func announcements() async -> AsyncStream<[KernelAnnouncement]> {
        AsyncStream { continuation in
            content.withLock { $0.listeners.append(continuation) }
        }
    }

    package func announce(_ announcement: KernelAnnouncement) {
        let listeners = content.withLock { $0.listeners }
        for listener in listeners { listener.yield([announcement]) }
    }

    /// What was asked of a fake kernel.
    package struct Log: Sendable {
        /// Calls of `apply`.
        package var batches = 0
        package var largestBatch = 0
        package var observations = 0
        /// How many virtual servers each exact look was at.
        package var exactLooks: [Int] = []
        /// How many virtual servers each look at traffic was at.
        package var trafficLooks: [Int] = []
        /// Calls of `beginFlows`.
        package var flowLooks = 0
        /// Calls of `nextSightings`.
        package var slices = 0
        /// Operations that succeeded.
        package var operations: [Operation] = []
        package var failures = 0
    }

    private struct Content: Sendable {
        var state: NodeState
        var log = Log()
        var schedulers = Set(Scheduler.wellKnown)
        var fault: (@Sendable (Operation) -> KernelFailure?)?
        var lookFault: (@Sendable (VirtualServer.Key) -> KernelFailure?)?
        var hidden: [ObservationScope: KernelFailure] = [:]
        var slice = 100
        var sweep: FakeSweep?
        var remainingLife: Int?
        var flows: Set<TrackedFlow> = []
        var flowsLeft: [TrackedFlow] = []
        var flowFailure: KernelFailure?
        var traffic: [VirtualServer.Key: [RealServer.Key: Traffic]] = [:]
        var listeners: [AsyncStream<[KernelAnnouncement]>.Continuation] = []

        struct Traffic: Sendable {
            var connections = ConnectionCounts()
            var statistics = TrafficStatistics()
        }

        mutating func perform(_ operation: Operation) -> KernelFailure? {
            if remainingLife == 0 { return KernelFailure(.other, "the process is dead") }
            let failure = fault?(operation) ?? KernelRules.refusal(of: operation, in: state, schedulers: schedulers)
            guard failure == nil else {
                log.failures += 1
                return failure
            }
            if let life = remainingLife { remainingLife = life - 1 }
            log.operations.append(operation)
            KernelRules.forgetMark(of: operation, in: &state)
            state.apply(operation)
            switch operation {
            case .addVirtualServer, .removeVirtualServer: sweep?.orderIsOld = true
            default: break
            }
            return nil
        }
    }
}
