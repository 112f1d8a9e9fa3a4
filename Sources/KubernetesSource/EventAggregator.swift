import FoundationEssentials
import ServiceModel

/// Decides what of the news becomes an Event of the API: the same news again is counted, and no Service, nor all of them together, causes
/// more than a few requests.
///
/// Pure. The bounds are those of client-go's recorder (`tools/events`): 25 Events of one object at once, one more every five minutes.
struct EventAggregator: Sendable {
    struct Outgoing: Equatable, Sendable {
        var news: ServiceNews
        /// The Event's own name, the same as long as it is one Event.
        var name: String
        /// How often it has happened; 1 is a new Event, more are a series.
        var count: Int
        var first: Date
        var last: Date
    }

    private struct Series: Sendable {
        var name: String
        var count: Int
        var first: Date
        var last: Date
        /// When it was last posted.
        var posted: Date
    }

    private struct Key: Hashable {
        var service: ObjectName
        var reason: String
        var message: String
    }

    private struct Bucket {
        var tokens: Double
        var filled: Date

        mutating func take(_ now: Date, most: Double, each seconds: Double) -> Bool {
            tokens = min(most, tokens + max(0, now.timeIntervalSince(filled)) / seconds)
            filled = now
            guard tokens >= 1 else { return false }
            tokens -= 1
            return true
        }
    }

    /// News that comes again within so many seconds is the same Event.
    static let seriesSeconds = 360.0
    /// A series is told at most so often.
    static let seriesPause = 60.0
    static let burstOfOne = 25.0
    static let secondsOfOne = 300.0
    static let burstOfAll = 100.0
    static let secondsOfAll = 1.0
    /// The most that is remembered; the oldest goes first.
    static let most = 2000

    private var series: [Key: Series] = [:]
    private var buckets: [ObjectName: Bucket] = [:]
    private var all: Bucket?
    private var counter: UInt64 = 0
    /// News that was dropped by the bounds.
    private(set) var dropped = 0

    init() {}

    mutating func take(_ news: ServiceNews, now: Date) -> Outgoing? {
        forget(now)
        let key = Key(service: news.service, reason: news.reason, message: news.message)
        if var known = series[key], now.timeIntervalSince(known.last) < Self.seriesSeconds {
            known.count += 1
            known.last = now
            let isDue = now.timeIntervalSince(known.posted) >= Self.seriesPause
            if isDue { known.posted = now }
            series[key] = known
            guard isDue, mayPost(news.service, now) else { return nil }
            return Outgoing(news: news, name: known.name, count: known.count, first: known.first, last: now)
        }
        guard mayPost(news.service, now) else { return nil }
        counter += 1
        // As client-go names them: the object, and what tells one from another.
        let name = "\(news.service.name.prefix(63)).\(String(UInt64(max(0, now.timeIntervalSince1970) * 1e6) &+ counter, radix: 16))"
        series[key] = Series(name: name, count: 1, first: now, last: now, posted: now)
        return Outgoing(news: news, name: name, count: 1, first: now, last: now)
    }

    private mutating func mayPost(_ service: ObjectName, _ now: Date) -> Bool {
        var bucket = buckets[service] ?? Bucket(tokens: Self.burstOfOne, filled: now)
        var all = self.all ?? Bucket(tokens: Self.burstOfAll, filled: now)
        let may =
            bucket.take(now, most: Self.burstOfOne, each: Self.secondsOfOne)
            && all.take(now, most: Self.burstOfAll, each: Self.secondsOfAll)
        buckets[service] = bucket
        self.all = all
        if !may { dropped += 1 }
        return may
    }

    private mutating func forget(_ now: Date) {
        if series.count >= Self.most { series = series.filter { now.timeIntervalSince($0.value.last) < Self.seriesSeconds } }
        if series.count >= Self.most { series = [:] }
        // A bucket that has not been touched for as long as it takes to fill says nothing.
        if buckets.count >= Self.most {
            buckets = buckets.filter { now.timeIntervalSince($0.value.filled) < Self.burstOfOne * Self.secondsOfOne }
            if buckets.count >= Self.most { buckets = [:] }
        }
    }
}
