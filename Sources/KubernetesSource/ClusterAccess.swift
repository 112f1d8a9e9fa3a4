import ServiceModel

/// How a cluster's API is reached, and as whom: what a kubeconfig's context, or a pod's service account, comes to.
package struct ClusterAccess: Equatable, Sendable {
    /// Where it was read: `/etc/ipvs-agent/kubeconfig`, or `the service account`.
    package var origin: String
    /// Tried in turn; at least one.
    package var servers: [ServerAddress]
    package var trust = Trust.system
    /// The name that the server's certificate is to have, instead of the address's host.
    package var serverName: String?
    /// The one that the kubeconfig names.
    package var proxy: Proxy?
    /// Those of the environment, which count where the kubeconfig names none.
    package var environmentProxies: ProxyEnvironment?
    package var identity = Identity()

    package init(origin: String, servers: [ServerAddress]) {
        self.origin = origin
        self.servers = servers
    }

    /// The proxy through which an address is asked; throws where the environment names one that the agent cannot use.
    func proxy(for server: ServerAddress) throws(SourceProblem) -> Proxy? {
        if let proxy { return proxy }
        return try environmentProxies?.proxy(for: server)
    }

    /// By what the server's certificate is judged.
    package enum Trust: Equatable, Sendable {
        /// The authorities that the machine trusts.
        case system
        case authorities(Material)
        /// Nothing is verified.
        case anybody
    }

    /// A PEM document: given in place, or in a file that may change.
    package enum Material: Equatable, Sendable {
        case inline(Secret)
        case file(String)
    }

    package struct Proxy: Equatable, Sendable {
        package enum Kind: Equatable, Sendable { case http, socks5 }

        package var kind: Kind
        package var host: String
        package var port: Int
        package var user: String?
        package var password: Secret?
    }

    /// What the agent shows for itself. Several may be given; the server is shown all, a token before a password.
    package struct Identity: Equatable, Sendable {
        package var certificate: Material?
        package var key: Material?
        package var token: Secret?
        /// Read anew for each request, since it rotates; comes before `token`, as in client-go.
        package var tokenFile: String?
        package var user: String?
        package var password: Secret?
        package var plugin: CredentialPlugin?

        package init() {}
    }
}

/// A program that yields credentials (`client.authentication.k8s.io`).
package struct CredentialPlugin: Equatable, Sendable {
    package var command: String
    package var arguments: [String]
    package var environment: [String: Secret]
    /// `client.authentication.k8s.io/v1` or `/v1beta1`.
    package var version: String
    /// What to do where the program is missing.
    package var installHint: String?
    /// Whether the program is told of the cluster.
    package var wantsCluster: Bool
}
