import Logging
import NodeKernel
import NodeModel
import Telemetry

/// What is told of the reconciler's work, to the log and as events.
extension Reconciler {
    /// How many events one turn posts of a kind at most; the rest is counted in one more.
    private static var mostEvents: Int { 100 }

    func tell(_ news: HiddenParts.News) {
        for (part, failure) in news.hidden {
            logger.error("cannot see the kernel's state: \(failure)")
            events.post(.hidden, about: part.words, "the kernel's \(part.words) cannot be seen: \(failure.message)", remedy: failure.remedy)
        }
        for part in news.seen {
            logger.notice("the kernel's \(part.words) can be seen again")
            events.post(.seen, about: part.words, "the kernel's \(part.words) can be seen again")
        }
    }

    func tell(failed failures: [OperationFailure]) {
        for failure in failures.prefix(Self.mostEvents) {
            let kind: AgentEvent.Kind = failure.failure.cause == .conflict ? .conflict : .operationFailed
            events.post(
                kind, about: "\(failure.operation)", "cannot \(failure.operation): \(failure.failure.message)",
                remedy: failure.failure.remedy)
        }
        let more = failures.count - Self.mostEvents
        if more > 0 { events.post(.operationFailed, about: "kernel", "\(more) more operations failed") }
    }

    func tell(recovered operations: [Operation]) {
        for operation in operations.prefix(Self.mostEvents) {
            events.post(.recovered, about: "\(operation)", "done, or no longer to be done: \(operation)")
        }
        let more = operations.count - Self.mostEvents
        if more > 0 { events.post(.recovered, about: "kernel", "\(more) more operations are done, or no longer to be done") }
    }
}
