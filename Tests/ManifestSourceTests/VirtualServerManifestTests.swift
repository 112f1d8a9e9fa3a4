import Addresses
import Foundation
import HealthModel
import IPVSModel
import ManifestSource
import ServiceModel
import Testing

/// VirtualServer documents, alone and as the list that `ipvsctl save` writes.
@Suite struct VirtualServerManifestTests {
    private static let reader = ManifestReader()

    private static func document(_ spec: String, metadata: String = "{name: web}") -> String {
        "apiVersion: ipvs-agent.dev/v1alpha1\nkind: VirtualServer\nmetadata: \(metadata)\nspec: \(spec)\n"
    }

    private func asked(_ text: String) -> VirtualServerRequest? {
        guard case .virtualServer(let request)? = Self.reader.objects(text).first else { return nil }
        return request
    }

    private static let head = "address: 198.51.100.1, port: 80, protocol: tcp, scheduler: wrr"

    @Test func allThatItSaysIsTaken() throws {
        let text = Self.document(
            """

              address: 198.51.100.1
              port: 80
              protocol: tcp
              scheduler: mh
              schedulerFlags: [port, fallback]
              persistence: {timeout: 600, prefixLength: 24}
              drainTimeout: 20s
              slowStart: 0
              healthPolicy: http
              realServers:
                - {address: 10.0.0.1, port: 8080, weight: 5, upperThreshold: 100, lowerThreshold: 50}
                - {address: 10.0.0.2, port: 80, forwarding: direct}
                - {address: 10.0.0.3, port: 80, forwarding: tunnel, tunnel: {type: gue, port: 6080, checksum: remote}}
            """, metadata: "{name: web, labels: {tier: front}, creationTimestamp: '2026-11-21T00:00:00Z'}")
        #expect(Self.reader.problems(text) == [])
        let request = try #require(asked(text))
        #expect(request.key.description == "tcp 198.51.100.1:80" && request.name == "web" && request.created != nil)
        #expect(request.configuration.description == "mh (fallback,port) persistent 600s /24")
        let servers = request.realServers.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        #expect(
            servers == [
                "10.0.0.1:8080 masquerade weight 5 connections 50…100", "10.0.0.2:80 direct weight 1",
                "10.0.0.3:80 tunnel gue:6080+remcsum weight 1",
            ])
        #expect(request.annotations == ["health-policy": "http", "drain-timeout": "20s", "slow-start": "0"])
        #expect(request.labels == ["tier": "front"] && request.objectName.description == "ipvs-agent.dev/web")
    }

    @Test func aMarkAndAPolicyOfItsOwn() throws {
        let spec = "{firewallMark: 7, family: IPv6, scheduler: rr, health: {check: {type: tcp, port: 80}, interval: 2s}}"
        let request = try #require(asked(Self.document(spec)))
        #expect(request.key == .firewallMark(7, .ipv6))
        #expect(request.health?.name == "ipvs-agent.dev/web" && request.health?.timing.interval == .seconds(2))
        #expect(request.annotations["health-policy"] == "ipvs-agent.dev/web")
    }

    /// A saved table names its virtual servers by what they are; one item that is wrong spoils no other.
    @Test func aSavedTableIsAListOfThem() {
        let text = """
            apiVersion: ipvs-agent.dev/v1alpha1
            kind: VirtualServerList
            items:
            - metadata: {name: tcp-198.51.100.1-80}
              spec: {\(Self.head)}
            - spec: {address: '2001:db8::1', port: 53, protocol: udp, scheduler: rr}
            - metadata: {name: bad}
              spec: {address: 198.51.100.1, port: 80, protocol: tcp}

            """
        #expect(
            Self.reader.objects(text).map(\.key.description) == ["VirtualServer tcp-198.51.100.1-80", "VirtualServer udp-2001-db8--1-53"])
        #expect(
            Self.reader.problems(text) == [
                "web.yaml:8, document 1, VirtualServer bad, spec.scheduler: missing: the scheduler, such as rr"
            ])
    }

    @Test(arguments: [
        ("{\(head), schedular: rr}", "spec.schedular: unknown field; did you mean scheduler?"),
        (
            "{address: 198.51.100.1, port: 80, protocol: tcp, scheduler: wlcc}",
            "spec.scheduler: \"wlcc\" is no scheduler of Linux; did you mean wlc?"
        ),
        ("{address: 0.0.0.0, port: 80, protocol: tcp, scheduler: rr}", "spec.address: 0.0.0.0 cannot be the address of a virtual server"),
        (
            "{address: 127.0.0.1, port: 80, protocol: tcp, scheduler: rr}",
            "spec.address: 127.0.0.1 cannot be the address of a virtual server"
        ),
        (
            "{\(head), realServers: [{address: 10.0.0.1, port: 8080, forwarding: direct}]}",
            "spec.realServers[0].port: 8080 is not the virtual server's port, 80, which packets keep with forwarding direct"
        ),
        (
            "{\(head), realServers: [{address: 10.0.0.1, port: 80, forwarding: drect}]}",
            "spec.realServers[0].forwarding: \"drect\" is none of masquerade, direct, tunnel, local, bypass"
        ),
        (
            "{\(head), realServers: [{address: 10.0.0.1, port: 80, wieght: 2}]}",
            "spec.realServers[0].wieght: unknown field; did you mean weight?"
        ),
        ("{\(head), healthPolicy: http, health: {}}", "spec.healthPolicy: either health or healthPolicy, not both"),
        ("{\(head), drainTimeout: 20}", "spec.drainTimeout: 20 is a number where a length of time is wanted: 20s, for seconds"),
        ("{\(head), health: {services: [a/b]}}", "spec.health.services: is for a HealthPolicy; here it is this virtual server's"),
        (
            "{firewallMark: 7, scheduler: rr, health: {check: {type: tcp}}, realServers: [{address: 10.0.0.1, port: 0}]}",
            "spec.health: check.port is missing: a real server with port 0 has none that could be probed"
        ),
    ])
    func aWrongFieldIsToldWithItsPlace(_ spec: String, _ problem: String) {
        let text = Self.document(spec)
        #expect(
            Self.reader.problems(text).contains("web.yaml:4, document 1, VirtualServer web, \(problem)"), "\(Self.reader.problems(text))")
        #expect(Self.reader.objects(text) == [])
    }

    @Test func theExamplesAreGood() throws {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let directory = package.path + "/examples/virtual-servers"
        let files = try FileManager.default.contentsOfDirectory(atPath: directory)
        #expect(files.count == 3)
        for file in files {
            let contents = Self.reader.read(Array(try Data(contentsOf: URL(filePath: directory + "/" + file))), file: file)
            #expect(contents.problems == [] && contents.entries.count == 1, "\(contents.problems)")
        }
    }

    /// In one directory with Services; what goes wrong keeps its last good version, and what goes takes its own policy with it.
    @Test func theLastGoodVersionStays() {
        var collection = ManifestCollection()
        var catalog = ServiceCatalog()
        let good = Self.document("{\(Self.head), health: {check: {type: tcp}}}")
        let other = service("clusterIP: 10.96.0.10\nports: [{port: 80}]")
        collection.replace("web.yaml", with: Self.reader.read(good + "---\n" + other, file: "web.yaml"))
        var touched = collection.takeUpdate(isSynced: true).map { catalog.take($0) }
        let name = VirtualServerRequest.objectName("web")
        #expect(touched?.services == [name, ObjectName(namespace: "default", name: "web")])
        #expect(touched?.policies == ["ipvs-agent.dev/web"] && catalog.policies["ipvs-agent.dev/web"] != nil)
        let before = catalog.services
        collection.replace("web.yaml", with: Self.reader.read(Self.document("{\(Self.head)x}") + "---\n" + other, file: "web.yaml"))
        touched = collection.takeUpdate(isSynced: true).map { catalog.take($0) }
        #expect(touched?.services == [] && catalog.services == before)
        collection.remove("web.yaml")
        touched = collection.takeUpdate(isSynced: true).map { catalog.take($0) }
        #expect(touched?.services.count == 2 && catalog.services.isEmpty && catalog.policies.isEmpty)
    }
}
