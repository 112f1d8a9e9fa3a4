import Agent
import CommandSupport
import NodeKernel
import ServiceModel

/// The exit status that follows from how a turn went.
enum RoundStatus {
    /// Throws where something failed, or something that was asked for is wrong. Each was logged already.
    static func check(_ round: Reconciler.Round, problems: [SourceProblem]) throws(CommandFailure) {
        let causes = round.observationFailures.map(\.cause) + round.failures.map(\.failure.cause).filter { $0 != .dependency }
        if causes.contains(where: { $0 == .privilege || $0 == .missingFeature }) {
            throw CommandFailure("", status: ExitStatus.unavailable)
        }
        if !round.succeeded { throw CommandFailure("", status: ExitStatus.failure) }
        if problems.contains(where: \.isError) { throw CommandFailure("", status: ExitStatus.invalid) }
    }
}

/// Reads a source once, for commands that do not follow it.
enum SourceReading {
    static func readOnce(_ source: any ServiceSource) async throws(CommandFailure) -> SourceUpdate {
        do throws(SourceProblem) {
            return try await source.readOnce()
        } catch {
            throw CommandFailure(error.description, status: ExitStatus.invalid)
        }
    }
}

extension SourceUpdate {
    /// The same, of a source that counts as not yet read whole, so that nothing is applied.
    var withoutSync: SourceUpdate { SourceUpdate(changed: changed, removed: removed, problems: problems, isSynced: false) }
}
