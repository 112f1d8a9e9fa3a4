import Foundation
import ServiceModel
import Testing

@testable import KubernetesSource

/// Kubeconfigs, service accounts, and which of them counts.
@Suite struct AccessTests {
    private static func config(cluster: String = "", user: String = "", server: String = "https://10.0.0.1:6443") -> String {
        """
        apiVersion: v1
        kind: Config
        current-context: c
        contexts: [{name: c, context: {cluster: k, user: u}}]
        clusters: [{name: k, cluster: {server: "\(server)", \(cluster)}}]
        users: [{name: u, user: {\(user)}}]
        """
    }

    private static func access(_ text: String, servers: [String] = []) throws(SourceProblem) -> ClusterAccess {
        try AccessResolver.resolve(kubeconfig: "/etc/k/config", servers: servers, environment: [:]) { _ throws(SourceProblem) in
            Array(text.utf8)
        }
    }

    private static func message(_ text: String) -> String {
        do throws(SourceProblem) { return "\(try access(text))" } catch { return error.description }
    }

    @Test func allIsRead() throws {
        let ca = Data("PEM".utf8).base64EncodedString()
        let access = try Self.access(
            Self.config(
                cluster: "certificate-authority-data: \(ca), tls-server-name: api.test, proxy-url: 'http://me:word@proxy:3128'",
                user: "client-certificate: pki/a.crt, client-key: /abs/a.key, tokenFile: token"))
        #expect(access.servers.map(\.description) == ["https://10.0.0.1:6443"] && access.serverName == "api.test")
        #expect(access.trust == .authorities(.inline(Secret("PEM"))))
        #expect(access.proxy == .init(kind: .http, host: "proxy", port: 3128, user: "me", password: Secret("word")))
        #expect(access.identity.certificate == .file("/etc/k/pki/a.crt") && access.identity.key == .file("/abs/a.key"))
        #expect(access.identity.tokenFile == "/etc/k/token")
    }

