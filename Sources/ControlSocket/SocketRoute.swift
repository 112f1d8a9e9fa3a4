import HummingbirdCore
import Telemetry

/// What can be asked for at the socket.
enum SocketRoute: Equatable {
    case index
    case status
    /// All Services, or one of them by its name.
    case services(name: String?)
    case drift
    case plan
    case health
    case drains
    /// What is said of backends by hand.
    case hands
    case setHand(scope: String, key: String)
    case clearHand(scope: String, key: String)
    /// Changes the kernel's table; the list comes with the body.
    case apply(ChangeRequest)
    /// The events after a number; with `isFollowing` those to come, too.
    case events(after: UInt64, isFollowing: Bool)

    /// Reads a request's first line. Whatever is not understood is a problem: an option that is passed over would promise something.
    init(method: String, target: String) throws(RequestProblem) {
        let uri = URI(target)
        guard let page = SocketPage.all.first(where: { $0.matches(uri.path) }) else { throw .unknown(path: uri.path) }
        guard page.methods.contains(method) else { throw .method(method, page) }
        var options = try QueryOptions(uri, of: page)
        switch page.path {
        case "/v1/status": self = .status
        case "/v1/services": self = .services(name: options.take("name"))
        case "/v1/drift": self = .drift
        case "/v1/plan": self = .plan
        case "/v1/health": self = .health
        case "/v1/drains": self = .drains
        case "/v1/admin": self = .hands
        case SocketPage.admin:
            guard let (scope, key) = SocketPage.scopeAndKey(uri.path) else { throw .unknown(path: uri.path) }
            self = method == "PUT" ? .setHand(scope: scope, key: key) : .clearHand(scope: scope, key: key)
        case SocketPage.apply:
            var request = ChangeRequest()
            let truth = "true or false"
            request.removes = try options.take("remove", as: truth) { Bool($0) } ?? false
            request.force = try options.take("force", as: truth) { Bool($0) } ?? false
            request.isTrial = try options.take("dryRun", as: truth) { Bool($0) } ?? false
            if let only = options.take("only") { request.actions = Set(only.split(separator: ",").map(String.init)) }
            request.namespace = options.take("namespace")
            func seconds(_ name: String) throws(RequestProblem) -> UInt32? {
                try options.take(name, as: "seconds, 1 or more") { UInt32($0).flatMap { $0 > 0 ? $0 : nil } }
            }
            let (tcp, tcpFin, udp) = (try seconds("tcp"), try seconds("tcpfin"), try seconds("udp"))
            if tcp != nil || tcpFin != nil || udp != nil { request.timeouts = .init(tcp: tcp ?? 0, tcpFin: tcpFin ?? 0, udp: udp ?? 0) }
            self = .apply(request)
        case "/v1/events":
            let after = try options.take("after", as: "a number of an event, 0 or more") { UInt64($0) } ?? 0
            let isFollowing = try options.take("follow", as: "true or false") { Bool($0) } ?? false
            self = .events(after: after, isFollowing: isFollowing)
        default: self = .index
        }
    }
}

/// A path that is answered, for the list of them and for finding it.
struct SocketPage: Encodable, Equatable {
    let path: String
    let methods: [String]
    /// The options it knows, `after=NUMBER`.
    let options: [String]
    let says: String

    static let all = [
        SocketPage("/v1", "this list"),
        SocketPage("/v1/status", "whether what is asked for is in force, and where not, why and what to do"),
        SocketPage("/v1/services", options: ["name=NAMESPACE/NAME"], "every Service, or one: what is made of it, and whether it stands"),
        SocketPage("/v1/drift", "what differs in the kernel and waits to be put right"),
        SocketPage("/v1/plan", "the operations between the kernel as the agent knows it and what is wanted"),
        SocketPage("/v1/health", "the backends that are probed: which are down, since when and why"),
        SocketPage("/v1/drains", "the real servers that take no new connections and go when those that they have are over"),
        SocketPage("/v1/admin", "what is said of backends by hand"),
        SocketPage(admin, methods: ["PUT", "DELETE"], "say something of an endpoint, an address or a service by hand, or take it back"),
        SocketPage(
            apply, methods: ["POST"],
            options: [
                "remove=true", "force=true", "dryRun=true", "only=add,update,remove", "namespace=DEVICE:INODE", "tcp=SECONDS",
                "tcpfin=SECONDS", "udp=SECONDS",
            ], "change virtual servers that no Service asks for: the body is a VirtualServerList"),
        SocketPage("/v1/events", options: ["after=NUMBER", "follow=true"], "what has happened, a JSON object a line"),
    ]

    static let apply = "/v1/apply"
    static let admin = "/v1/admin/{scope}/{key}"
    private static let adminPrefix = "/v1/admin/"

    private init(_ path: String, methods: [String] = ["GET"], options: [String] = [], _ says: String) {
        self.path = path
        self.methods = methods
        self.options = options
        self.says = says
    }

    func matches(_ path: String) -> Bool { self.path == Self.admin ? Self.scopeAndKey(path) != nil : self.path == path }

    /// What is named behind `/v1/admin/`: the key may have slashes of its own.
    static func scopeAndKey(_ path: String) -> (scope: String, key: String)? {
        guard path.hasPrefix(adminPrefix), let text = decoded(path.dropFirst(adminPrefix.count)),
            let slash = text.firstIndex(of: "/"), slash != text.startIndex, text.index(after: slash) != text.endIndex
        else { return nil }
        return (String(text[..<slash]), String(text[text.index(after: slash)...]))
    }

    /// The text of a part of a path, in which `%5B` stands for a bracket; nil where that is not kept to.
    private static func decoded(_ path: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = path.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16), value >= 0x20
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    var optionNames: [Substring] { options.map { $0.prefix { $0 != "=" } } }
}

/// The options of a request: each known, each at most once.
private struct QueryOptions {
    private var values: [String: String] = [:]

    init(_ uri: URI, of page: SocketPage) throws(RequestProblem) {
        for (name, value) in uri.queryParameters where !name.isEmpty {
            guard page.optionNames.contains(name) else { throw .option(String(name), page) }
            guard values.updateValue(String(value), forKey: String(name)) == nil else { throw .twice(String(name)) }
        }
    }

    mutating func take(_ name: String) -> String? { values.removeValue(forKey: name) }

    mutating func take<Value>(_ name: String, as wanted: String, _ parse: (String) -> Value?) throws(RequestProblem) -> Value? {
        guard let text = take(name) else { return nil }
        guard let value = parse(text) else { throw .value(name, text, wanted) }
        return value
    }
}
