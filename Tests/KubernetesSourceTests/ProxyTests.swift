import KubernetesTesting
import NIOSSL
import ServiceModel
import TestSupport
import Testing

@testable import KubernetesSource

/// What stands between the agent and the API server.
@Suite struct ProxyTests {
    /// The proxy of an address, in a few words.
    private static func proxy(_ server: String, _ environment: [String: String]) throws(SourceProblem) -> String? {
        guard let address = ServerAddress(server) else { throw SourceProblem(place: server, message: "no address") }
        return try ProxyEnvironment(environment)?.proxy(for: address).map { "\($0.kind) \($0.host):\($0.port)" }
    }

    // The table of golang.org/x/net/http/httpproxy, as far as it can concern an API server.
    @Test(
        arguments: [
            ("https://api.test", ["HTTPS_PROXY": "http://p:3128"], "http p:3128"),
            ("https://api.test", ["https_proxy": "p:8080"], "http p:8080"),
            ("https://api.test", ["HTTPS_PROXY": "", "https_proxy": "p"], "http p:80"),
            ("https://api.test", ["HTTPS_PROXY": "socks5://p"], "socks5 p:1080"), ("https://api.test", ["HTTP_PROXY": "p"], nil),
            ("http://api.test", ["HTTP_PROXY": "p"], "http p:80"), ("http://api.test", ["HTTPS_PROXY": "p"], nil),
            ("https://localhost:6443", ["HTTPS_PROXY": "p"], nil), ("https://127.9.9.9", ["HTTPS_PROXY": "p"], nil),
            ("https://[::1]:6443", ["HTTPS_PROXY": "p"], nil), ("https://api.test", ["NO_PROXY": "x"], nil),
        ] as [(String, [String: String], String?)])
    func theEnvironmentNamesAProxy(_ server: String, _ environment: [String: String], _ proxy: String?) throws {
        #expect(try Self.proxy(server, environment) == proxy)
    }

