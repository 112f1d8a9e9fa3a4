import FoundationEssentials

/// Where an API server is: `https://10.0.0.1:6443/prefix`.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    package var isEncrypted: Bool
    /// A name or an address; IPv6 without its brackets.
    package var host: String
    package var port: Int
    /// Before every path of the API; empty, or with a slash at its beginning and none at its end.
    package var path: String

    package init(isEncrypted: Bool = true, host: String, port: Int, path: String = "") {
        self.isEncrypted = isEncrypted
        self.host = host
        self.port = port
        self.path = path
    }

    /// Reads a server as kubeconfigs give it. Without a scheme it is https, as client-go takes it (`rest.DefaultServerURL`).
    package init?(_ text: String) {
        guard let parts = URL(string: text.contains("://") ? text : "https://" + text), let scheme = parts.scheme?.lowercased(),
            scheme == "https" || scheme == "http", var host = parts.host(), !host.isEmpty, parts.user() == nil, parts.password() == nil,
            parts.query() == nil, parts.fragment() == nil
        else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        let port = parts.port ?? (scheme == "https" ? 443 : 80)
        guard (1...65535).contains(port) else { return nil }
        var path = parts.path()
        while path.hasSuffix("/") { path.removeLast() }
        self.init(isEncrypted: scheme == "https", host: host, port: port, path: path)
    }

    /// Host and port as they stand in a URL.
    package var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    package var description: String { "\(isEncrypted ? "https" : "http")://\(authority)\(path)" }

    /// Whether what is sent stays on this machine.
    package var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
