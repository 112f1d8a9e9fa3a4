import Dispatch
import Synchronization

/// Announcements of links and addresses as an asynchronous sequence, for as long as the monitor lives.
///
/// Each element is what was there to be heard, up to a limit: who binds thousands of addresses shall not be woken for each. Where the reader is
/// too slow for what is announced, the oldest elements go and `.lost` takes their place at the end: nothing waits, and nothing grows.
package final class LinkMonitor: Sendable {
    package let events: AsyncStream<[LinkEvent]>
    private let source: Mutex<(any DispatchSourceRead)?>
    private let continuation: AsyncStream<[LinkEvent]>.Continuation

    package init(_ listener: consuming sending LinkListener) {
        let (events, continuation) = AsyncStream<[LinkEvent]>.makeStream(bufferingPolicy: .bufferingNewest(256))
        self.events = events
        self.continuation = continuation
        let descriptor = listener.fileDescriptor
        let held = Held(listener)
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: DispatchQueue(label: "ipvs-agent.links"))
        source.setEventHandler {
            let heard = held.read()
            if !heard.isEmpty, case .dropped = continuation.yield(heard) { continuation.yield([.lost]) }
        }
        // The descriptor may be closed only when nobody waits on it any more.
        source.setCancelHandler { held.close() }
        source.activate()
        self.source = Mutex(source)
    }

    deinit {
        source.withLock { $0?.cancel() }
        continuation.finish()
    }

    /// The listener, as the dispatch queue holds it.
    private final class Held: Sendable {
        private let listener: Mutex<LinkListener?>

        init(_ listener: consuming sending LinkListener) { self.listener = Mutex(consume listener) }

        func close() { listener.withLock { $0 = nil } }

        /// What can be heard without waiting, up to a limit: the source fires again if there is more.
        func read() -> [LinkEvent] {
            listener.withLock { listener in
                var heard: [LinkEvent] = []
                while heard.count < 256 {
                    do throws(LinkError) {
                        guard let events = try listener?.next(), !events.isEmpty else { break }
                        heard += events
                    } catch {
                        heard.append(.lost)
                        break
                    }
                }
                return heard
            }
        }
    }
}
