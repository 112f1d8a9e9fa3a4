import Foundation
import Testing

extension LabTests {
    /// Which server gets how much, by scheduler, weights and flags.
    @Suite @MainActor struct Distribution {
        @Test func roundRobinTakesTurns() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                _ = try await scene.startAgent()
                let answers = try await scene.ask("10.96.0.20", count: 12)
                #expect(answers.failures == "")
                #expect(answers.counts == ["web-1": 3, "web-2": 3, "web-3": 3, "web-4": 3])
            }
        }

        @Test func weightsAreShares() async throws {
            var weighted = ServiceManifest()
            weighted.annotations = ["scheduler": "wrr", "weights": #"{"10.244.0.11": 3, "10.244.1.12": 0}"#]
            try await Scene.with(.bridge, [weighted]) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.ask("10.96.0.20", count: 20).counts == ["web-1": 12, "web-2": 4, "web-3": 4])
                // A connection that stands counts for the weighted least connections of the same servers.
                weighted.annotations["scheduler"] = "wlc"
                try scene.manifests.write(weighted)
                try await scene.untilTable(has: "-A -t 10.96.0.20:7 -s wlc")
                let connections = try await scene.load("10.96.0.20", connections: 10)
                #expect(connections["web-1"] == 6 && connections["web-2"] == 2 && connections["web-3"] == 2, "\(connections)")
            }
        }

        @Test func leastConnectionFillsUpWhoHasFewest() async throws {
            var service = ServiceManifest()
            service.annotations = ["scheduler": "lc"]
            service.endpoints = ["10.244.0.11"]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.load("10.96.0.20", connections: 4) == ["web-1": 4])
                service.endpoints = ["10.244.0.11", "10.244.0.12"]
                try scene.manifests.write(service)
                try await scene.untilTable(has: "10.96.0.20:7 -r 10.244.0.12:7")
                // Taking turns would send half of these to web-1.
                #expect(try await scene.load("10.96.0.20", connections: 4) == ["web-2": 4])
                #expect(try await scene.load("10.96.0.20", connections: 4) == ["web-1": 2, "web-2": 2])
            }
        }

        /// Each client address keeps its server, and many addresses use several.
        @Test(arguments: ["sh", "mh"]) func hashingKeepsASourceWithItsServer(_ scheduler: String) async throws {
            var service = ServiceManifest()
            service.annotations = ["scheduler": scheduler, "scheduler-flags": "fallback"]
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                #expect(try await scene.table.contains("-A -t 10.96.0.20:80 -s \(scheduler) -b \(scheduler)-fallback"))
                var used: Set<String> = []
                for source in Topology.clientSources.prefix(10) {
                    let answers = try await scene.ask("10.96.0.20", count: 4, "--bind", source)
                    #expect(answers.failures == "")
                    #expect(answers.servers.count == 1, "\(source): \(answers.counts)")
                    #expect(answers.clients == [source])
                    used.formUnion(answers.servers)
                }
                #expect(used.count >= 2, "\(used)")
                // With the flag `port`, the connections of one address spread.
                service.annotations["scheduler-flags"] = "port"
                try scene.manifests.write(service)
                try await scene.untilTable(has: "-A -t 10.96.0.20:80 -s \(scheduler) -b \(scheduler)-port")
                #expect(try await scene.ask("10.96.0.20", count: 20).servers.count >= 2)
            }
        }

        @Test func ipvsctlShowsWhatWasAskedFor() async throws {
            var service = ServiceManifest()
            service.ports = [.http]
            service.annotations = ["scheduler": "mh", "scheduler-flags": "fallback,port", "weights": #"{"10.244.0.12": 7}"#]
            service.affinitySeconds = 600
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent()
                let result = try await Program.run(Laboratory.control, "get", "services", "-o", "json", in: "n1")
                let list = try JSONDecoder().decode(List.self, from: Data(result.output.utf8))
                let item = try #require(list.items.first)
                #expect(list.items.count == 1)
                #expect(item.key == .init(address: "10.96.0.20", port: 80, protocol: "tcp"))
                #expect(item.scheduler == "mh" && item.schedulerFlags == ["fallback", "port"])
                #expect(item.persistence == .init(timeout: 600, prefixLength: 32))
                let weights = Dictionary(uniqueKeysWithValues: item.realServers.map { ($0.address, $0.weight) })
                #expect(weights == ["10.244.0.11": 1, "10.244.0.12": 7, "10.244.1.11": 1, "10.244.1.12": 1])
            }
        }

        private struct List: Decodable {
            var items: [Item]

            struct Item: Decodable {
                var key: Key
                var scheduler: String
                var schedulerFlags: [String]
                var persistence: Persistence?
                var realServers: [RealServer]
            }
            struct Key: Decodable, Equatable {
                var address: String
                var port: UInt16
                var `protocol`: String
            }
            struct Persistence: Decodable, Equatable {
                var timeout: UInt32
                var prefixLength: Int
            }
            struct RealServer: Decodable {
                var address: String
                var weight: Int
            }
        }
    }
}
