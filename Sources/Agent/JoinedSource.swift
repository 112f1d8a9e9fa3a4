package import ServiceModel
import Synchronization

/// A source of Services, and a directory of policies beside it, as one source.
package final class JoinedSource: ServiceSource {
    package let updates: AsyncStream<SourceUpdate>
    package var isUpdateComing: Bool { services.isUpdateComing || policies.isUpdateComing }

    private let services: any ServiceSource
    private let policies: any ServiceSource
    private let continuation: AsyncStream<SourceUpdate>.Continuation
    private let join = Mutex(SourceJoin())

    package init(services: any ServiceSource, policies: any ServiceSource) {
        self.services = services
        self.policies = policies
        (updates, continuation) = AsyncStream.makeStream()
    }

    package func readOnce() async throws(SourceProblem) -> SourceUpdate {
        var join = SourceJoin()
        let first = join.take(try await services.readOnce(), from: .services)
        let second = join.take(try await policies.readOnce(), from: .policies)
        var update = second
        // What the second gives instead of the first's has come after it.
        let replaced = Set(second.changed.map(\.key))
        update.changed = first.changed.filter { !replaced.contains($0.key) } + second.changed
        update.removed = []
        update.problems = second.problems ?? first.problems ?? []
        return update
    }

    package func run() async {
        await withTaskGroup { group in
            group.addTask { [services] in await services.run() }
            group.addTask { [policies] in await policies.run() }
            group.addTask { await self.pass(self.services, .services) }
            group.addTask { await self.pass(self.policies, .policies) }
        }
        continuation.finish()
    }

    private func pass(_ source: any ServiceSource, _ side: SourceJoin.Side) async {
        for await update in source.updates {
            // Yielded under the lock, so that joined updates come in the order in which they were joined.
            join.withLock { join in _ = continuation.yield(join.take(update, from: side)) }
        }
    }
}
