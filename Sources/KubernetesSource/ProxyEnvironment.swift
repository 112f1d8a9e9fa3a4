import Addresses
import ServiceModel

/// Through which proxies the environment has the API asked: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in capitals or not.
///
/// client-go takes them where a kubeconfig names no proxy; the rules are those of Go's `golang.org/x/net/http/httpproxy`. Pure.
package struct ProxyEnvironment: Equatable, Sendable {
    private var encrypted: Result<ClusterAccess.Proxy, SourceProblem>?
    private var plain: Result<ClusterAccess.Proxy, SourceProblem>?
    private var exceptions: [Exception] = []

    /// What is asked without a proxy.
    private enum Exception: Equatable, Sendable {
        case everything
        case range(IPPrefix)
        case address(IPAddress, port: Int?)
        /// A suffix with its leading dot; with `itself` the name without the dot as well.
        case domain(String, itself: Bool, port: Int?)
    }

    /// Nil where the environment names no proxy.
    init?(_ environment: [String: String]) {
        encrypted = Self.proxy("HTTPS_PROXY", environment)
        plain = Self.proxy("HTTP_PROXY", environment)
        guard encrypted != nil || plain != nil else { return nil }
        let list = Self.value("NO_PROXY", environment)?.value ?? ""
        exceptions = list.split(separator: ",").compactMap { Self.exception($0) }
    }

    /// The proxy for an address; nil where it is asked without one. Throws where the agent cannot use the one that it should.
    func proxy(for server: ServerAddress) throws(SourceProblem) -> ClusterAccess.Proxy? {
        guard let proxy = server.isEncrypted ? encrypted : plain else { return nil }
        let host = server.host.lowercased()
        let address = IPAddress(host)
        if host == "localhost" || address?.isLoopback == true { return nil }
        return exceptions.contains { Self.covers($0, host, address, server.port) } ? nil : try proxy.get()
    }

    private static func covers(_ exception: Exception, _ host: String, _ address: IPAddress?, _ port: Int) -> Bool {
        switch exception {
        case .everything: true
        case .range(let range): address.map(range.contains) ?? false
        case .address(let other, let only): address == other && only ?? port == port
        case .domain(let suffix, let itself, let only):
            (host.hasSuffix(suffix) || itself && host == suffix.dropFirst()) && only ?? port == port
        }
    }

    private static func value(_ name: String, _ environment: [String: String]) -> (name: String, value: String)? {
        for name in [name, name.lowercased()] { if let value = environment[name], !value.isEmpty { return (name, value) } }
        return nil
    }

    private static func proxy(_ name: String, _ environment: [String: String]) -> Result<ClusterAccess.Proxy, SourceProblem>? {
        guard let (name, text) = value(name, environment) else { return nil }
        do throws(SourceProblem) {
            // A proxy may be given without its scheme here.
            return .success(try ProxyAddress.read(text.contains("://") ? text : "http://" + text, SourceProblem(place: name, message: "")))
        } catch {
            return .failure(error)
        }
    }

    private static func exception(_ text: Substring) -> Exception? {
        var host = text.lowercased().filter { !$0.isWhitespace }
        if host.isEmpty { return nil }
        if host == "*" { return .everything }
        if let range = IPPrefix(host), host.contains("/") { return .range(range) }
        if let address = IPAddress(host) { return .address(address, port: nil) }
        var port: Int?
        if let colon = host.lastIndex(of: ":"), let number = Int(host[host.index(after: colon)...]) {
            port = number
            host = String(host[..<colon])
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if let address = IPAddress(host) { return .address(address, port: port) }
        if host.hasPrefix("*.") { host.removeFirst() }
        guard !host.isEmpty else { return nil }
        return host.hasPrefix(".") ? .domain(host, itself: false, port: port) : .domain("." + host, itself: true, port: port)
    }
}
