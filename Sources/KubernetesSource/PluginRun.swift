import FoundationEssentials
import ServiceModel
import Subprocess
import SystemPackage

/// Runs a credential plug-in, bounded in time and in what it prints.
enum PluginRun {
    /// What a plug-in yields.
    struct Credential: Equatable, Sendable {
        var token: Secret?
        var certificate: Secret?
        var key: Secret?
        /// When it is no longer good; nil where it is good until the server refuses it.
        var expires: Date?
    }

    static let outputLimit = 1 << 20

    static func run(_ plugin: CredentialPlugin, _ access: ClusterAccess, seconds: Int) async throws(SourceProblem) -> Credential {
        let place = "\(access.origin), exec \(plugin.command)"
        let info = try request(plugin, access)
        let outcome = await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await start(plugin, info) }
            group.addTask {
                do { try await Task.sleep(for: .seconds(seconds)) } catch { return nil }
                return .failed("has not ended after \(seconds) s")
            }
            defer { group.cancelAll() }
            // The first of the two to end: the program, or its time. Cancelled, it is told to end and then made to.
            while let first = await group.next() {
                if let outcome = first { return outcome }
            }
            return Outcome.failed("was cancelled")
        }
        switch outcome {
        case .printed(let output):
            guard let credential = credential(output, version: plugin.version) else {
                // What it printed is not shown: it may be a secret.
                throw SourceProblem(place: place, message: "the program has not printed an ExecCredential (\(plugin.version))")
            }
            return credential
        case .missing:
            throw SourceProblem(place: place, message: "the program is not there" + (plugin.installHint.map { "; \($0)" } ?? ""))
        case .failed(let message):
            throw SourceProblem(place: place, message: "the program \(message)")
        }
    }

    private enum Outcome: Sendable {
        case printed(String)
        case missing
        case failed(String)
    }

    private static func start(_ plugin: CredentialPlugin, _ info: String) async -> Outcome {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
        var changes: [Environment.Key: String?] = ["KUBERNETES_EXEC_INFO": info]
        for (name, value) in plugin.environment { changes[Environment.Key(stringLiteral: name)] = value.reveal() }
        let program: Executable = plugin.command.contains("/") ? .path(FilePath(plugin.command)) : .name(plugin.command)
        do {
            let result = try await Subprocess.run(
                program, arguments: Arguments(plugin.arguments), environment: .inherit.updating(changes), platformOptions: options,
                output: .string(limit: outputLimit), error: .discarded)
            switch result.terminationStatus {
            case .exited(0): return .printed(result.standardOutput)
            case .exited(let status): return .failed("ended with status \(status)")
            case .signaled(let signal): return .failed("was ended by signal \(signal)")
            }
        } catch let error as SubprocessError where error.code == .executableNotFound {
            return .missing
        } catch {
            // The library's error is left out: it may show arguments and environment.
            return .failed("cannot be run, or prints more than \(outputLimit >> 20) MiB")
        }
    }

    // MARK: The protocol, KEP-541

    private struct Request: Encodable {
        struct Spec: Encodable {
            struct Cluster: Encodable {
                var server: String
                var tlsServerName: String?
                var insecureSkipTLSVerify: Bool?
                var certificateAuthorityData: String?
                var proxyURL: String?

                enum CodingKeys: String, CodingKey {
                    case server
                    case tlsServerName = "tls-server-name"
                    case insecureSkipTLSVerify = "insecure-skip-tls-verify"
                    case certificateAuthorityData = "certificate-authority-data"
                    case proxyURL = "proxy-url"
                }
            }
            var interactive = false
            var cluster: Cluster?
        }
        var apiVersion: String
        var kind = "ExecCredential"
        var spec = Spec()
    }

    static func request(_ plugin: CredentialPlugin, _ access: ClusterAccess) throws(SourceProblem) -> String {
        var request = Request(apiVersion: plugin.version)
        if plugin.wantsCluster, let server = access.servers.first {
            let authorities = try TLSMaterial(access, plugin: nil).authorities
            request.spec.cluster = Request.Spec.Cluster(
                server: server.description, tlsServerName: access.serverName,
                insecureSkipTLSVerify: access.trust == .anybody ? true : nil,
                certificateAuthorityData: authorities.map { Data($0.reveal().utf8).base64EncodedString() })
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and booleans can always be encoded.
        return (try? encoder.encode(request)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private struct Answer: Decodable {
        struct Status: Decodable {
            var token: String?
            var clientCertificateData: String?
            var clientKeyData: String?
            var expirationTimestamp: String?
        }
        var apiVersion: String
        var kind: String
        var status: Status?
    }

    static func credential(_ output: String, version: String) -> Credential? {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(output.utf8)), answer.kind == "ExecCredential",
            answer.apiVersion == version, let status = answer.status
        else { return nil }
        var credential = Credential()
        if let token = status.token, !token.isEmpty { credential.token = Secret(token) }
        if let certificate = status.clientCertificateData, let key = status.clientKeyData, !certificate.isEmpty, !key.isEmpty {
            (credential.certificate, credential.key) = (Secret(certificate), Secret(key))
        }
        guard credential.token != nil || credential.certificate != nil else { return nil }
        if let text = status.expirationTimestamp, !text.isEmpty {
            let style = Date.ISO8601FormatStyle()
            guard let date = (try? style.parse(text)) ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text)) else {
                return nil
            }
            credential.expires = date
        }
        return credential
    }
}
