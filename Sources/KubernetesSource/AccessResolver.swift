package import ServiceModel

/// Finds out how the API is reached: the kubeconfig that was named, then the one of `KUBECONFIG`, then the pod's service account.
package enum AccessResolver {
    /// Where a pod finds what it may show the API server.
    package static let serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Addresses that were named take the place of the kubeconfig's own. Tests hand in files of their own.
    package static func resolve(
        kubeconfig: String?, servers: [String], environment: [String: String], serviceAccount: String = Self.serviceAccount,
        read: (String) throws(SourceProblem) -> [UInt8] = Self.readFile
    ) throws(SourceProblem) -> ClusterAccess {
        var access = try found(kubeconfig: kubeconfig, environment: environment, serviceAccount: serviceAccount, read: read)
        if !servers.isEmpty {
            access.servers = try servers.map { text throws(SourceProblem) in
                guard let server = ServerAddress(text) else {
                    throw SourceProblem(place: "--master", message: "\"\(text)\" is not an address such as https://10.0.0.1:6443")
                }
                return server
            }
        }
        if access.proxy == nil { access.environmentProxies = ProxyEnvironment(environment) }
        for server in access.servers { _ = try access.proxy(for: server) }
        let identity = access.identity
        let isBearer = identity.token != nil || identity.tokenFile != nil || identity.plugin != nil || identity.password != nil
        for server in access.servers where !server.isEncrypted && isBearer && !server.isLoopback {
            throw SourceProblem(
                place: access.origin, message: "\(server) is not encrypted, and credentials would be sent for all to read; use https")
        }
        return access
    }

    package static func readFile(_ path: String) throws(SourceProblem) -> [UInt8] { try FileBytes.read(path) }

    private static func found(
        kubeconfig: String?, environment: [String: String], serviceAccount: String, read: (String) throws(SourceProblem) -> [UInt8]
    ) throws(SourceProblem) -> ClusterAccess {
        if let kubeconfig { return try access([kubeconfig], mayBeMissing: false, origin: kubeconfig, read) }
        if let list = environment["KUBECONFIG"], !list.isEmpty {
            return try access(list.split(separator: ":").map(String.init), mayBeMissing: true, origin: "KUBECONFIG", read)
        }
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty, let text = environment["KUBERNETES_SERVICE_PORT"],
            let port = Int(text), (1...65535).contains(port)
        else {
            throw SourceProblem(
                place: "kubernetes",
                message:
                    "no API server is known: name a kubeconfig with --kubeconfig FILE or KUBECONFIG, or run in a pod with a service account"
            )
        }
        var access = ClusterAccess(origin: "the service account", servers: [ServerAddress(host: host, port: port)])
        access.trust = .authorities(.file(serviceAccount + "/ca.crt"))
        access.identity.tokenFile = serviceAccount + "/token"
        return access
    }

    /// Of several files kubectl ignores those that are missing, as long as there is one.
    private static func access(
        _ files: [String], mayBeMissing: Bool, origin: String, _ read: (String) throws(SourceProblem) -> [UInt8]
    ) throws(SourceProblem) -> ClusterAccess {
        var config = Kubeconfig()
        var failure: SourceProblem?
        var count = 0
        for file in files {
            let bytes: [UInt8]
            do throws(SourceProblem) { bytes = try read(file) } catch {
                if mayBeMissing {
                    failure = error
                    continue
                }
                throw error
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw SourceProblem(place: file, message: "the kubeconfig is not UTF-8")
            }
            try config.add(text, file: file)
            count += 1
        }
        if count == 0 { throw failure ?? SourceProblem(place: origin, message: "names no file") }
        return try config.access(origin: count == 1 && files.count == 1 ? files[0] : origin)
    }
}
