import Addresses
import Foundation
import KubernetesTesting
import Logging
import ServiceModel
import TestSupport
import Testing

@testable import KubernetesSource

/// The source against an API server that behaves, and does not.
@Suite struct ServerTests {
    /// Lets a test play between a server and whoever follows it.
    private static func with(
        _ cluster: TestCluster = .sample(), faults: TestFaults = TestFaults(), options: KubernetesSource.Options = .quick,
        _ body: (TestAPIServer, Follower) async throws -> Void
    ) async throws {
        let server = TestAPIServer(cluster, faults: faults)
        let follower = Follower(.plain(try await server.start()), options: options)
        do { try await body(server, follower) } catch { Issue.record("\(error)\n\(follower.words)") }
        await follower.stop()
        await server.stop()
    }

    private static let kinds: [TestFaults.StreamingLists] = [.offered, .refused, .unknown, .withoutProgress]

    @Test(arguments: kinds) func everythingIsListedAndFollowed(_ streaming: TestFaults.StreamingLists) async throws {
        var faults = TestFaults()
        faults.streamingLists = streaming
        try await Self.with(.sample(3), faults: faults) { server, follower in
            try await eventually("synced") { follower.isSynced }
            #expect(follower.services == ["default/s0", "default/s1", "default/s2"])
            #expect(follower.updates.count { !$0.changed.isEmpty } == 1, "one update has all")
            #expect(follower.content.catalog.nodes.keys.sorted() == ["n1"], "other nodes are not asked for")
            server.cluster.put(.service("s9", address: "10.96.9.9"))
            server.cluster.delete(.services, name: "s0")
            try await eventually("changes are followed") { follower.services == ["default/s1", "default/s2", "default/s9"] }
            server.cluster.put(.slice("s1-a", of: "s1", addresses: ["10.244.1.77"]))
            try await eventually("a slice is followed") {
                follower.content.slices[ObjectName(namespace: "default", name: "s1-a")]?.endpoints.first?.address.description
                    == "10.244.1.77"
            }
            #expect(follower.problems.isEmpty, "\(follower.words)")
        }
    }