    @Test(arguments: [
        ("api.test", "https://api.test", true), ("api.test", "https://a.api.test", true), ("api.test", "https://xapi.test", false),
        (".test", "https://api.test", true), (".api.test", "https://api.test", false), ("*.test", "https://API.Test", true),
        ("api.test:6443", "https://api.test:6443", true), ("api.test:6443", "https://api.test", false), ("*", "https://10.0.0.1", true),
        (" , x , 10.0.0.0/8 ", "https://10.0.0.1:6443", true), ("10.0.0.0/8", "https://11.0.0.1", false),
        ("10.0.0.0/8", "https://api.test", false), ("10.0.0.1", "https://10.0.0.1", true), ("10.0.0.1:443", "https://10.0.0.1", true),
        ("10.0.0.1:443", "https://10.0.0.1:6443", false), ("fd00::/16", "https://[fd00::1]:6443", true),
        ("fd00:0::1", "https://[fd00::1]", true), ("[fd00::1]:6443", "https://[fd00::1]:6443", true), (":,,:1", "https://api.test", false),
    ])
    func whatNeedsNoProxy(_ list: String, _ server: String, _ isDirect: Bool) throws {
        for name in ["NO_PROXY", "no_proxy"] { #expect(try (Self.proxy(server, ["HTTPS_PROXY": "p", name: list]) == nil) == isDirect) }
    }

    @Test func aProxyThatCannotBeUsedIsRefusedWhereItIsNeeded() throws {
        let kubeconfig = "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\nclusters: [{name: k, cluster: {CLUSTER}}]"
        func resolve(_ cluster: String, _ environment: [String: String]) throws(SourceProblem) -> ClusterAccess {
            try AccessResolver.resolve(kubeconfig: "/k", servers: [], environment: environment) { _ throws(SourceProblem) in
                Array(kubeconfig.replacing("CLUSTER", with: cluster).utf8)
            }
        }
        let environment = ["HTTPS_PROXY": "https://me:s3cr3t@p"]
        do throws(SourceProblem) {
            _ = try resolve("server: 'https://api.test'", environment)
            Issue.record("it was taken")
        } catch {
            #expect(error.description == "HTTPS_PROXY: neither an http nor a socks5 proxy")
        }
        let direct = try resolve("server: 'https://api.test'", environment.merging(["NO_PROXY": ".test"]) { $1 })
        #expect(try direct.proxy(for: direct.servers[0]) == nil)
        let named = try resolve("server: 'https://api.test', proxy-url: 'http://q:1'", environment.merging(["NO_PROXY": "*"]) { $1 })
        #expect(try named.proxy(for: named.servers[0])?.host == "q", "what the kubeconfig names counts, whatever the environment says")
    }

    // MARK: Real proxies

    private static func with(
        demanding: String? = nil, tls: TLSConfiguration? = nil, _ body: (TestAPIServer, Int, TestProxy, Int) async throws -> Void
    ) async throws {
        let (server, proxy) = (TestAPIServer(.sample(1)), TestProxy(demanding: demanding))
        let (port, proxyPort) = (try await server.start(tls: tls), try await proxy.start())
        do { try await body(server, port, proxy, proxyPort) } catch { Issue.record("\(error)") }
        await server.stop()
        await proxy.stop()
    }

    /// Lists and watches go through a tunnel of the proxy, and TLS is the server's own.
    @Test func theKubeconfigsProxyOpensATunnel() async throws {
        try await Self.with(demanding: "Basic bWU6c2VjcmV0LXdvcmQ=", tls: try .server()) { server, port, proxy, proxyPort in
            var access = try ClusterAccess.encrypted(port)
            access.proxy = .init(kind: .http, host: "127.0.0.1", port: proxyPort, user: "me", password: Secret("secret-word"))
            // The server is asked for by its address, and verified by this name.
            access.serverName = "api.test"
            let follower = Follower(access)
            try await eventually("synced") { follower.isSynced }
            server.cluster.put(.service("late", address: "10.96.3.3"))
            try await eventually("the watches go through it") { follower.services.contains("default/late") }
            await follower.stop()
            #expect(!proxy.requests.isEmpty && proxy.requests.allSatisfy { $0.method == "CONNECT" && $0.target == "127.0.0.1:\(port)" })
            #expect(follower.log.all.contains { $0.contains("is asked through the proxy 127.0.0.1:\(proxyPort)") })
            #expect(!follower.log.all.contains { $0.contains("secret-word") || $0.contains("bWU6") })
        }
    }

    @Test func theServersNameIsVerifiedThroughATunnelToo() async throws {
        try await Self.with(tls: try .server()) { _, port, proxy, proxyPort in
            var access = try ClusterAccess.encrypted(port)
            access.proxy = .init(kind: .http, host: "127.0.0.1", port: proxyPort)
            access.serverName = "elsewhere.test"
            let follower = Follower(access)
            try await eventually("it is refused") { follower.problems.contains { $0.message.contains("another name") } }
            #expect(!follower.isSynced && !proxy.requests.isEmpty)
            await follower.stop()
        }
    }

    /// A name that only the proxy can resolve: so nothing goes past it.
    @Test func theEnvironmentsProxyIsUsed() async throws {
        try await Self.with(tls: try .server()) { _, port, proxy, proxyPort in
            var access = try ClusterAccess.encrypted(port)
            access.servers[0].host = "api.test"
            access.environmentProxies = ProxyEnvironment(["HTTPS_PROXY": "http://127.0.0.1:\(proxyPort)"])
            let follower = Follower(access)
            try await eventually("synced") { follower.isSynced }
            await follower.stop()
            #expect(proxy.requests.allSatisfy { $0 == .init(method: "CONNECT", target: "api.test:\(port)") })
        }
    }

    @Test func aPlainServerIsAskedThroughTheProxyAsWell() async throws {
        try await Self.with { _, port, proxy, proxyPort in
            var access = ClusterAccess.plain(port)
            access.servers[0].host = "api.test"
            access.environmentProxies = ProxyEnvironment(["HTTP_PROXY": "127.0.0.1:\(proxyPort)"])
            let follower = Follower(access)
            try await eventually("synced") { follower.isSynced }
            await follower.stop()
            #expect(!proxy.requests.isEmpty)
            #expect(proxy.requests.allSatisfy { $0.target.hasPrefix("http://api.test:\(port)/") || $0.target == "api.test:\(port)" })
        }
    }

    @Test func aProxyThatRefusesIsNamedWithoutItsPassword() async throws {
        try await Self.with(demanding: "Basic other", tls: try .server()) { _, port, _, proxyPort in
            var access = try ClusterAccess.encrypted(port)
            access.proxy = .init(kind: .http, host: "127.0.0.1", port: proxyPort, user: "me", password: Secret("secret-word"))
            let follower = Follower(access)
            try await eventually("it is told") { follower.problems.contains { $0.message.lowercased().contains("proxy") } }
            await follower.stop()
            let said = follower.log.all + follower.updates.compactMap(\.problems).joined().map(\.description)
            #expect(!follower.isSynced && !said.contains { $0.contains("secret-word") })
        }
    }
}
