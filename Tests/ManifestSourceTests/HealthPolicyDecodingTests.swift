import Addresses
import HealthModel
import ManifestSource
import ServiceModel
import Testing

@Suite struct HealthPolicyDecodingTests {
    private func document(_ spec: String, name: String = "web") -> String {
        "apiVersion: ipvs-agent.dev/v1alpha1\nkind: HealthPolicy\nmetadata: {name: \(name)}\nspec: \(spec)\n"
    }

    private func policy(_ spec: String) throws -> HealthPolicy {
        let contents = ManifestReader().read(document(spec), file: "web.yaml")
        #expect(contents.problems.isEmpty)
        guard case .healthPolicy(let policy)? = contents.entries.first?.object else { throw Missing() }
        return policy
    }

    private struct Missing: Error {}

    private func check(_ text: String) throws -> HealthCheck? { try policy("{check: \(text)}").check }

    @Test func whatIsLeftOutHasItsDefault() throws {
        let policy = try policy("{}")
        #expect(policy == HealthPolicy(name: "web"))
        #expect(policy.check == nil && policy.selection == .named)
        #expect(policy.timing.interval == .seconds(5) && policy.timing.timeout == .seconds(2) && policy.timing.fastInterval == nil)
        #expect(policy.rise == 2 && policy.fall == 3 && policy.slowStart == .zero && policy.panicThreshold == 0)
        #expect(policy.drain.timeout == .seconds(30) && policy.drain.waitFor == [.active])
        #expect(policy.quorum == nil && policy.sorryServer == nil && policy.passive == nil)
    }

    @Test func everyFieldIsRead() throws {
        let policy = try policy(
            """

              services: [web, shop/cart]
              check: {type: tcp, port: 8080, throughForwarding: true}
              interval: 1m30s
              fastInterval: 500ms
              timeout: 1s
              rise: 4
              fall: 5
              slowStart: 2m
              panicThreshold: 40
              quorum: {up: 3, down: 2}
              sorryServer: {address: 192.0.2.9, port: 81}
              drain: {timeout: 0, waitFor: [inactive, persistent]}
              passive: {ejection: 10s, longestEjection: 1h}
            """)
        #expect(policy.selection == .services(["default/web", "shop/cart"]))
        var check = HealthCheck(.tcp, port: 8080)
        check.path = .forwardedAndDirect
        #expect(policy.check == check)
        #expect(policy.timing.interval == .seconds(90) && policy.timing.fastInterval == .milliseconds(500))
        #expect(policy.timing.timeout == .seconds(1))
        #expect(policy.rise == 4 && policy.fall == 5 && policy.slowStart == .seconds(120) && policy.panicThreshold == 40)
        #expect(policy.quorum == .init(up: 3, down: 2))
        #expect(policy.sorryServer == .init(IPAddress(ipv4: 0xc000_0209), port: 81))
        #expect(policy.drain.timeout == .zero && policy.drain.waitFor == [.inactive, .persistent])
        #expect(policy.passive?.ejection == .seconds(10) && policy.passive?.longestEjection == .seconds(3600))
    }

    @Test(arguments: [("true", HealthCheck.Path.forwardedAndDirect), ("false", .direct), ("only", .forwarded)])
    func theWayOfProbesIsRead(text: String, path: HealthCheck.Path) throws {
        #expect(try policy("{check: {type: http, throughForwarding: \(text)}}").check?.path == path)
    }

    @Test func servicesAreChosenByLabels() throws {
        #expect(try policy("{serviceSelector: {matchLabels: {app: web}}}").selection == .labels(["app": "web"]))
        #expect(try policy("{serviceSelector: {}}").selection == .labels([:]))
        #expect(try policy("{services: []}").selection == .services([]))
    }

    @Test func aShortIntervalShortensTheTimeoutThatNobodyGave() throws {
        let timing = try policy("{interval: 1s}").timing
        #expect(timing.timeout == .seconds(1))
        #expect(try policy("{passive: {ejection: 10m}}").passive?.longestEjection == .seconds(600))
        #expect(try policy("{quorum: {up: 3}}").quorum == .init(up: 3, down: 3))
    }

