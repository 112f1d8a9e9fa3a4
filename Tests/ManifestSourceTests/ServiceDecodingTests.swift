import Addresses
import ManifestSource
import ServiceModel
import Testing

@Suite struct ServiceDecodingTests {
    let reader = ManifestReader()

    @Test func everyFieldIsRead() throws {
        let text = """
            apiVersion: v1
            kind: Service
            metadata:
              name: web
              namespace: shop
              creationTimestamp: 2026-11-21T00:23:06Z
              labels: {service.kubernetes.io/service-proxy-name: other}
              annotations:
                ipvs-agent.dev/scheduler: wrr
                ipvs-agent.dev/weights: '{"10.0.0.1": 3}'
                elsewhere.example/x: y
              managedFields: [{manager: kubectl, fieldsV1: {"f:spec": {}}}]
            spec:
              type: LoadBalancer
              clusterIP: 10.96.0.10
              clusterIPs: [10.96.0.10, "fd00::10"]
              ipFamilies: [IPv4, IPv6]
              selector: {app: web}
              sessionAffinity: ClientIP
              sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
              internalTrafficPolicy: Local
              publishNotReadyAddresses: true
              unknownField: {a: [1, 2]}
              ports:
              - {name: http, port: 80, targetPort: web, nodePort: 30080}
              - {name: dns, port: 53, protocol: UDP, targetPort: 5353, nodePort: 0}
              - {name: dia, port: 0xf1c, protocol: SCTP}
              externalIPs: [203.0.113.80]
              externalTrafficPolicy: Local
              allocateLoadBalancerNodePorts: false
              healthCheckNodePort: 32000
              loadBalancerSourceRanges: [" 192.0.2.0/25 "]
              status: {loadBalancer: {}}
            status:
              loadBalancer:
                ingress: [{ip: 198.51.100.1}, {ip: 198.51.100.2, ipMode: Proxy}, {hostname: a.example}, {ip: "2001:db8::1", ipMode: VIP}]
            """
        #expect(reader.problems(text) == [])
        let expected = Service(
            name: ObjectName(namespace: "shop", name: "web"), created: 1_795_220_586, type: .loadBalancer,
            clusterAddresses: [try #require(IPAddress("10.96.0.10")), try #require(IPAddress("fd00::10"))],
            ports: [
                ServicePort(name: "http", port: 80, nodePort: 30080), ServicePort(name: "dns", transport: .udp, port: 53),
                ServicePort(name: "dia", transport: .sctp, port: 3868),
            ], affinityTimeout: 60, internalTrafficPolicy: .local, externalTrafficPolicy: .local,
            externalAddresses: [try #require(IPAddress("203.0.113.80"))],
            loadBalancerAddresses: [try #require(IPAddress("198.51.100.1")), try #require(IPAddress("2001:db8::1"))],
            sourceRanges: [try #require(IPPrefix("192.0.2.0/25"))], healthCheckNodePort: 32000, publishNotReadyAddresses: true,
            proxyName: "other",
            annotations: ["scheduler": "wrr", "weights": "{\"10.0.0.1\": 3}"],
            labels: ["service.kubernetes.io/service-proxy-name": "other"])
        #expect(reader.service(text) == expected)
    }

    @Test func whatIsLeftOutHasTheDefaultOfTheAPI() throws {
        let text = service("clusterIP: 10.96.0.1\nsessionAffinity: ClientIP\nports: [{port: 80}]")
        let expected = Service(
            name: ObjectName(namespace: "default", name: "web"), clusterAddresses: [try #require(IPAddress("10.96.0.1"))],
            ports: [ServicePort(port: 80)], affinityTimeout: 10800)
        #expect(reader.service(text) == expected)
        #expect(reader.service(service("clusterIP: 10.96.0.1\nports: [{port: 80}]"))?.affinityTimeout == nil)
    }

    @Test(arguments: [
        "clusterIP: None", "clusterIPs: [None]", "clusterIP: None\nclusterIPs: [None]", "type: ExternalName\nexternalName: a.b",
    ])
    func headlessAndExternalNameHaveNoAddress(spec: String) throws {
        let service = try #require(reader.service(service(spec)))
        #expect(service.clusterAddresses == [])
    }

    /// A spec, and all that is wrong with it; lines count from `spec:` at 5.
    static let faults: [(spec: String, messages: [String])] = [
        ("clusterIP: 10.0.0.1\nports:\n- port: 70000", ["8, S, spec.ports[0].port: 70000 is not a port number (1…65535)"]),
        ("clusterIP: 10.0.0.1\nports:\n- port: 0", ["8, S, spec.ports[0].port: 0 is not a port number (1…65535)"]),
        ("clusterIP: 10.0.0.1\nports:\n- port: \"8080\"", ["8, S, spec.ports[0].port: \"8080\" is a string where a number is wanted"]),
        (
            "clusterIP: 10.0.0.1\nports:\n- port: 99999999999999999999",
            ["8, S, spec.ports[0].port: 99999999999999999999 is not a port number (1…65535)"]
        ),
        ("clusterIP: 10.0.0.1\nports:\n- name: x", ["8, S, spec.ports[0].port: missing: the port to listen on"]),
        ("clusterIP: 10.0.0.1\nports: {port: 80}", ["7, S, spec.ports: a mapping stands where a list is wanted"]),
        ("clusterIP: 10.0.0.1", ["6, S, spec.ports: missing: a Service needs at least one port"]),
        (
            "clusterIP: 10.0.0.1\nports:\n- port: 80\n- port: 81",
            [
                "8, S, spec.ports[0].name: missing: every port needs a name where there are several",
                "9, S, spec.ports[1].name: missing: every port needs a name where there are several",
            ]
        ),
        (
            "clusterIP: 10.0.0.1\nports:\n- {port: 80, name: a}\n- {port: 81, name: a}",
            ["9, S, spec.ports[1].name: \"a\" is already the name of ports[0]"]
        ),
        (
            "clusterIP: 10.0.0.1\nports:\n- {port: 80, name: a}\n- {port: 80, name: b}",
            ["9, S, spec.ports[1].port: 80/tcp is already the port of ports[0]"]
        ),
        ("clusterIP: 10.0.0.1\nports: [{port: 80, protocol: tcp}]", ["7, S, spec.ports[0].protocol: \"tcp\" is none of TCP, UDP, SCTP"]),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80, name: Web}]",
            [
                "7, S, spec.ports[0].name: \"Web\" is not a name: at most 63 of a–z, 0–9 and -, with a letter or digit at both ends"
            ]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80, name: 80}]",
            ["7, S, spec.ports[0].name: 80 is a number where a string is wanted; put it in quotes"]
        ),
        ("clusterIP: 10.0.0.1\nports: [{port: 80, targetPort: 0}]", ["7, S, spec.ports[0].targetPort: 0 is not a port number (1…65535)"]),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80, targetPort: \"8080\"}]",
            [
                "7, S, spec.ports[0].targetPort: \"8080\" is not a port name: at most 15 of a–z, 0–9 and single -, at least one letter, with a letter or digit at both ends"
            ]
        ),
        (
            "clusterIP: 10.0.0.1\ntype: NodePort\nports: [{port: 80, nodePort: 80}]",
            ["8, S, spec.ports[0].nodePort: 80 is not a node port (30000…32767)"]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80, nodePort: 30080}]",
            [
                "7, S, spec.ports[0].nodePort: a ClusterIP Service has no node ports; set type to NodePort or LoadBalancer, or leave this out"
            ]
        ),
        (
            "type: NodePort\nclusterIP: 10.0.0.1\nports: [{port: 80}]",
            ["8, S, spec.ports[0].nodePort: missing: nothing is allocated here; give one of 30000…32767"]
        ),
        (
            "type: LoadBalancer\nclusterIP: 10.0.0.1\nports: [{port: 80}]",
            [
                "8, S, spec.ports[0].nodePort: missing: nothing is allocated here; give one of 30000…32767, or set allocateLoadBalancerNodePorts to false"
            ]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\nexternalTrafficPolicy: Local",
            [
                "8, S, spec.externalTrafficPolicy: a Service without node ports, load balancer or external address has none; leave this out"
            ]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\nexternalIPs: [127.0.0.1]",
            ["8, S, spec.externalIPs[0]: 127.0.0.1 is a loopback address, which cannot be served from here"]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\nloadBalancerSourceRanges: [10.0.0.0/8]",
            ["8, S, spec.loadBalancerSourceRanges: only a LoadBalancer has source ranges; leave this out"]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\nhealthCheckNodePort: 32000",
            ["8, S, spec.healthCheckNodePort: only a LoadBalancer with externalTrafficPolicy Local has one; leave this out"]
        ),
        ("ports: [{port: 80}]", ["6, S, spec.clusterIP: missing: nothing is allocated here; give spec.clusterIP, or None for headless"]),
        (
            "clusterIP: \"\"\nports: [{port: 80}]",
            ["6, S, spec.clusterIP: missing: nothing is allocated here; give spec.clusterIP, or None for headless"]
        ),
        ("clusterIP: 10.0.0.256\nports: [{port: 80}]", ["6, S, spec.clusterIP: \"10.0.0.256\" is not an IP address"]),
        (
            "clusterIP: 127.0.0.1\nports: [{port: 80}]",
            ["6, S, spec.clusterIP: 127.0.0.1 is a loopback address, which cannot be served from here"]
        ),
        (
            "clusterIP: \"::\"\nports: [{port: 80}]",
            ["6, S, spec.clusterIP: :: is the unspecified address, which cannot be served from here"]
        ),
        (
            "clusterIP: 224.0.0.1\nports: [{port: 80}]",
            ["6, S, spec.clusterIP: 224.0.0.1 is a multicast address, which cannot be served from here"]
        ),
        (
            "clusterIP: fe80::1\nports: [{port: 80}]",
            ["6, S, spec.clusterIP: fe80::1 is a link-local address, which cannot be served from here"]
        ),
        (
            "clusterIP: 10.0.0.1\nclusterIPs: [10.0.0.2]\nports: [{port: 80}]",
            ["7, S, spec.clusterIPs[0]: 10.0.0.2 is not spec.clusterIP, which is 10.0.0.1; they must agree"]
        ),
        (
            "clusterIPs: [10.0.0.1, 10.0.0.2]\nports: [{port: 80}]",
            ["6, S, spec.clusterIPs[1]: 10.0.0.2 is a second IPv4 address; at most one of each family"]
        ),
        (
            "clusterIPs: [10.0.0.1, \"fd00::1\", 10.0.0.3]\nports: [{port: 80}]",
            ["6, S, spec.clusterIPs: 3 addresses; at most 2, one of each family"]
        ),
        ("clusterIPs: [None, 10.0.0.1]\nports: [{port: 80}]", ["6, S, spec.clusterIPs[1]: an address beside None"]),
        (
            "type: NodePort\nclusterIP: None\nports: [{port: 80, nodePort: 30080}]",
            ["7, S, spec.clusterIP: a NodePort Service cannot be headless; give it an address"]
        ),
        ("type: ExternalName\nclusterIP: 10.0.0.1", ["7, S, spec.clusterIP: an ExternalName has no cluster address; leave this out"]),
        (
            "type: Cluster\nclusterIP: 10.0.0.1\nports: [{port: 80}]",
            ["6, S, spec.type: \"Cluster\" is none of ClusterIP, NodePort, LoadBalancer, ExternalName"]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\nsessionAffinity: Cookie",
            ["8, S, spec.sessionAffinity: \"Cookie\" is none of None, ClientIP"]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\nsessionAffinity: ClientIP\nsessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}",
            [
                "9, S, spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401 is not a number of seconds (1…86400)"
            ]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\nsessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}",
            [
                "8, S, spec.sessionAffinityConfig.clientIP.timeoutSeconds: a timeout without affinity; set sessionAffinity to ClientIP, or leave this out"
            ]
        ),
        (
            "clusterIP: 10.0.0.1\nports: [{port: 80}]\npublishNotReadyAddresses: \"true\"",
            [
                "8, S, spec.publishNotReadyAddresses: \"true\" is a string where true or false is wanted"
            ]
        ),
    ]

    @Test(arguments: faults) func faultsAreNamed(spec: String, messages: [String]) {
        let expected = messages.map { message in
            let parts = message.split(separator: ",", maxSplits: 1)
            return "web.yaml:\(parts[0]), document 1,\(parts[1].replacing(" S,", with: " Service default/web,"))"
        }
        let text = service(spec)
        #expect(reader.problems(text) == expected)
        let contents = reader.read(text, file: "web.yaml")
        #expect(contents.entries.map(\.object) == [nil])
        #expect(contents.entries.first?.key?.description == "Service default/web")
    }

    @Test func allFaultsOfAnObjectAreToldAtOnce() {
        let text = service(
            "type: Foo\nclusterIP: 300.0.0.1\nports: [{port: 0}]", metadata: "\n  annotations: {ipvs-agent.dev/scheduler: 5}")
        #expect(reader.problems(text).count == 4)
    }

    @Test(arguments: [
        (
            "name: Web",
            "web.yaml:3, document 1, metadata.name: \"Web\" is not a name: at most 63 of a–z, 0–9 and -, with a letter or digit at both ends"
        ),
        ("namespace: a", "web.yaml:3, document 1, metadata.name: missing: an object needs a name"),
        ("name: 7", "web.yaml:3, document 1, metadata.name: 7 is a number where a string is wanted; put it in quotes"),
        ("name: on", "web.yaml:3, document 1, metadata.name: on is a boolean where a string is wanted; put it in quotes"),
    ]) func namesAreChecked(metadata: String, message: String) {
        let text = "apiVersion: v1\nkind: Service\nmetadata: {\(metadata)}\nspec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}"
        #expect(reader.problems(text) == [message])
    }

    @Test func annotationsOfOursMustBeStrings() {
        let spec = "clusterIP: 10.0.0.1\nports: [{port: 80}]"
        #expect(
            reader.problems(service(spec, metadata: "\n  annotations: {ipvs-agent.dev/one-packet: true, other/x: true}")) == [
                "web.yaml:5, document 1, Service default/web, metadata.annotations[ipvs-agent.dev/one-packet]: true is a boolean where a string is wanted; put it in quotes"
            ])
    }

    @Test(arguments: [
        ("2026-11-21T00:23:06Z", 1_795_220_586), ("2026-11-21T01:23:06.5+01:00", 1_795_220_586), ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T12:00:00Z", 951_825_600),
    ]) func timestamps(text: String, seconds: Int64) {
        let text = service("clusterIP: 10.0.0.1\nports: [{port: 80}]", metadata: "\n  creationTimestamp: \(text)")
        #expect(reader.service(text)?.created == seconds)
    }

    @Test func aTimestampThatIsNoneIsRefused() {
        let text = service("clusterIP: 10.0.0.1\nports: [{port: 80}]", metadata: "\n  creationTimestamp: 2026-11-21")
        #expect(
            reader.problems(text) == [
                "web.yaml:5, document 1, Service default/web, metadata.creationTimestamp: \"2026-11-21\" is not a time such as 2026-11-21T00:23:06Z"
            ])
    }
}
