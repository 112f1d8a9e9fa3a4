import FoundationEssentials
import Programs
import ServiceModel

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
        let outcome = await program(plugin, info).run(seconds: seconds, outputLimit: outputLimit)
        // What it printed is not shown: it may be a secret.
        let failure: String
        switch outcome.ending {
        case .exited(0):
            if let credential = credential(outcome.output, version: plugin.version) { return credential }
            failure = "has not printed an ExecCredential (\(plugin.version))"
        case .exited(let status): failure = "ended with status \(status)"
        case .killed(let signal): failure = "was ended by signal \(signal)"
        case .timedOut(let seconds): failure = "has not ended after \(seconds) s"
        case .printedTooMuch(let limit): failure = "prints more than \(limit >> 20) MiB"
        case .cancelled: failure = "was cancelled"
        case .notStarted(let error) where error.isMissing: failure = "is not there" + (plugin.installHint.map { "; \($0)" } ?? "")
        case .notStarted(let error): failure = "cannot be run: \(error)"
        }
        throw SourceProblem(place: place, message: "the program \(failure)")
    }

    private static func program(_ plugin: CredentialPlugin, _ info: String) -> Program {
        var environment = ProcessInfo.processInfo.environment
        environment["KUBERNETES_EXEC_INFO"] = info
        for (name, value) in plugin.environment { environment[name] = value.reveal() }
        return Program(plugin.command, plugin.arguments, environment: environment)
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
