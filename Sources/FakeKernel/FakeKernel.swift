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
        set { content.withLock { $0.state = newValue } }
    }

    /// What has been asked of the kernel so far.
    package var log: Log { content.withLock { $0.log } }

    package func clearLog() { content.withLock { $0.log = Log() } }

    /// Schedulers that have a module. Asking for another is ENOENT.
    package func setSchedulers(_ schedulers: Set<Scheduler>) { content.withLock { $0.schedulers = schedulers } }

    /// Makes operations fail before they are looked at, where this says how.
    package func setFault(_ fault: @escaping @Sendable (Operation) -> KernelFailure?) { content.withLock { $0.fault = fault } }

    /// Lets this many more operations happen; from then on the process that asks is as good as dead: nothing it does has an effect.
    package func die(after operations: Int?) { content.withLock { $0.remainingLife = operations } }

    /// Whether the end set by `die(after:)` was reached.
    package var isDead: Bool { content.withLock { $0.remainingLife == 0 } }

    package func observe(_ scope: ObservationScope) async -> Observation {
        content.withLock { content in
            content.log.observations += 1
            var seen = NodeState()
            seen.take(scope, from: content.state)
            return Observation(state: seen, seen: scope)
        }
    }

    package func apply(_ operations: [Operation]) async -> [OperationFailure] {
        content.withLock { content in
            content.log.batches += 1
            return operations.compactMap { operation in
                content.perform(operation).map { OperationFailure(operation, $0) }
            }
        }
    }

    /// Nothing: no message is sent anywhere.
    package func takeCost() async -> KernelCost { KernelCost() }

    package func announcements() async -> AsyncStream<KernelAnnouncement> {
        AsyncStream { continuation in
            content.withLock { $0.listeners.append(continuation) }
        }
    }

    package func announce(_ announcement: KernelAnnouncement) {
        let listeners = content.withLock { $0.listeners }
        for listener in listeners { listener.yield(announcement) }
    }

    /// What was asked of a fake kernel.
    package struct Log: Sendable {
        /// Calls of `apply`.
        package var batches = 0
        package var observations = 0
        /// Operations that succeeded.
        package var operations: [Operation] = []
        package var failures = 0
    }

    private struct Content: Sendable {
        var state: NodeState
        var log = Log()
        var schedulers = Set(Scheduler.wellKnown)
        var fault: (@Sendable (Operation) -> KernelFailure?)?
        var remainingLife: Int?
        var listeners: [AsyncStream<KernelAnnouncement>.Continuation] = []

        mutating func perform(_ operation: Operation) -> KernelFailure? {
            if remainingLife == 0 { return KernelFailure(.other, "the process is dead") }
            let failure = fault?(operation) ?? KernelRules.refusal(of: operation, in: state, schedulers: schedulers)
            guard failure == nil else {
                log.failures += 1
                return failure
            }
            if let life = remainingLife { remainingLife = life - 1 }
            log.operations.append(operation)
            state.apply(operation)
            return nil
        }
    }
}
