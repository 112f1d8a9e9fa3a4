import Addresses
import Foundation
import KubernetesTesting
import ServiceModel
import Synchronization
import TestSupport
import Testing

@testable import KubernetesSource

/// A random history of objects, served with random faults: in the end the node knows what the server holds, and nothing else.
@Suite struct RandomHistoryTests {
    /// Chooses what goes wrong, the same for the same seed and order of requests.
    private final class Chance: Sendable {
        private let generator: Mutex<SeededGenerator>
        let isQuiet = Mutex(false)

        init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

        func fault(_ request: TestRequest) -> TestFaults.Fault? {
            if isQuiet.withLock({ $0 }) { return nil }
            return generator.withLock { generator in
                guard Int.random(in: 0..<3, using: &generator) == 0 else { return nil }
                let count = Int.random(in: 0..<4000, using: &generator)
                switch Int.random(in: 0..<11, using: &generator) {
                case 0: return .close
                case 1, 2: return .cut(afterBytes: count)
                case 3: return .duplicates
                case 4: return .end(afterEvents: count % 20)
                case 5: return .errorEvent(410, reason: "Expired")
                case 6: return .errorEvent(500)
                case 7: return .status([410, 429, 500, 503].randomElement(using: &generator) ?? 500)
                case 8:
                    return .text(
                        ["rubbish\n", "{\"items\":[", "{\"type\":\"ADDED\",\"object\":{}}\n"].randomElement(using: &generator) ?? "")
                case 9: return .slow(bytes: 301, milliseconds: 1)
                default: return .emptyList
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func theNodeEndsWithWhatTheServerHolds(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let cluster = TestCluster.sample(20)
        let chance = Chance(seed: seed &+ 1000)
        var faults = TestFaults()
        faults.chance = { chance.fault($0) }
        faults.streamingLists = [.offered, .refused, .withoutProgress][Int(seed % 3)]
        faults.longestWatch = .milliseconds(400)
        faults.bookmarkMilliseconds = 50
        let server = TestAPIServer(cluster, faults: faults)
        let follower = Follower(.plain(try await server.start()), options: seed % 2 == 0 ? .paged : .quick)
        for _ in 0..<120 {
            for _ in 0..<Int.random(in: 0..<6, using: &generator) { Self.change(cluster, &generator) }
            switch Int.random(in: 0..<12, using: &generator) {
            case 0: server.disconnect()
            case 1: cluster.compact()
            default: break
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0..<25, using: &generator)))
        }
        chance.isQuiet.withLock { $0 = true }
        do {
            try await eventually("the node knows what the server holds", within: .seconds(90)) {
                Self.difference(follower.content, cluster) == nil
            }
            try await eventually("nothing is wrong", within: .seconds(90)) { follower.problems.isEmpty }
        } catch {
            Issue.record("seed \(seed): \(error): \(Self.difference(follower.content, cluster) ?? "")\n\(follower.words)")
        }
        #expect(follower.updates.allSatisfy { $0.isSynced || $0.changed.isEmpty && $0.removed.isEmpty })
        await follower.stop()
        await server.stop()
    }

    private static func change(_ cluster: TestCluster, _ generator: inout SeededGenerator) {
        let number = Int.random(in: 0..<60, using: &generator)
        let other = Int.random(in: 1..<250, using: &generator)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: cluster.delete(.services, name: "s\(number)")
        case 1: cluster.delete(.endpointSlices, name: "s\(number)-a")
        case 2: cluster.put(.service("s\(number)", address: "10.97.\(number).\(other)"))
        case 3:
            let labels = other % 3 == 0 ? ["service.kubernetes.io/service-proxy-name": "other"] : [:]
            cluster.put(.service("s\(number)", address: "10.97.\(number).\(other)", labels: labels))
        case 4: cluster.put(.node("n1", zone: "z\(other % 4)"))
        case 5: cluster.put(.node("n2", zone: "z\(other % 4)"))
        default:
            // A slice may pass from one Service to another.
            cluster.put(.slice("s\(number)-a", of: "s\(other % 60)", addresses: (0..<other % 4).map { "10.244.\($0).\(other)" }))
        }
    }

    /// What the node knows otherwise than the server; nil where nothing.
    private static func difference(_ content: Follower.Content, _ cluster: TestCluster) -> String? {
        var selector = TestCluster.Selector()
        selector.absent = ["service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"]
        var wanted: Set<SourceObject> = []
        for resource in [TestResource.services, .endpointSlices] {
            let kind: SourceObject.Kind = resource == .services ? .service : .endpointSlice
            for object in cluster.objects(resource, selector) {
                guard case (_, .object(let read, _, _)) = ObjectReading.read(.whole(Array(object.json().utf8)), kind) else {
                    return "an object of the server cannot be read"
                }
                wanted.insert(read)
            }
        }
        for object in cluster.objects(.nodes) where object.name == "n1" {
            if case (_, .object(let read, _, _)) = ObjectReading.read(.whole(Array(object.json().utf8)), .node) { wanted.insert(read) }
        }
        var known = Set(content.catalog.services.values.map { SourceObject.service($0) })
        known.formUnion(content.slices.values.map { .endpointSlice($0) })
        known.formUnion(content.catalog.nodes.values.map { .node($0) })
        let missing = wanted.subtracting(known).map { "\($0.key)" }.sorted()
        let extra = known.subtracting(wanted).map { "\($0.key)" }.sorted()
        return missing.isEmpty && extra.isEmpty ? nil : "missing or different: \(missing); too much or different: \(extra)"
    }
}
