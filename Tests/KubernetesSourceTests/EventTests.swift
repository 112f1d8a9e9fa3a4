import Foundation
import KubernetesTesting
import Logging
import ServiceModel
import Telemetry
import TestSupport
import Testing

@testable import KubernetesSource

/// What is told back to the cluster.
@Suite struct EventTests {
    private static func news(_ service: String = "web", _ message: String = "unknown scheduler") -> ServiceNews? {
        let log = EventLog()
        return ServiceNews(log.post(.sourceProblem, about: "Service default/\(service), ipvs-agent.dev/scheduler", message))
    }

    @Test(
        arguments: [
            ("Service default/web", "default/web"), ("Service default/web, spec.ports[0].port", "default/web"),
            ("API server, Service a/b, spec", "a/b"), ("web.yaml:3, document 1, Service a/b", "a/b"), ("agent", nil),
            ("virtual server tcp 10.96.0.10:53", nil), ("Service web", nil), ("Service /web", nil),
            ("real server 10.0.0.1:80 of tcp 10.96.0.10:53, Service default/web", "default/web"),
        ] as [(String, String?)])
    func theServiceIsFound(_ about: String, _ name: String?) { #expect(ServiceNews.service(in: about)?.name.description == name) }

    @Test func ofADrainTheBeginningIsTold() {
        let (log, about) = (EventLog(), "real server 10.0.0.1:80 of tcp 10.96.0.10:80, Service default/web")
        let news = ServiceNews(log.post(.drainBegan, about: about, "takes no new connections"))
        #expect(news?.reason == "DrainBegan" && news?.service.description == "default/web" && news?.isWarning == false)
        #expect(ServiceNews(log.post(.drainEnded, about: about, "removed")) == nil)
    }

    @Test func theSameNewsIsOneEventThatIsCounted() throws {
        var aggregator = EventAggregator()
        let news = try #require(Self.news())
        #expect(news.message == "ipvs-agent.dev/scheduler: unknown scheduler", "the field is named")
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        let taken = aggregator.take(news, now: start)
        let first = try #require(taken)
        #expect(first.count == 1)
        for second in 1..<60 {
            let again = aggregator.take(news, now: start + Double(second))
            #expect(again == nil)
        }
        let series = aggregator.take(news, now: start + 60)
        #expect(series?.count == 61 && series?.name == first.name && series?.first == start)
        let later = aggregator.take(news, now: start + 1000)
        #expect(later?.count == 1 && later?.name != first.name)
    }

    @Test func noServiceAndNotAllTogetherFloodTheServer() throws {
        var aggregator = EventAggregator()
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        var posted = 0
        for index in 0..<1000 { if aggregator.take(try #require(Self.news("web", "problem \(index)")), now: start) != nil { posted += 1 } }
        #expect(posted == 25)
        for index in 0..<1000 { if aggregator.take(try #require(Self.news("s\(index)")), now: start) != nil { posted += 1 } }
        #expect(posted == 100 && aggregator.dropped == 1900)
        let later = aggregator.take(try #require(Self.news("web", "one more")), now: start + 300)
        #expect(later != nil)
    }

    @Test func eventsAreAsTheServerDemands() throws {
        var aggregator = EventAggregator()
        let news = try #require(Self.news("web", String(repeating: "ü", count: 2000)))
        let taken = aggregator.take(news, now: Date(timeIntervalSince1970: 1_800_000_000.25))
        let outgoing = try #require(taken)
        let document = EventDocument(outgoing, uid: "u", node: "n1")
        #expect(document.eventTime == "2027-01-15T08:00:00.250000Z" && document.note.utf8.count <= 1024 && document.type == "Warning")
        #expect(document.regarding.name == "web" && document.regarding.namespace == "default" && document.metadata.namespace == "default")
        #expect(EventDocument.time(Date(timeIntervalSince1970: 1_800_000_000)) == "2027-01-15T08:00:00.000000Z")
    }

    @Test func whatConcernsAServiceIsPosted() async throws {
        let server = TestAPIServer(.sample(2))
        let log = EventLog()
        let port = try await server.start()
        let source = KubernetesSource(
            access: .plain(port), node: "n1", version: "test", options: .quick, events: log, logger: Logger(label: "test"))
        let task = Task { await source.run() }
        for await update in source.updates where update.isSynced { break }
        log.post(.started, about: "agent", "started")
        log.post(.conflict, about: "Service default/s1", "tcp 10.96.0.1:80 belongs to Service default/s0, which is older")
        log.post(.conflict, about: "Service default/unknown", "nobody knows it")
        try await eventually("it is posted") { !server.posted.isEmpty }
        task.cancel()
        await task.value
        let posted = try #require(server.posted.first)
        #expect(server.posted.count == 1 && posted.method == "POST" && posted.path == "/apis/events.k8s.io/v1/namespaces/default/events")
        let event = try #require(try JSONSerialization.jsonObject(with: Data(posted.body)) as? [String: Any])
        let regarding = try #require(event["regarding"] as? [String: String])
        #expect(
            regarding["uid"] == server.cluster.objects(.services).first { $0.name == "s1" }?.uid
                && event["reason"] as? String == "AddressConflict")
        await server.stop()
    }
}
