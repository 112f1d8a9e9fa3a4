import FoundationEssentials
import ServiceModel

/// What is shown to the API server, as it is at each moment: files rotate, and plug-ins give credentials that expire.
actor Credentials {
    /// What one request shows.
    struct Shown: Sendable {
        var authorization: Secret?
        var material: TLSMaterial
    }

    private let access: ClusterAccess
    private let pluginSeconds: Int
    private var fromPlugin: PluginRun.Credential?
    /// The run that is under way; everyone who needs it waits for the one.
    private var run: Task<Result<PluginRun.Credential, SourceProblem>, Never>?
    /// A token that was read once serves while its file cannot be read.
    private var lastToken: Secret?

    /// A credential that expires so soon is renewed before it does.
    private static let margin = 10.0

    init(_ access: ClusterAccess, pluginSeconds: Int = 60) {
        self.access = access
        self.pluginSeconds = pluginSeconds
    }

    func current() async throws(SourceProblem) -> Shown {
        let identity = access.identity
        var plugin: PluginRun.Credential?
        // As in client-go, a plug-in is asked where nothing else gives a token.
        if identity.plugin != nil, identity.token == nil, identity.tokenFile == nil { plugin = try await pluginCredential() }
        let pair = plugin.flatMap { credential in credential.certificate.flatMap { certificate in credential.key.map { (certificate, $0) } }
        }
        return Shown(authorization: try authorization(plugin), material: try TLSMaterial(access, plugin: pair))
    }

    /// The server did not know who we are: what a plug-in gave is asked for again.
    func refused() { fromPlugin = nil }

    private func authorization(_ plugin: PluginRun.Credential?) throws(SourceProblem) -> Secret? {
        let identity = access.identity
        if let file = identity.tokenFile {
            do throws(SourceProblem) {
                if let token = try FileBytes.text(file) { lastToken = Secret(token) }
            } catch {
                if lastToken == nil, identity.token == nil { throw error }
            }
            guard let token = lastToken ?? identity.token else { throw SourceProblem(place: file, message: "the token's file is empty") }
            return try Self.bearer(token, place: file)
        }
        if let token = identity.token ?? plugin?.token { return try Self.bearer(token, place: access.origin) }
        if let user = identity.user {
            let pair = Data("\(user):\(identity.password?.reveal() ?? "")".utf8).base64EncodedString()
            return Secret("Basic \(pair)")
        }
        return nil
    }

    /// A token goes into a header, so it must not hold what ends one.
    private static func bearer(_ token: Secret, place: String) throws(SourceProblem) -> Secret {
        guard token.reveal().utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw SourceProblem(place: place, message: "the token holds characters that no token has")
        }
        return Secret("Bearer \(token.reveal())")
    }

    private func pluginCredential() async throws(SourceProblem) -> PluginRun.Credential? {
        guard let plugin = access.identity.plugin else { return nil }
        if let credential = fromPlugin, credential.expires.map({ $0.timeIntervalSinceNow > Self.margin }) ?? true { return credential }
        let task =
            run
            ?? Task { [access, pluginSeconds] in
                do throws(SourceProblem) {
                    return .success(try await PluginRun.run(plugin, access, seconds: pluginSeconds))
                } catch {
                    return .failure(error)
                }
            }
        run = task
        let result = await task.value
        run = nil
        let credential = try result.get()
        fromPlugin = credential
        return credential
    }
}
