import ServiceModel
import Synchronization

/// The mirror that all reflectors write to, and the stream on which its changes go out, in their order.
final class SharedMirror: Sendable {
    private struct Content {
        var mirror: ClusterMirror
        /// What failed last, be it only once, of each kind.
        var failures: [SourceObject.Kind: String] = [:]
    }

    private let content: Mutex<Content>
    private let continuation: AsyncStream<SourceUpdate>.Continuation

    init(_ mirror: ClusterMirror, _ continuation: AsyncStream<SourceUpdate>.Continuation) {
        content = Mutex(Content(mirror: mirror))
        self.continuation = continuation
    }

    /// Changes the mirror, and passes on what is to be.
    func change<Result: Sendable>(_ body: (inout ClusterMirror) -> Result) -> Result {
        content.withLock { content in
            let result = body(&content.mirror)
            // Within the lock, so that updates go out in the order in which they came about. It never waits.
            if let update = content.mirror.takeUpdate() { continuation.yield(update) }
            return result
        }
    }

    /// Changes the mirror without passing anything on yet.
    func collect(_ body: (inout ClusterMirror) -> Void) { content.withLock { body(&$0.mirror) } }

    func setFailure(_ kind: SourceObject.Kind, _ message: String?) { content.withLock { $0.failures[kind] = message } }

    /// Why not everything has been read yet.
    var failure: String? {
        content.withLock { content in
            for kind in [SourceObject.Kind.service, .endpointSlice, .node] {
                if let failure = content.failures[kind] { return failure }
            }
            return content.mirror.problems.first?.message
        }
    }

    func uid(of service: ObjectName) -> String? { content.withLock { $0.mirror.uid(of: service) } }

    func finish() { continuation.finish() }
}
