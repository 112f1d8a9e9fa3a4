import Foundation
import KubernetesTesting
import NIOSSL
import ServiceModel
import TestSupport
import Testing

@testable import KubernetesSource

/// How the server is reached, and as whom.
@Suite struct ConnectionTests {
    private static func with(
        tls: TLSConfiguration? = nil, tokens: Set<String>? = nil, _ body: (TestAPIServer, Int) async throws -> Void
    ) async throws {
        var faults = TestFaults()
        faults.tokens = tokens
        let server = TestAPIServer(.sample(1), faults: faults)
        let port = try await server.start(tls: tls)
        do { try await body(server, port) } catch { Issue.record("\(error)") }
        await server.stop()
    }

    /// Follows until all is listed, or until a problem shows.
    private static func outcome(_ access: ClusterAccess) async throws -> (isSynced: Bool, problem: String, log: [String]) {
        let follower = Follower(access)
        try await eventually("something comes of it") { follower.isSynced || !follower.problems.isEmpty }
        let result = (follower.isSynced, follower.problems.first?.message ?? "", follower.log.all)
        await follower.stop()
        return result
    }

    private static func identity(_ name: String) throws -> ClusterAccess.Identity {
        var identity = ClusterAccess.Identity()
        identity.certificate = .file(try Fixture.path("tls/\(name).crt"))
        identity.key = .file(try Fixture.path("tls/\(name).key"))
        return identity
    }

    @Test func theAuthorityMustHaveSigned() async throws {
        try await Self.with(tls: try .server()) { _, port in
            let outcome1 = try await Self.outcome(.encrypted(port))
            #expect(outcome1.isSynced)
            for trust in ["other", nil] {
                let refused = try await Self.outcome(.encrypted(port, trust: trust))
                #expect(!refused.isSynced && refused.problem.contains("TLS"), "\(refused.problem)")
            }
        }
    }

    @Test func theNameMustBeTheCertificates() async throws {
        try await Self.with(tls: try .server()) { _, port in
            var access = try ClusterAccess.encrypted(port)
            for (name, isGood) in [("localhost", true), ("api.test", true), ("elsewhere.test", false)] {
                access.serverName = name
                let outcome = try await Self.outcome(access)
                #expect(outcome.isSynced == isGood, "\(name): \(outcome.problem)")
            }
            access.serverName = nil
            access.servers[0].host = "localhost"
            let outcome2 = try await Self.outcome(access)
            #expect(outcome2.isSynced)
            access.servers[0].host = "127.0.0.2"
            let outcome3 = try await Self.outcome(access)
            #expect(!outcome3.isSynced)
        }
    }

    @Test func whatIsNotVerifiedIsWarnedOfLoudly() async throws {
        try await Self.with(tls: try .server()) { _, port in
            var access = try ClusterAccess.encrypted(port, trust: nil)
            access.trust = .anybody
            let outcome = try await Self.outcome(access)
            #expect(outcome.isSynced && outcome.log.contains { $0.hasPrefix("warning THE API SERVER IS NOT VERIFIED") })
        }
    }

    @Test func oldVersionsOfTLSAreRefused() async throws {
        try await Self.with(tls: try .server(versions: (.tlsv1, .tlsv11))) { _, port in
            let outcome = try await Self.outcome(.encrypted(port))
            #expect(!outcome.isSynced && outcome.problem.contains("TLS"), "\(outcome.problem)")
        }
        try await Self.with(tls: try .server(versions: (.tlsv12, .tlsv12))) { _, port in
            let outcome4 = try await Self.outcome(.encrypted(port))
            #expect(outcome4.isSynced)
        }
    }

    @Test func clientsShowTheirCertificate() async throws {
        try await Self.with(tls: try .server(clients: true)) { _, port in
            var access = try ClusterAccess.encrypted(port)
            let outcome5 = try await Self.outcome(access)
            #expect(!outcome5.isSynced, "without one")
            access.identity = try Self.identity("client")
            let outcome6 = try await Self.outcome(access)
            #expect(outcome6.isSynced)
            access.identity.certificate = .inline(Secret(try Fixture.text("tls/client.crt")))
            access.identity.key = .inline(Secret(try Fixture.text("tls/client.key")))
            let outcome7 = try await Self.outcome(access)
            #expect(outcome7.isSynced, "given in place")
            access.identity.key = .inline(Secret("-----BEGIN PRIVATE KEY-----\nnonsense"))
            let broken = try await Self.outcome(access)
            #expect(broken.problem.contains("not an unencrypted private key") && !broken.problem.contains("nonsense"))
        }
    }

    @Test(
        arguments: [
            ("api.test", "api.test", true), ("API.Test.", "api.test", true), ("*.test", "api.test", true), ("*.test", "a.b.test", false),
            ("*.test", "test", false), ("*", "api", false), ("a*.test", "api.test", false), ("", "", false),
            ("api..test", "api..test", false),
        ])
    func namesMatchByWholeLabels(_ pattern: String, _ name: String, _ isMatch: Bool) {
        #expect(ServerNameCheck.matches(pattern: pattern, name: name) == isMatch)
    }

