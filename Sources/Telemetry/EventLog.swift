import Synchronization

/// The latest events: a ring that anyone may post to and read from.
///
/// Posting waits for no reader. A reader keeps its own place and fetches from the ring, so a slow one holds nothing; when the ring has gone
/// past it, it is told what it missed.
package final class EventLog: Sendable {
    private struct Content {
        /// The event of number N is at N − 1 modulo the capacity.
        var ring: [AgentEvent] = []
        var last: UInt64 = 0
        var followers: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var nextFollower: UInt64 = 0
        var isClosed = false
    }

    private let capacity: Int
    private let content = Mutex(Content())

    package init(capacity: Int = 4096) { self.capacity = max(1, capacity) }

    /// The number of the latest event; 0 before the first.
    package var last: UInt64 { content.withLock { $0.last } }

    @discardableResult
    package func post(
        _ kind: AgentEvent.Kind, about: String, _ message: String, remedy: String? = nil, found: String? = nil, wanted: String? = nil,
        at time: Moment = .now
    ) -> AgentEvent {
        let (event, followers) = content.withLock { content in
            content.last += 1
            let event = AgentEvent(
                number: content.last, time: time, kind: kind, about: about, message: message, remedy: remedy, found: found, wanted: wanted)
            if content.ring.count < capacity {
                content.ring.append(event)
            } else {
                content.ring[Int((content.last - 1) % UInt64(capacity))] = event
            }
            return (event, content.followers)
        }
        for follower in followers.values { follower.yield() }
        return event
    }

    /// The events after a number, oldest first, at most `limit`. Where some of them are no longer kept, one of kind `lost` comes first.
    ///
    /// A number that has not been reached yet is one of an agent that ran before: everything is new then.
    package func after(_ number: UInt64, limit: Int = .max) -> [AgentEvent] {
        content.withLock { content in
            let number = number > content.last ? 0 : number
            var events: [AgentEvent] = []
            let first = content.last - UInt64(content.ring.count) + 1
            if number + 1 < first, let oldest = content.ring.first { events.append(Self.lost(number + 1...first - 1, oldest.time)) }
            let start = max(first, number + 1)
            let count = min(UInt64(max(0, limit - events.count)), content.last + 1 - start)
            for place in start..<start + count { events.append(content.ring[Int((place - 1) % UInt64(capacity))]) }
            return events
        }
    }

    private static func lost(_ numbers: ClosedRange<UInt64>, _ time: Moment) -> AgentEvent {
        AgentEvent(
            number: numbers.upperBound, time: time, kind: .lost, about: "events \(numbers.lowerBound) to \(numbers.upperBound)",
            message: "these events are no longer kept", remedy: "ask for status; ask for events more often, or follow them")
    }

    /// All events after a number, and those to come until the log is closed or the task cancelled.
    package func follow(after number: UInt64) -> EventFollower { EventFollower(log: self, position: number) }

    /// Ends those who follow, after what has been posted so far.
    package func close() {
        let followers = content.withLock { content in
            content.isClosed = true
            defer { content.followers = [:] }
            return content.followers
        }
        for follower in followers.values { follower.finish() }
    }

    /// Says when something was posted, summed up while it waits.
    fileprivate func signals() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = content.withLock { content in
            guard !content.isClosed else { return nil }
            content.nextFollower += 1
            content.followers[content.nextFollower] = continuation
            return content.nextFollower
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.content.withLock { $0.followers.removeValue(forKey: number) }
        }
        return stream
    }
}

/// A reader's place in the events: batches of those after it, as they come.
package struct EventFollower: AsyncSequence, Sendable {
    /// The most events in one batch, so that what a reader holds has a bound.
    package static let batch = 256

    fileprivate let log: EventLog
    fileprivate let position: UInt64

    package func makeAsyncIterator() -> Iterator { Iterator(log: log, signals: log.signals().makeAsyncIterator(), position: position) }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let log: EventLog
        fileprivate var signals: AsyncStream<Void>.Iterator
        fileprivate var position: UInt64

        package mutating func next() async -> [AgentEvent]? {
            while true {
                let events = log.after(position, limit: EventFollower.batch)
                if let last = events.last {
                    position = last.number
                    return events
                }
                if await signals.next(isolation: #isolation) == nil, log.after(position, limit: 1).isEmpty { return nil }
            }
        }
    }
}
