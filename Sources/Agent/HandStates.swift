import Addresses
import HealthModel
import IPVSModel
import ServiceModel
import Telemetry

/// What a state that is set by hand is about: the narrower of several that meet counts.
enum HandScope: Hashable, Sendable {
    /// A Service's endpoint; without a port all of its ports.
    case endpoint(ObjectName, IPAddress, port: UInt16?)
    /// An address with all Services that lead there.
    case address(IPAddress)
    case service(ObjectName)

    /// Reads what a request names: `endpoint` and `default/web/10.244.0.2:8080`, `address` and `10.244.0.2`, `service` and `default/web`.
    init?(_ scope: String, _ key: String) {
        let parts = key.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        switch (scope, parts.count) {
        case ("address", 1):
            guard let address = IPAddress(key) else { return nil }
            self = .address(address)
        case ("service", 2):
            guard let name = Self.name(parts[0], parts[1]) else { return nil }
            self = .service(name)
        case ("endpoint", 3):
            guard let name = Self.name(parts[0], parts[1]), let (address, port) = Self.socket(String(parts[2])) else { return nil }
            self = .endpoint(name, address, port: port)
        default: return nil
        }
    }

    /// Names as Kubernetes has them: letters that need no care in a path or a log.
    private static func name(_ namespace: Substring, _ name: Substring) -> ObjectName? {
        func isName(_ text: Substring) -> Bool {
            (1...253).contains(text.utf8.count)
                && text.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                }
        }
        return isName(namespace) && isName(name) ? ObjectName(namespace: String(namespace), name: String(name)) : nil
    }

    private static func socket(_ text: String) -> (IPAddress, UInt16?)? {
        if let address = IPAddress(text) { return (address, nil) }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() } else if host.contains(":") { return nil }
        return IPAddress(String(host)).map { ($0, port) }
    }

    var words: (scope: String, key: String) {
        switch self {
        case .endpoint(let service, let address, let port?): ("endpoint", "\(service)/\(RealServer.Key(address, port: port))")
        case .endpoint(let service, let address, nil): ("endpoint", "\(service)/\(address)")
        case .address(let address): ("address", "\(address)")
        case .service(let service): ("service", "\(service)")
        }
    }
}

/// What somebody said: a state, or a weight.
struct HandEntry: Equatable, Sendable {
    /// Nil where a weight was said.
    var state: HandState?
    var weight: WeightByHand?
    var reason: String?
    var owner: String?
    var since: Moment
    /// When it ends by itself; nil for never.
    var expires: Moment?

    /// `drain`, or `weight`.
    var word: String { state?.rawValue ?? Self.weightWord }
    static let weightWord = "weight"
}

/// A weight that takes the place of the configured one, reached in steps.
struct WeightByHand: Equatable, Sendable {
    var weight: Int32
    /// What it begins with, in hundredths; nil for what is configured.
    var from: Int64?
    var over = Duration.zero

    /// What it has come to some time after it was said, in hundredths, so that small weights have steps, too.
    func reached(after elapsed: Duration, configured: Int32) -> Int64 {
        let end = Int64(weight) * 100
        guard !isReached(after: elapsed) else { return end }
        let begin = from ?? Int64(configured) * 100
        return begin + Int64((Double(end - begin) * max(0, elapsed / over)).rounded())
    }

    func isReached(after elapsed: Duration) -> Bool { over == .zero || elapsed >= over }
}

/// What people have said of backends.
struct HandStates: Equatable, Sendable {
    private(set) var entries: [HandScope: HandEntry] = [:]

    var isEmpty: Bool { entries.isEmpty }

    init(_ entries: [HandScope: HandEntry] = [:]) { self.entries = entries }

    subscript(scope: HandScope) -> HandEntry? {
        get { entries[scope] }
        set { entries[scope] = newValue }
    }

    /// What is said of a Service's real server.
    func state(of server: RealServer.Key, in service: ObjectName) -> HandState? {
        narrowest(of: server, in: service) { $0.state != nil }?.state
    }

    /// The weight that is said of a Service's real server. One of a narrower scope than a drain does not end that.
    func weight(of server: RealServer.Key, in service: ObjectName) -> HandEntry? {
        narrowest(of: server, in: service) { $0.weight != nil }
    }

    private func narrowest(of server: RealServer.Key, in service: ObjectName, where holds: (HandEntry) -> Bool) -> HandEntry? {
        guard !entries.isEmpty else { return nil }
        let scopes: [HandScope] = [
            .endpoint(service, server.address, port: server.port), .endpoint(service, server.address, port: nil),
            .address(server.address), .service(service),
        ]
        return scopes.lazy.compactMap { entries[$0] }.first(where: holds)
    }

    /// When the next one ends by itself.
    var nextExpiry: Moment? { entries.values.compactMap(\.expires).min() }

    /// Takes out those whose time is up.
    mutating func takeExpired(at time: Moment) -> [HandScope: HandEntry] {
        let expired = entries.filter { $0.value.expires.map { $0 <= time } ?? false }
        for scope in expired.keys { entries[scope] = nil }
        return expired
    }

    /// What differs between two.
    func scopes(differingFrom other: HandStates) -> Set<HandScope> {
        Set(entries.keys).union(other.entries.keys).filter { entries[$0] != other.entries[$0] }
    }
}
