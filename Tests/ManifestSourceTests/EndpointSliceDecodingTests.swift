import Addresses
import ManifestSource
import ServiceModel
import Testing

@Suite struct EndpointSliceDecodingTests {
    let reader = ManifestReader()

    @Test func everyFieldIsRead() throws {
        let text = slice(
            """
            addressType: IPv6
            ports: [{name: "", port: 8080}, {name: dns, port: 53, protocol: UDP, appProtocol: null}]
            endpoints:
            - addresses: ["fd00::1", "fd00::2"]
              conditions: {ready: true, serving: true, terminating: false}
              nodeName: n1
              zone: a
              targetRef: {kind: Pod, name: x}
              hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}
            - addresses: ["fd00::3"]
              conditions: {ready: null}
            - addresses: ["fd00::4"]
              conditions: {ready: false}
            """)
        #expect(reader.problems(text) == [])
        func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
        let expected = EndpointSlice(
            name: ObjectName(namespace: "default", name: "web-1"), service: ObjectName(namespace: "default", name: "web"), family: .ipv6,
            ports: [EndpointPort(port: 8080), EndpointPort(name: "dns", transport: .udp, port: 53)],
            endpoints: [
                Endpoint(address: try address("fd00::1"), nodeName: "n1", zone: "a", zoneHints: ["a", "b"], nodeHints: ["n1"]),
                Endpoint(address: try address("fd00::3")),
                Endpoint(address: try address("fd00::4"), isReady: false, isServing: false),
            ])
        #expect(reader.slice(text) == expected)
    }

