import FoundationEssentials
import ServiceModel

/// Reads `proxy-url`, and the proxies that the environment names.
enum ProxyAddress {
    /// A problem gets the place of the one handed in. The address is not quoted, since it may hold a password.
    static func read(_ text: String, _ problem: SourceProblem) throws(SourceProblem) -> ClusterAccess.Proxy {
        func failure(_ message: String) -> SourceProblem { SourceProblem(place: problem.place, message: message) }
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), var host = url.host(), !host.isEmpty else {
            throw failure("not an address such as http://10.0.0.1:3128")
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        let password = url.password(percentEncoded: false).map { Secret($0) }
        let user = url.user(percentEncoded: false)
        switch scheme {
        case "http":
            return .init(kind: .http, host: host, port: url.port ?? 80, user: user, password: password)
        // The name is resolved by the proxy either way.
        case "socks5", "socks5h":
            guard user == nil else { throw failure("the agent does not log in at a SOCKS proxy") }
            return .init(kind: .socks5, host: host, port: url.port ?? 1080)
        default:
            throw failure("neither an http nor a socks5 proxy")
        }
    }
}
