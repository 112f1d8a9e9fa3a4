import HealthModel
import NodeKernel
import ServiceModel
import Synchronization

/// What the loop has yet to deal with. Anyone may post; one reads.
///
/// What the kernel announces is summed up while it waits, so a flood of announcements takes no more room than the
/// addresses it is about.
final class Mailbox: Sendable {
    struct Content: Sendable {
        var updates: [SourceUpdate] = []
        var news = KernelNews()
        var isSweepDue = false
        /// Whether the pause after a slice of a sweep is over.
        var isSliceDue = false
        var rules: (look: RuleLook, seen: Observation)?
        var isRetryDue = false
        var verdicts: [ProbeNews] = []

        /// What the loop does with it, for showing.
        var words: String {
            if !updates.isEmpty || !verdicts.isEmpty { return "applying changes" }
            if !news.isEmpty || rules != nil { return "putting back what others changed" }
            return isRetryDue ? "trying again what had failed" : "looking at the kernel"
        }
    }

    private let content = Mutex(Content())
    private let wake: AsyncStream<Void>.Continuation
    /// Says that something was posted; ends when the box is closed.
    let signals: AsyncStream<Void>

    init() {
        (signals, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func post(_ change: (inout Content) -> Void = { _ in }) {
        content.withLock { change(&$0) }
        wake.yield()
    }

    func take() -> Content {
        content.withLock { content in
            defer { content = Content() }
            return content
        }
    }

    func close() { wake.finish() }
}
