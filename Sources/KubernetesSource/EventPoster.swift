import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import ServiceModel
import Telemetry

/// Posts what concerns Services as Events of the API, so that `kubectl describe service` shows it.
///
/// `events.k8s.io/v1` and not core `v1`: it is what kube-proxy itself posts, so a cluster's permissions for it have it already, and its series
/// count repetitions in the server. Both are the same objects, and kubectl shows either. What cannot be posted is dropped: an Event is news.
struct EventPoster: Sendable {
    let client: APIClient
    let node: String
    let logger: Logger
    var now: @Sendable () -> Date = { Date() }
    let uid: @Sendable (ObjectName) -> String?

    /// Posts what the log says from now on, until the task is cancelled or the log closed.
    func run(_ log: EventLog) async {
        var aggregator = EventAggregator()
        for await events in log.follow(after: log.last) {
            for event in events {
                guard !Task.isCancelled else { return }
                guard let news = ServiceNews(event), let uid = uid(news.service), let outgoing = aggregator.take(news, now: now()) else {
                    continue
                }
                await post(outgoing, uid)
            }
        }
    }

    private func post(_ outgoing: EventAggregator.Outgoing, _ uid: String) async {
        let collection = "/apis/events.k8s.io/v1/namespaces/\(outgoing.news.service.namespace)/events"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            let isNew = outgoing.count == 1
            let body =
                isNew
                ? try encoder.encode(EventDocument(outgoing, uid: uid, node: node))
                : try encoder.encode(EventDocument.Repetition(outgoing))
            let response = try await client.send(
                isNew ? .POST : .PATCH, path: isNew ? collection : "\(collection)/\(outgoing.name)", body: Array(body),
                type: isNew ? "application/json" : "application/merge-patch+json")
            // The answer repeats the Event; it is read so that the connection can be used again.
            try await APIClient.within(.seconds(30)) {
                var size = 0
                for try await buffer in response.body {
                    size += buffer.readableBytes
                    if size > 1 << 20 { break }
                }
            }
            if response.status.code >= 300 { logger.debug("an Event was not taken", metadata: ["status": "\(response.status.code)"]) }
        } catch {
            logger.debug("an Event could not be posted")
        }
    }
}

/// An Event as the API takes it.
struct EventDocument: Encodable {
    struct Metadata: Encodable {
        var name: String
        var namespace: String
    }

    struct Reference: Encodable {
        var apiVersion = "v1"
        var kind = "Service"
        var name: String
        var namespace: String
        /// `kubectl describe` asks for Events of this very object.
        var uid: String
    }

    struct Series: Encodable {
        var count: Int
        var lastObservedTime: String
    }

    struct Repetition: Encodable {
        var series: Series

        init(_ outgoing: EventAggregator.Outgoing) {
            series = Series(count: outgoing.count, lastObservedTime: EventDocument.time(outgoing.last))
        }
    }

    var apiVersion = "events.k8s.io/v1"
    var kind = "Event"
    var metadata: Metadata
    var eventTime: String
    var reportingController = "ipvs-agent.dev/agent"
    var reportingInstance: String
    var action = "Balancing"
    var reason: String
    var regarding: Reference
    var note: String
    var type: String

    init(_ outgoing: EventAggregator.Outgoing, uid: String, node: String) {
        let service = outgoing.news.service
        metadata = Metadata(name: outgoing.name, namespace: service.namespace)
        eventTime = Self.time(outgoing.first)
        // The API's bounds: 128 bytes for these, 1024 for the note.
        reportingInstance = Self.cut("ipvs-agent-\(node)", to: 128)
        reason = Self.cut(outgoing.news.reason, to: 128)
        regarding = Reference(name: service.name, namespace: service.namespace, uid: uid)
        note = Self.cut("node \(node): \(outgoing.news.message)", to: 1024)
        type = outgoing.news.isWarning ? "Warning" : "Normal"
    }

    /// A `MicroTime`: exactly six digits after the second.
    static func time(_ date: Date) -> String {
        let seconds = date.timeIntervalSince1970.rounded(.down)
        let micro = Int((date.timeIntervalSince1970 - seconds) * 1e6)
        let digits = String(micro)
        let text = Date(timeIntervalSince1970: seconds).formatted(Date.ISO8601FormatStyle())
        return text.dropLast() + "." + String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits + "Z"
    }

    private static func cut(_ text: String, to limit: Int) -> String {
        var text = text
        while text.utf8.count > limit { text.removeLast() }
        return text
    }
}