    @Test func checksOfHTTP() throws {
        var http = HealthCheck.HTTPCheck()
        #expect(try check("{type: http}") == HealthCheck(.http(http)))
        http.method = "HEAD"
        http.path = "/health?full=1"
        http.host = "web.example"
        http.headers = [.init("X-A", "1"), .init("X-A", "")]
        http.statuses = [204...204, 300...399]
        http.body = "ok"
        let text = """
            method: HEAD, path: "/health?full=1", host: web.example, headers: [{name: X-A, value: "1"}, {name: X-A}], \
            statuses: [204, 300-399], body: ok
            """
        #expect(try check("{type: http, \(text)}") == HealthCheck(.http(http)))
        http.tls = .init()
        #expect(try check("{type: https, \(text)}") == HealthCheck(.http(http)))
        http.tls?.serverName = "web.example"
        http.tls?.certificateAuthorityFile = "/etc/ca.pem"
        http.tls?.certificateAuthority = "-----BEGIN CERTIFICATE-----"
        http.tls?.isVerified = false
        #expect(
            try check(
                "{type: https, \(text), tls: {serverName: web.example, caFile: /etc/ca.pem, ca: '-----BEGIN CERTIFICATE-----', verify: false}}"
            ) == HealthCheck(.http(http)))
    }

    @Test func otherChecks() throws {
        #expect(try check("{type: grpc}") == HealthCheck(.grpc(service: "", tls: nil)))
        #expect(try check("{type: grpc, service: shop.Cart, tls: {}}") == HealthCheck(.grpc(service: "shop.Cart", tls: .init())))
        #expect(try check("{type: udp}") == HealthCheck(.udp(payload: [], reply: nil)))
        #expect(
            try check(#"{type: udp, payload: "hi\n", replyHex: "0a FF"}"#) == HealthCheck(.udp(payload: [104, 105, 10], reply: [10, 255])))
        #expect(
            try check("{type: dns, name: kubernetes.default.svc.cluster.local}")
                == HealthCheck(.dns(name: "kubernetes.default.svc.cluster.local", type: .a)))
        #expect(try check("{type: dns, name: ., recordType: ns, port: 53}") == HealthCheck(.dns(name: ".", type: .ns), port: 53))
        #expect(try check("{type: icmp}") == HealthCheck(.icmp))
        #expect(try check("{type: command, command: [/usr/bin/check, -v, \"\"]}") == HealthCheck(.command(["/usr/bin/check", "-v", ""])))
    }

    static let faults: [(String, String)] = [
        ("", "spec: missing"),
        ("[]", "a list stands where a mapping is wanted"),
        ("{intervall: 5s}", "spec.intervall: not a field of a HealthPolicy"),
        ("{interval: 5}", "spec.interval: 5 is a number where a length of time is wanted: 5s"),
        ("{interval: soon}", "spec.interval: \"soon\" is not a length of time"),
        ("{interval: 50ms}", "50ms is not within 100ms…24h"),
        ("{interval: 25h}", "25h is not within"),
        ("{interval: 1s, timeout: 2s}", "spec.timeout: is longer than the interval"),
        ("{interval: 1s, fastInterval: 2s}", "spec.fastInterval: is longer than the interval"),
        ("{rise: 0}", "spec.rise: 0 is not a number of answers (1…100)"),
        ("{fall: \"3\"}", "spec.fall: \"3\" is a string where a number is wanted"),
        ("{panicThreshold: 101}", "101 is not a percentage (0…100)"),
        ("{quorum: {down: 1}}", "spec.quorum.up: missing"),
        ("{quorum: {up: 1, down: 2}}", "spec.quorum.down: is more than up"),
        ("{quorum: {up: 1, low: 2}}", "spec.quorum.low: not a field of a quorum"),
        ("{sorryServer: {address: 192.0.2.1}}", "spec.sorryServer.port: missing"),
        ("{sorryServer: {address: web.example, port: 80}}", "is not the address of a server"),
        ("{sorryServer: {address: 0.0.0.0, port: 80}}", "is not the address of a server"),
        ("{sorryServer: {address: 192.0.2.1, port: 0}}", "0 is not a port number (1…65535)"),
        ("{drain: {waitFor: [all]}}", "\"all\" is none of active, inactive, persistent"),
        ("{drain: {timeout: -1s}}", "is not a length of time"),
        ("{passive: {ejection: 1m, longestEjection: 1s}}", "is shorter than the first ejection"),
        ("{services: [a], serviceSelector: {}}", "either services or serviceSelector"),
        ("{services: [a/b/c]}", "is not a name"),
        ("{services: [Web]}", "is not a name"),
        ("{serviceSelector: {matchExpressions: []}}", "not a field of a serviceSelector"),
        ("{serviceSelector: {matchLabels: {a: 1}}}", "1 is a number where a string is wanted"),
        ("{check: {}}", "spec.check.type: missing: one of tcp, http"),
        ("{check: {type: ftp}}", "\"ftp\" is none of tcp, http"),
        ("{check: {type: tcp, path: /}}", "spec.check.path: not a field of a check of type tcp"),
        ("{check: {type: icmp, port: 1}}", "not a field of a check of type icmp"),
        ("{check: {type: icmp, throughForwarding: true}}", "not a field of a check of type icmp"),
        ("{check: {type: command, command: [/a], throughForwarding: true}}", "not a field of a check of type command"),
        ("{check: {type: http, tls: {}}}", "not a field of a check of type http"),
        ("{check: {type: tcp, port: 70000}}", "70000 is not a port number"),
        ("{check: {type: http, method: \"G T\"}}", "spec.check.method: is not a method"),
        ("{check: {type: http, path: health}}", "spec.check.path: is not a path"),
        ("{check: {type: http, path: \"/a b\"}}", "is not a path"),
        ("{check: {type: http, path: \"/a\\r\\nX: y\"}}", "is not a path"),
        ("{check: {type: http, host: \"a\\r\\nX: y\"}}", "is not a host name"),
        ("{check: {type: http, headers: [{name: \"X: y\"}]}}", "is not the name of a header"),
        ("{check: {type: http, headers: [{name: X, value: \"a\\r\\nY: z\"}]}}", "is not the value of a header"),
        ("{check: {type: http, headers: [{value: a}]}}", "spec.check.headers[0].name: missing"),
        ("{check: {type: http, statuses: []}}", "no status would be good"),
        ("{check: {type: http, statuses: [99]}}", "99 is not a HTTP status (100…599)"),
        ("{check: {type: http, statuses: [299-200]}}", "is not a range of HTTP statuses"),
        ("{check: {type: http, statuses: [2xx]}}", "is not a range of HTTP statuses"),
        ("{check: {type: http, body: \"\"}}", "spec.check.body: is empty"),
        ("{check: {type: https, tls: {serverName: 192.0.2.1}}}", "is an address"),
        ("{check: {type: https, tls: {serverName: \"a b\"}}}", "is not a name"),
        ("{check: {type: https, tls: {ca: /etc/ca.pem}}}", "is no certificate in PEM"),
        ("{check: {type: https, tls: {caFile: ca.pem}}}", "is not an absolute path"),
        ("{check: {type: https, tls: {insecure: true}}}", "not a field of tls"),
        ("{check: {type: udp, payload: a, payloadHex: aa}}", "either payload or payloadHex"),
        ("{check: {type: udp, payloadHex: abc}}", "is not an even number of hexadecimal digits"),
        ("{check: {type: udp, payloadHex: xx}}", "is not an even number of hexadecimal digits"),
        ("{check: {type: dns}}", "spec.check.name: missing"),
        ("{check: {type: dns, name: a..b}}", "is not a DNS name"),
        ("{check: {type: dns, name: bücher.example}}", "is not a DNS name"),
        ("{check: {type: dns, name: a, recordType: ANY}}", "\"ANY\" is none of A, NS, CNAME"),
        ("{check: {type: command}}", "spec.check.command: missing"),
        ("{check: {type: command, command: [curl, x]}}", "begins with the program's absolute path"),
        ("{check: {type: command, command: []}}", "begins with the program's absolute path"),
        ("{check: {type: command, command: curl x}}", "where a list is wanted"),
    ]

    @Test("what is wrong is said, and the policy is not taken", arguments: faults)
    func faultsAreNamed(spec: String, message: String) {
        let contents = ManifestReader().read(document(spec), file: "web.yaml")
        #expect(contents.entries.count == 1 && contents.entries.first?.object == nil)
        #expect(contents.entries.first?.key?.description == "HealthPolicy web")
        #expect(contents.problems.contains { $0.isError && $0.description.contains(message) }, "\(contents.problems)")
        #expect(contents.problems.allSatisfy { $0.place.contains("HealthPolicy web") })
    }

    @Test func aPolicyIsInNoNamespace() {
        let text = document("{}").replacing("{name: web}", with: "{name: web, namespace: shop}")
        #expect(ManifestReader().problems(text).contains { $0.contains("a HealthPolicy is in no namespace") })
    }

    @Test func anotherVersionIsNotRead() {
        let text = document("{}").replacing("v1alpha1", with: "v2")
        #expect(ManifestReader().objects(text).isEmpty)
        #expect(
            ManifestReader().problems(text).contains { $0.contains("HealthPolicy (ipvs-agent.dev/v2) is not a kind that is read here") })
    }

    @Test func aDirectoryOfPoliciesHasNothingElse() {
        let reader = ManifestReader(kinds: [.healthPolicy])
        let text = document("{}") + "---\n" + service("clusterIP: 10.96.0.1\nports: [{port: 80}]")
        let contents = reader.read(text, file: "web.yaml")
        #expect(contents.entries.compactMap(\.object?.key.description) == ["HealthPolicy web"])
        #expect(contents.problems.map(\.message) == ["1 object is ignored: Service (v1) is not a kind that is read here"])
    }

    @Test func aBadVersionLeavesTheLastGoodOneInForce() throws {
        var collection = ManifestCollection()
        let reader = ManifestReader()
        collection.replace("a.yaml", with: reader.read(document("{rise: 7}"), file: "a.yaml"))
        #expect(collection.takeUpdate(isSynced: true)?.changed.count == 1)
        collection.replace("a.yaml", with: reader.read(document("{rise: 7000}"), file: "a.yaml"))
        let update = collection.takeUpdate(isSynced: true)
        #expect(update?.changed.isEmpty == true && update?.removed.isEmpty == true)
        #expect(update?.problems?.contains { $0.isError && $0.description.contains("spec.rise") } == true)
        collection.replace("a.yaml", with: reader.read(document("{rise: 8}"), file: "a.yaml"))
        guard case .healthPolicy(let policy)? = collection.takeUpdate(isSynced: true)?.changed.first else { throw Missing() }
        #expect(policy.rise == 8)
    }

    @Test func aListOfThem() {
        let text = "apiVersion: ipvs-agent.dev/v1alpha1\nkind: HealthPolicyList\nitems: [{metadata: {name: a}, spec: {}}]\n"
        #expect(ManifestReader().objects(text).map(\.key.description) == ["HealthPolicy a"])
    }
}
