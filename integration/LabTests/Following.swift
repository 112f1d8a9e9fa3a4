import Foundation
import Testing

extension LabTests {
    /// The node follows its documents.
    @Suite @MainActor struct Following {
        /// What a change takes at most until it is in force; no resync may bring it instead.
        private let soon = Duration.seconds(2)

        @Test func endpointsComeAndGo() async throws {
            var service = ServiceManifest()
            try await Scene.with(.bridge, [service]) { scene in
                _ = try await scene.startAgent("--ipvs-sync-period", "1h")
                service.endpoints.remove(at: 1)
                try scene.manifests.write(service)
                try await scene.untilTable(has: "10.96.0.20:80 -r 10.244.0.12:8080", false, within: soon)
                #expect(try await scene.ask("10.96.0.20", count: 9).counts == ["web-1": 3, "web-3": 3, "web-4": 3])
                service.endpoints = Topology.endpoints4
                try scene.manifests.write(service)
                try await scene.untilTable(has: "10.96.0.20:80 -r 10.244.0.12:8080", within: soon)
                #expect(try await scene.ask("10.96.0.20", count: 8).counts["web-2"] == 2)
            }
        }

        @Test func servicesComeAndGo() async throws {
            try await Scene.with { scene in
                _ = try await scene.startAgent("--ipvs-sync-period", "1h")
                var service = ServiceManifest(ports: [.http])
                try scene.manifests.write(service)
                try await scene.untilTable(has: "-a -t 10.96.0.20:80", within: soon)
                try await eventually("it answers", within: soon) { try await scene.ask("10.96.0.20").failures == "" }

                service.ports[0].number = 8000
                try scene.manifests.write(service)
                try await scene.untilTable(has: "-a -t 10.96.0.20:8000", within: soon)
                // What has had connections is drained first, for a second at least.
                try await scene.untilTable(has: "10.96.0.20:80 ", false)
                #expect(try await scene.ask("10.96.0.20", 8000, count: 4).failures == "")
                #expect(try await scene.ask("10.96.0.20").failures.contains("refused"))

                try scene.manifests.remove("web.yaml")
                try await scene.untilTable(has: "10.96.0.20", false, within: soon)
                try await eventually("its address goes", within: soon) { try await !Self.addresses.contains("10.96.0.20") }
            }
        }

        /// A volume of Kubernetes swaps a link, and all of its files change at once.
        @Test func aSwappedVolumeIsOneChange() async throws {
            try await Scene.with { scene in
                func publish(_ name: String, _ service: ServiceManifest) async throws {
                    let version = try ManifestDirectory(scene.manifests.path + "/" + name)
                    try version.write(service)
                    try await Program.script(
                        """
                        cd \(scene.manifests.path)
                        ln -s \(name) ..data_tmp
                        mv -T ..data_tmp ..data
                        [[ -e web.yaml ]] || ln -s ..data/web.yaml web.yaml
                        """)
                }
                try await publish("..1", ServiceManifest())
                let agent = try await scene.startAgent("--ipvs-sync-period", "1h")
                try await publish("..2", ServiceManifest(ports: [.http], endpoints: ["10.244.1.11"]))
                // The table is read in several pieces, between which the kernel may take some of the agent's messages: so it is read again.
                try await eventually("the new volume is in force", within: soon) {
                    try await scene.table == ["-A -t 10.96.0.20:80 -s rr", "-a -t 10.96.0.20:80 -r 10.244.1.11:8080 -m -w 1"]
                }
                #expect(agent.error.components(separatedBy: "applied a change").count == 3, "the start and one change: \(agent.error)")
            }
        }

        @Test func aBadDocumentStopsNoOther() async throws {
            var good = ServiceManifest(name: "good", addresses: ["10.96.0.30"], ports: [.http])
            try await Scene.with(.bridge, [ServiceManifest(ports: [.http]), good]) { scene in
                let agent = try await scene.startAgent("--ipvs-sync-period", "1h")
                let bad = ServiceManifest(ports: [.http]).text.replacing("port: 80,", with: "port: 70000,")
                try scene.manifests.write(bad, to: "web.yaml")
                good.endpoints = ["10.244.0.11"]
                try scene.manifests.write(good)
                try await scene.untilTable(has: "10.96.0.30:80 -r 10.244.0.12", false, within: soon)
                try await eventually("the log says where it is", within: soon) {
                    agent.error.contains(#/error .*web\.yaml:\d+, document 1, Service default\/web, spec\.ports\[0\]\.port: .*70000/#)
                }
                #expect(try await scene.table.contains("-a -t 10.96.0.20:80 -r 10.244.0.12:8080 -m -w 1"), "the last good one stays")

                // Not even YAML.
                try scene.manifests.write("apiVersion: v1\nkind: [Service\n", to: "web.yaml")
                try await eventually("the log says so", within: soon) {
                    agent.error.contains(#/error .*web\.yaml:\d+.*not readable as YAML/#)
                }
                #expect(try await scene.ask("10.96.0.20", count: 4).counts.count == 4)
            }
        }

        @Test func aDirectoryThatVanishesEmptiesNothing() async throws {
            try await Scene.with(.bridge, [ServiceManifest()]) { scene in
                let agent = try await scene.startAgent("--ipvs-sync-period", "1h")
                let before = try await scene.table
                let away = scene.manifests.path + ".away"
                try FileManager.default.moveItem(atPath: scene.manifests.path, toPath: away)
                try await eventually("the log says so") { agent.error.contains(#/error .*manifests/#) }
                #expect(try await scene.table == before)
                try FileManager.default.moveItem(atPath: away, toPath: scene.manifests.path)
                try scene.manifests.write(ServiceManifest(name: "new", addresses: ["10.96.0.40"]))
                try await scene.untilTable(has: "-a -t 10.96.0.40:80")
                #expect(try await Set(scene.table).isSuperset(of: before))
                #expect(try await scene.ask("10.96.0.20", count: 4).counts.count == 4)
            }
        }

        private static var addresses: String {
            get async throws { try await Program.run("ip", "-o", "address", "show", "dev", "kube-ipvs0", in: "n1").output }
        }
    }
}