    @Test func certificatesRotate() async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/pki-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        func install(_ name: String, as other: String) throws {
            let data = Data(try Fixture.bytes("tls/" + name))
            try data.write(to: URL(filePath: directory + "/" + other), options: .atomic)
        }
        try await Self.with(tls: try .server(clients: true)) { server, port in
            var access = ClusterAccess(origin: "test", servers: [ServerAddress(host: "127.0.0.1", port: port)])
            access.trust = .authorities(.file(directory + "/ca.crt"))
            access.identity.certificate = .file(directory + "/client.crt")
            access.identity.key = .file(directory + "/client.key")
            try install("other.crt", as: "ca.crt")
            try install("client.crt", as: "client.crt")
            let follower = Follower(access)
            try await eventually("the key is missed") { follower.problems.contains { $0.message.contains("client.key") } }
            try install("client.key", as: "client.key")
            try await eventually("the server is refused") { follower.problems.contains { $0.message.contains("TLS") } }
            try install("ca.crt", as: "ca.crt")
            try await eventually("all is well") { follower.isSynced && follower.problems.isEmpty }
            // From now on the server is somebody else's.
            try install("other.crt", as: "ca.crt")
            server.disconnect()
            try await eventually("the new authority counts") { follower.problems.contains { $0.message.contains("TLS") } }
            await follower.stop()
        }
    }

    @Test func tokensRotate() async throws {
        let file = FileManager.default.temporaryDirectory.path + "/token-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data("first-token\n".utf8).write(to: URL(filePath: file))
        try await Self.with(tokens: ["first-token"]) { server, port in
            var access = ClusterAccess.plain(port)
            access.identity.tokenFile = file
            let follower = Follower(access)
            try await eventually("synced") { follower.isSynced }
            server.change { $0.tokens = ["second-token"] }
            server.disconnect()
            try await eventually("the old one is refused") { follower.problems.contains { $0.message.contains("401") } }
            try Data("second-token".utf8).write(to: URL(filePath: file), options: .atomic)
            try await eventually("the new one is taken") { follower.problems.isEmpty }
            try FileManager.default.removeItem(atPath: file)
            server.disconnect()
            server.cluster.put(.service("late", address: "10.96.3.3"))
            try await eventually("the last one serves without its file") { follower.services.contains("default/late") }
            let said = follower.log.all + follower.updates.compactMap(\.problems).joined().map(\.description)
            #expect(!said.contains { $0.contains("first-token") || $0.contains("second-token") })
            await follower.stop()
        }
    }

    @Test func aPluginIsAskedAgainWhenItsTokenIsRefused() async throws {
        let file = FileManager.default.temporaryDirectory.path + "/plugin-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data("one".utf8).write(to: URL(filePath: file))
        try await Self.with(tokens: ["one"]) { server, port in
            var access = ClusterAccess.plain(port)
            access.identity.plugin = CredentialPlugin(
                command: "sh",
                arguments: [
                    "-c",
                    "printf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' $(cat \(file))",
                ], environment: [:], version: "client.authentication.k8s.io/v1", installHint: nil, wantsCluster: false)
            let follower = Follower(access)
            try await eventually("synced") { follower.isSynced }
            try Data("two".utf8).write(to: URL(filePath: file))
            server.change { $0.tokens = ["two"] }
            server.disconnect()
            server.cluster.put(.service("late", address: "10.96.3.3"))
            try await eventually("it was asked again") { follower.services.contains("default/late") }
            await follower.stop()
        }
    }

    @Test func severalAddressesAreTriedInTurn() async throws {
        let cluster = TestCluster.sample(1)
        let servers = [TestAPIServer(cluster), TestAPIServer(cluster)]
        let ports = [try await servers[0].start(), try await servers[1].start()]
        var access = ClusterAccess.plain(1)
        access.servers += ports.map { ServerAddress(isEncrypted: false, host: "127.0.0.1", port: $0) }
        let follower = Follower(access)
        try await eventually("the second one answers") { follower.isSynced }
        #expect(servers[1].requests.isEmpty, "one that answers is kept")
        await servers[0].stop()
        cluster.put(.service("late", address: "10.96.3.3"))
        try await eventually("the third one takes over") { follower.services.contains("default/late") }
        #expect(follower.problems.isEmpty, "\(follower.words)")
        await follower.stop()
        await servers[1].stop()
    }

    @Test func aRedirectionIsNotFollowed() async throws {
        try await Self.with { server, port in
            server.change { $0.next = [(.any, .status(302)), (.any, .status(302)), (.any, .status(302))] }
            let outcome8 = try await Self.outcome(.plain(port))
            #expect(outcome8.isSynced)
        }
    }
}