    @Test func longListsComeInPages() async throws {
        try await Self.with(.sample(1203), options: .paged) { server, follower in
            try await eventually("synced") { follower.isSynced }
            #expect(follower.services.count == 1203)
            let pages = server.requests.filter { $0.resource == .services && !$0.isWatch }
            #expect(
                pages.map { $0.query["limit"] } == ["500", "500", "500"] && pages[0].query["continue"] == nil
                    && pages[2].query["continue"] != nil)
            #expect(pages.allSatisfy { $0.query["resourceVersion"] == nil })
        }
    }

    @Test func whatIsOthersIsKeptOut() async throws {
        let cluster = TestCluster.sample(1)
        cluster.put(.service("other", address: "10.96.7.1", labels: ["service.kubernetes.io/service-proxy-name": "x"]))
        try await Self.with(cluster) { server, follower in
            try await eventually("synced") { follower.isSynced }
            #expect(follower.services == ["default/s0"])
            server.cluster.put(.service("s0", address: "10.96.0.1", labels: ["service.kubernetes.io/service-proxy-name": "x"]))
            try await eventually("it is given away") { follower.services == [] }
            server.cluster.put(.service("other", address: "10.96.7.1"))
            try await eventually("it is taken over") { follower.services == ["default/other"] }
        }
    }

    // MARK: Faults

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var faults: [(TestFaults.Matching, TestFaults.Fault)]
        var options: KubernetesSource.Options = .paged
    }

    static let cases: [Case] = [
        Case(testDescription: "429 with Retry-After", faults: [(.list(.services), .status(429, reason: "TooManyRequests", retryAfter: 1))]),
        Case(testDescription: "500, 503", faults: [(.list(.services), .status(500)), (.list(.endpointSlices), .status(503))]),
        Case(
            testDescription: "401, 403, 404",
            faults: [(.list(.services), .status(401)), (.list(.nodes), .status(403)), (.list(.nodes), .status(404))]),
        Case(testDescription: "closed without an answer", faults: [(.any, .close), (.any, .close), (.any, .close), (.any, .close)]),
        Case(
            testDescription: "a list cut in the middle",
            faults: [(.list(.services), .cut(afterBytes: 700)), (.list(.nodes), .cut(afterBytes: 3))]),
        Case(
            testDescription: "a list that is no JSON",
            faults: [(.list(.services), .text("<html>proxy</html>")), (.list(.services), .text("{\"items\":[}"))]),
        Case(testDescription: "a list without metadata", faults: [(.list(.services), .text("{\"items\":[]}"))]),
        Case(testDescription: "a slow list", faults: [(.list(.services), .slow(bytes: 97, milliseconds: 3))]),
        Case(testDescription: "watches that expire as an event", faults: [(.watch(.services), .errorEvent(410, reason: "Expired"))]),
        Case(testDescription: "watches that expire as a status", faults: [(.watch(.services), .status(410, reason: "Gone"))]),
        Case(
            testDescription: "watches crowded, failing, forbidden",
            faults: [
                (.watch(.services), .status(429, retryAfter: 1)), (.watch(.services), .errorEvent(500)), (.watch(.services), .status(403)),
            ]),
        Case(
            testDescription: "a watch cut in the middle of a line",
            faults: [(.watch(.services), .cut(afterBytes: 50)), (.watch(.services), .cut(afterBytes: 900))]),
        Case(
            testDescription: "a watch of rubbish",
            faults: [(.watch(.services), .text("rubbish\n")), (.watch(.services), .text("{\"type\":\"ADDED\"}\n"))]),
        Case(
            testDescription: "a watch of unknown things",
            faults: [(.watch(.services), .text("{\"type\":\"MOVED\",\"object\":{\"kind\":\"Comet\",\"metadata\":{\"name\":\"x\"}}}\n"))]),
        Case(
            testDescription: "a watch that says everything twice",
            faults: [(.watch(.services), .duplicates), (.watch(.endpointSlices), .duplicates)]),
        Case(testDescription: "watches that end after an event", faults: (0..<6).map { _ in (.watch(.services), .end(afterEvents: 1)) }),
        Case(testDescription: "a slow watch", faults: [(.watch(.services), .slow(bytes: 13, milliseconds: 1))]),
        Case(
            testDescription: "a streaming list cut in the middle", faults: [(.everything(.services), .cut(afterBytes: 900))],
            options: .quick),
        Case(
            testDescription: "a streaming list with an error",
            faults: [(.everything(.services), .errorEvent(500)), (.everything(.nodes), .errorEvent(410))], options: .quick),
        Case(
            testDescription: "a streaming list that says everything twice", faults: [(.everything(.services), .duplicates)], options: .quick
        ),
        Case(testDescription: "a list that is empty once", faults: [(.list(.services), .emptyList), (.list(.endpointSlices), .emptyList)]),
    ]

    /// Whatever goes wrong, in the end the node knows what the cluster holds.
    @Test(arguments: cases) func afterwardsAllIsKnown(_ fault: Case) async throws {
        var faults = TestFaults()
        faults.next = fault.faults
        try await Self.with(faults: faults, options: fault.options) { server, follower in
            try await eventually("synced") { follower.isSynced }
            for index in 0..<5 { server.cluster.put(.service("t\(index)", address: "10.96.5.\(index + 1)")) }
            server.cluster.delete(.services, name: "s1")
            let wanted = ["s0", "s2", "t0", "t1", "t2", "t3", "t4"].map { "default/" + $0 }
            try await eventually("all is known") { follower.services == wanted }
            try await eventually("nothing is wrong") { follower.problems.isEmpty }
            #expect(
                follower.updates.filter(\.isSynced).allSatisfy { !$0.removed.contains { $0.name.name == "s0" } },
                "nothing went that was there")
        }
    }

    @Test func retryAfterIsObeyed() async throws {
        var faults = TestFaults()
        faults.next = [(.list(.services), .status(429, retryAfter: 2))]
        let began = ContinuousClock.now
        try await Self.with(faults: faults, options: .paged) { _, follower in
            try await eventually("synced") { follower.isSynced }
            #expect(ContinuousClock.now - began >= .seconds(2))
        }
    }

    @Test(arguments: [TestFaults.StreamingLists.offered, .refused])
    func wrongTypesNameTheObjectAndHarmNoOther(_ streaming: TestFaults.StreamingLists) async throws {
        var faults = TestFaults()
        faults.streamingLists = streaming
        // It comes before the others.
        let cluster = TestCluster.sample(2)
        var bad = TestObject.service("bad", address: "10.96.8.1")
        bad.body = bad.body.replacingOccurrences(of: "\"port\":80", with: "\"port\":\"http\"")
        cluster.put(bad)
        try await Self.with(cluster, faults: faults) { server, follower in
            try await eventually("synced") { follower.isSynced }
            #expect(follower.services == ["default/s0", "default/s1"])
            #expect(
                follower.problems.contains { $0.place == "API server, Service default/bad, spec.ports[0].port" && $0.isError },
                "\(follower.words)")
            server.cluster.put(.service("bad", address: "10.96.8.1"))
            try await eventually("it is put right") { follower.services.contains("default/bad") && follower.problems.isEmpty }
            server.cluster.put(bad)
            try await eventually("it is wrong again") { !follower.problems.isEmpty }
            #expect(follower.services.contains("default/bad"), "its last good version stays")
        }
    }

    @Test(arguments: [false, true]) func aGiantObjectIsNamedAndHarmsNoOther(isListed: Bool) async throws {
        let cluster = TestCluster.sample(2)
        let giant = TestObject.service(
            "giant", address: "10.96.8.1", annotations: ["x": String(repeating: "y", count: ListWatch.largestObject)])
        if isListed { cluster.put(giant) }
        try await Self.with(cluster) { server, follower in
            try await eventually("synced") { follower.isSynced }
            if !isListed { server.cluster.put(giant) }
            try await eventually("it is named") {
                follower.problems.contains { $0.description.contains("Service default/giant: larger than") }
            }
            server.cluster.put(.service("s9", address: "10.96.9.9"))
            try await eventually("others are followed") { follower.services == ["default/s0", "default/s1", "default/s9"] }
        }
    }

    // MARK: Outages

    @Test func anOutageKeepsEverythingAndEndsWithTheDifferences() async throws {
        let cluster = TestCluster.sample(20)
        let first = TestAPIServer(cluster)
        let port = try await first.start()
        let follower = Follower(.plain(port))
        try await eventually("synced") { follower.isSynced }
        await first.stop()
        try await eventually("it is said to be stale") { follower.problems.contains { $0.place == "Kubernetes API (test)" && !$0.isError } }
        #expect(follower.problems[0].message.hasSuffix("what it said last stays in force") && follower.services.count == 20)
        let before = follower.updates.count
        cluster.put(.service("s3", address: "10.96.77.1"))
        cluster.put(.service("new", address: "10.96.77.2"))
        cluster.delete(.services, name: "s4")
        cluster.compact()
        let second = TestAPIServer(cluster)
        _ = try await second.start(port: port)
        try await eventually("it is fresh again") {
            follower.problems.isEmpty && follower.services.contains("default/new") && !follower.services.contains("default/s4")
        }
        let updates = follower.updates[before...]
        #expect(Set(updates.flatMap(\.changed).map(\.key.description)) == ["Service default/s3", "Service default/new"])
        #expect(updates.flatMap(\.removed).map(\.description) == ["Service default/s4"])
        await follower.stop()
        await second.stop()
    }

    @Test func aServerThatLostItsDataIsDoubted() async throws {
        try await Self.with(.sample(8), options: .paged) { server, follower in
            try await eventually("synced") { follower.isSynced }
            let objects = server.cluster.objects(.services)
            server.change { $0.next = [(.watch(.services), .errorEvent(410, reason: "Expired")), (.list(.services), .emptyList)] }
            // The watch ends by itself after some seconds; one that was cut might take the fault with it.
            try await eventually("the list was asked for") { server.requests.filter { $0.resource == .services && !$0.isWatch }.count >= 3 }
            #expect(follower.services.count == 8 && objects.count == 8)
            #expect(follower.updates.flatMap(\.removed).isEmpty)
            #expect(
                follower.updates.contains { $0.problems?.contains { $0.message.contains("lacks 8 of 8 Services") } == true }, "it says so")
            server.cluster.lose(.services)
            server.disconnect()
            try await eventually("two lists are believed") { follower.services.isEmpty }
        }
    }

    // MARK: Reading once

    @Test func readingOnceReadsEverythingOrSaysWhyNot() async throws {
        let server = TestAPIServer(.sample(3))
        let port = try await server.start()
        func source(_ port: Int, node: String = "n1") -> KubernetesSource {
            var options = KubernetesSource.Options.quick
            options.patience = .seconds(15)
            return KubernetesSource(access: .plain(port), node: node, version: "test", options: options, logger: .init(label: "test"))
        }
        let update = try await source(port).readOnce()
        #expect(update.isSynced && update.changed.count == 7)
        await #expect { try await source(port, node: "n7").readOnce() } throws: { "\($0)".contains("no Node n7") }
        await server.stop()
        await #expect { try await source(port).readOnce() } throws: { "\($0)".contains("efused") }
    }
}