    @Test func aPluginIsRead() throws {
        let access = try Self.access(
            Self.config(
                user: "exec: {command: bin/login, args: [a, b], env: [{name: X, value: y}], apiVersion: client.authentication.k8s.io/v1, "
                    + "interactiveMode: IfAvailable, provideClusterInfo: true, installHint: get it}"))
        #expect(
            access.identity.plugin
                == CredentialPlugin(
                    command: "/etc/k/bin/login", arguments: ["a", "b"], environment: ["X": Secret("y")],
                    version: "client.authentication.k8s.io/v1", installHint: "get it", wantsCluster: true))
    }

    @Test(arguments: [
        ("a: [", "no YAML"), ("", "empty"), ("kind: Pod", "not Config"), ("kind: Config", "current-context"),
        ("current-context: x", "no context has the name x"),
        (config(server: ""), "missing: the API server"), (config(server: "ftp://x"), "not an address"),
        (config(cluster: "insecure-skip-tls-verify: true, certificate-authority: /ca"), "contradicts"),
        (config(cluster: "insecure-skip-tls-verify: 3"), "neither true nor false"),
        (config(cluster: "certificate-authority-data: '***'"), "not base64"),
        (config(cluster: "tls-server-name: 10.0.0.1"), "not a host name"),
        (config(cluster: "proxy-url: 'https://p'"), "neither an http nor a socks5"),
        (config(user: "client-certificate: a"), "need each other"), (config(user: "as: admin"), "act as somebody else"),
        (config(user: "auth-provider: {name: gcp}"), "no such providers"),
        (config(user: "exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}"), "neither client.auth"),
        (config(user: "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}"), "nobody is at"),
        (config(user: "exec: {apiVersion: client.authentication.k8s.io/v1}"), "missing: the program"),
        (config(user: "token: abc", server: "http://10.0.0.1"), "not encrypted"),
    ])
    func whatIsWrongIsSaid(_ text: String, _ part: String) {
        #expect(Self.message(text).contains(part), "\(Self.message(text))")
    }

    @Test func aliasesThatExplodeAreRefused() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let items = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(items)]\n"
        }
        #expect(Self.message(text).contains("more values than any kubeconfig"), "\(Self.message(text))")
    }

    @Test func noTextShowsASecret() {
        struct Holder { var secret = Secret("s3cr3t") }
        for text in ["\(Secret("s3cr3t"))", String(reflecting: Secret("s3cr3t")), "\(Holder())", "\([Holder()])"] {
            #expect(!text.contains("s3cr3t"), "\(text)")
        }
    }

    @Test func noProblemQuotesASecret() {
        let secret = "s3cr3t"
        for user in [
            "token: [\(secret)]", "password: {a: \(secret)}", "client-key-data: \(secret)",
            "exec: {command: x, env: [\(secret)], apiVersion: v}",
        ] {
            #expect(!Self.message(Self.config(user: user)).contains(secret), "\(user)")
        }
        #expect(!Self.message(Self.config(cluster: "proxy-url: 'ftp://a:\(secret)@b'")).contains(secret))
        #expect(!Self.message("a: \(secret): [").contains(secret))
        let whole = Self.config(
            cluster: "proxy-url: 'http://a:\(secret)@b'",
            user:
                "token: \(secret), username: a, password: \(secret), exec: {command: x, env: [{name: A, value: \(secret)}], apiVersion: client.authentication.k8s.io/v1}"
        )
        var dumped = ""
        dump(try? Self.access(whole), to: &dumped)
        #expect(!Self.message(whole).contains(secret) && !dumped.contains(secret) && dumped.contains("identity"))
    }

    @Test func theOrderIsFlagVariableServiceAccount() throws {
        let files = ["/flag": Self.config(server: "https://flag"), "/variable": Self.config(server: "https://variable")]
        func resolve(_ flag: String?, _ environment: [String: String]) throws(SourceProblem) -> ClusterAccess {
            try AccessResolver.resolve(kubeconfig: flag, servers: [], environment: environment) { path throws(SourceProblem) in
                guard let text = files[path] else { throw SourceProblem(place: path, message: "missing") }
                return Array(text.utf8)
            }
        }
        let pod = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let both = pod.merging(["KUBECONFIG": "/nowhere:/variable"]) { $1 }
        #expect(try resolve("/flag", both).servers[0].host == "flag")
        #expect(try resolve(nil, both).servers[0].host == "variable")
        let account = try resolve(nil, pod)
        #expect(account.servers[0].description == "https://[fd00::1]:443")
        #expect(account.trust == .authorities(.file("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")))
        #expect(account.identity.tokenFile == "/var/run/secrets/kubernetes.io/serviceaccount/token")
        #expect(throws: SourceProblem.self) { try resolve(nil, [:]) }
        #expect(throws: SourceProblem.self) { try resolve(nil, ["KUBECONFIG": "/nowhere"]) }
        #expect(throws: SourceProblem.self) { try resolve("/nowhere", both) }
    }

    @Test func ofSeveralFilesTheFirstCounts() throws {
        let files = [
            "/a": "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]",
            "/b": Self.config(server: "https://b") + "\n", "/c": Self.config(server: "https://c"),
        ]
        let access = try AccessResolver.resolve(kubeconfig: nil, servers: [], environment: ["KUBECONFIG": "/a:/b:/c"]) {
            path throws(SourceProblem) in
            Array((files[path] ?? "").utf8)
        }
        #expect(access.servers[0].host == "b")
    }

    @Test func namedServersTakeThePlaceOfTheFiles() throws {
        let access = try Self.access(Self.config(), servers: ["https://a:1", "10.0.0.2"])
        #expect(access.servers.map(\.description) == ["https://a:1", "https://10.0.0.2:443"])
        #expect(throws: SourceProblem.self) { try Self.access(Self.config(), servers: [""]) }
    }

    @Test(
        arguments: [
            ("https://a", "https://a:443"), ("a:6443", "https://a:6443"), ("https://[fd00::1]:6443/k8s/", "https://[fd00::1]:6443/k8s"),
            ("http://127.0.0.1:8001", "http://127.0.0.1:8001"), ("https://u:p@a", nil), ("https://a?x", nil), ("unix:///x", nil), ("", nil),
        ] as [(String, String?)])
    func addresses(_ text: String, _ description: String?) { #expect(ServerAddress(text)?.description == description) }

    // MARK: Plug-ins

    @Test(arguments: [
        ("{\"apiVersion\":\"V\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\"}}", true),
        ("{\"apiVersion\":\"V\",\"kind\":\"ExecCredential\",\"status\":{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}}", true),
        (
            "{\"apiVersion\":\"V\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"2026-11-21T00:31:50Z\"}}",
            true
        ),
        ("{\"apiVersion\":\"V\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}}", false),
        ("{\"apiVersion\":\"W\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\"}}", false),
        ("{\"apiVersion\":\"V\",\"kind\":\"ExecCredential\",\"status\":{}}", false), ("token", false),
        ("{\"apiVersion\":\"V\",\"kind\":\"Pod\",\"status\":{\"token\":\"t\"}}", false),
    ])
    func answersOfPlugins(_ output: String, _ isGood: Bool) {
        #expect((PluginRun.credential(output, version: "V") != nil) == isGood)
    }

    private static func plugin(_ script: String) -> (CredentialPlugin, ClusterAccess) {
        let plugin = CredentialPlugin(
            command: "sh", arguments: ["-c", script], environment: ["WORD": Secret("from-env")], version: "client.authentication.k8s.io/v1",
            installHint: "see the manual", wantsCluster: true)
        return (plugin, ClusterAccess(origin: "here", servers: [ServerAddress(host: "a", port: 1)]))
    }

    @Test func aPluginIsRunAndBounded() async throws {
        let answer =
            "{\\\"apiVersion\\\":\\\"client.authentication.k8s.io/v1\\\",\\\"kind\\\":\\\"ExecCredential\\\",\\\"status\\\":{\\\"token\\\":\\\"$WORD\\\"}}"
        let (good, access) = Self.plugin("case $KUBERNETES_EXEC_INFO in *https://a:1*) echo \"\(answer)\";; *) exit 9;; esac")
        #expect(try await PluginRun.run(good, access, seconds: 20).token?.reveal() == "from-env")
        for (script, message) in [
            ("exit 3", "status 3"), ("sleep 60", "not ended after 1 s"), ("echo secret-word", "has not printed"),
            ("yes secret-word", "prints more"),
        ] {
            let began = ContinuousClock.now
            do throws(SourceProblem) {
                _ = try await PluginRun.run(Self.plugin(script).0, access, seconds: script.hasPrefix("sleep") ? 1 : 60)
                Issue.record("\(script) worked")
            } catch {
                #expect(error.description.contains(message) && !error.description.contains("secret-word"), "\(error)")
            }
            #expect(ContinuousClock.now - began < .seconds(90))
        }
        var missing = good
        missing.command = "no-such-program-here"
        await #expect(throws: SourceProblem(place: "here, exec no-such-program-here", message: "the program is not there; see the manual"))
        {
            try await PluginRun.run(missing, access, seconds: 5)
        }
    }
}