    @Test func aPortWithoutNumberOrNameIsLeftOutAndTold() {
        let text = slice("addressType: IPv4\nports:\n- name: a\n- port: 80\n- {name: b, port: 81}\nendpoints: []")
        #expect(
            reader.problems(text) == [
                "web.yaml:8, document 1, EndpointSlice default/web-1, ports[0].port: missing: a port without a number cannot be balanced; the port is ignored",
                "web.yaml:9, document 1, EndpointSlice default/web-1, ports[1].name: missing, so that no port of the Service matches; the port is ignored (an unnamed port has the name \"\")",
            ])
        #expect(reader.slice(text)?.ports == [EndpointPort(name: "b", port: 81)])
    }

    @Test(arguments: [
        (
            "addressType: FQDN",
            "web.yaml:6, document 1, EndpointSlice default/web-1, addressType: endpoints by name cannot be balanced here; the slice is ignored"
        )
    ]) func someSlicesAreIgnoredWithAWord(fields: String, message: String) {
        let contents = reader.read(slice(fields), file: "web.yaml")
        #expect(contents.problems.map(\.description) == [message])
        #expect(contents.problems.allSatisfy { !$0.isError })
        #expect(contents.entries == [])
    }

    @Test func aSliceOfNoServiceIsIgnoredWithAWord() {
        let text = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x}\naddressType: IPv4\nendpoints: []"
        #expect(
            reader.problems(text) == [
                "web.yaml:3, document 1, EndpointSlice default/x, metadata.labels: without the label kubernetes.io/service-name the slice belongs to no Service and is ignored"
            ])
    }

    @Test func aHeadlessServicesSliceIsIgnoredSilently() {
        let text =
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x, labels: {service.kubernetes.io/headless: \"\", kubernetes.io/service-name: w}}\naddressType: IPv4"
        #expect(reader.read(text, file: "x") == ManifestContents())
    }

    @Test(arguments: [
        ("endpoints: []", "addressType: missing: IPv4 or IPv6"),
        ("addressType: ipv4", "addressType: \"ipv4\" is none of IPv4, IPv6, FQDN"),
        (
            "addressType: IPv4\nendpoints: [{addresses: [\"fd00::1\"]}]",
            "endpoints[0].addresses[0]: fd00::1 is an IPv6 address in a slice of IPv4 addresses"
        ),
        ("addressType: IPv4\nendpoints: [{addresses: [10.0.0]}]", "endpoints[0].addresses[0]: \"10.0.0\" is not an IP address"),
        ("addressType: IPv4\nendpoints: [{addresses: []}]", "endpoints[0].addresses: missing: an endpoint needs an address"),
        (
            "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: 1}}]",
            "endpoints[0].conditions.ready: 1 is a number where true or false is wanted"
        ),
        ("addressType: IPv4\nports: [{name: a, port: 1}, {name: a, port: 2}]", "ports[1].name: \"a\" is already the name of ports[0]"),
        (
            "addressType: IPv4\nendpoints: [\(String(repeating: "{addresses: [10.0.0.1]},", count: 1001))]",
            "endpoints: 1001 endpoints; at most 1000 in a slice"
        ),
        ("addressType: IPv4\nports: [\(String(repeating: "{name: a, port: 1},", count: 101))]", "ports: 101 ports; at most 100 in a slice"),
    ]) func faultsAreNamed(fields: String, message: String) throws {
        let contents = reader.read(slice(fields), file: "web.yaml")
        #expect(contents.problems.count == 1)
        let problem = try #require(contents.problems.first).description
        #expect(problem.hasSuffix("EndpointSlice default/web-1, \(message)"), "\(problem)")
        #expect(contents.entries.map(\.object) == [nil])
    }

    @Test func aNodeIsRead() throws {
        let text = """
            apiVersion: v1
            kind: Node
            metadata: {name: n1.example, labels: {topology.kubernetes.io/zone: a}}
            spec: {podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24, "fd00:10:244::/64"]}
            status: {addresses: [{type: Hostname, address: n1}, {type: InternalIP, address: 192.0.2.10}, {type: ExternalIP, address: "2001:db8::1"}]}
            """
        #expect(reader.problems(text) == [])
        let expected = ServiceModel.Node(
            name: "n1.example", addresses: [try #require(IPAddress("192.0.2.10")), try #require(IPAddress("2001:db8::1"))],
            podRanges: [try #require(IPPrefix("10.244.0.0/24")), try #require(IPPrefix("fd00:10:244::/64"))], zone: "a")
        #expect(reader.node(text) == expected)
        #expect(
            reader.problems("apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec: {podCIDRs: [10.0.0.0/33]}") == [
                "web.yaml:4, document 1, Node n, spec.podCIDRs[0]: \"10.0.0.0/33\" is not a range such as 10.244.0.0/24"
            ])
    }

    @Test(arguments: [
        ("spec: {}", nil),
        ("spec: {taints: [{key: node.kubernetes.io/unschedulable, effect: NoSchedule}]}", nil),
        (
            "spec: {taints: [{key: other}, {key: ToBeDeletedByClusterAutoscaler, value: '1', effect: NoSchedule}]}",
            "the node has the taint ToBeDeletedByClusterAutoscaler"
        ),
    ])
    func aNodeThatItsAutoscalerRemovesLeaves(spec: String, leaving: String?) {
        #expect(reader.node("apiVersion: v1\nkind: Node\nmetadata: {name: n}\n\(spec)")?.leaving == leaving)
    }

    @Test func aNodeThatIsBeingDeletedLeaves() {
        let text = "apiVersion: v1\nkind: Node\nmetadata: {name: n, deletionTimestamp: '2026-11-21T00:23:06Z'}"
        #expect(reader.node(text)?.leaving == "the node is being deleted")
    }

    @Test(
        arguments: [
            ("'2026-11-21T00:23:06.25Z'", 1_795_220_586_250), ("'2026-11-21T00:23:06.1239999Z'", 1_795_220_586_123),
            ("'2026-11-21T00:23:06Z'", 1_795_220_586_000), ("soon", nil), ("null", nil),
        ] as [(String, Int64?)])
    func whenAChangeBeganIsRead(text: String, milliseconds: Int64?) {
        let text = """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata:
              name: web-1
              labels: {kubernetes.io/service-name: web}
              annotations: {endpoints.kubernetes.io/last-change-trigger-time: \(text)}
            addressType: IPv4
            ports: []
            endpoints: []
            """
        let contents = reader.read(text, file: "web.yaml")
        #expect(contents.problems == [])
        guard case .endpointSlice(let slice)? = contents.entries.first?.object else {
            Issue.record("no slice")
            return
        }
        #expect(slice.changeTriggered == milliseconds)
    }
}
