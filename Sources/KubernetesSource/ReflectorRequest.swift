/// What a reflector asks the API server for.
enum ReflectorRequest: Equatable, Sendable {
    /// One page of a list; the first where there is no token. Without a limit, the whole.
    case page(continuation: String?, limit: Int?)
    /// A watch that tells everything first.
    case streamingList(seconds: Int)
    case watch(resourceVersion: String, seconds: Int)

    /// Whether everything that there is will be told, from the beginning.
    var beginsList: Bool {
        switch self {
        case .page(nil, _), .streamingList: true
        case .page, .watch: false
        }
    }

    /// Whether the answer is a stream of events.
    var isStream: Bool { if case .page = self { false } else { true } }

    /// The address relative to the server's.
    ///
    /// A list leaves `resourceVersion` out: at 0 the server answers from its cache and ignores the limit (`etcd3/store`, `cacher`), and
    /// without one it answers what is true now.
    func path(of resource: Resource) -> String {
        var query: [(String, String)] = []
        if let selector = resource.labelSelector { query.append(("labelSelector", selector)) }
        if let selector = resource.fieldSelector { query.append(("fieldSelector", selector)) }
        switch self {
        case .page(let continuation, let limit):
            if let limit { query.append(("limit", "\(limit)")) }
            if let continuation { query.append(("continue", continuation)) }
        case .streamingList(let seconds):
            // KEP-3157; the server demands the match by name.
            query += [
                ("watch", "1"), ("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan"), ("allowWatchBookmarks", "true"),
                ("timeoutSeconds", "\(seconds)"),
            ]
        case .watch(let version, let seconds):
            query += [
                ("watch", "1"), ("resourceVersion", version), ("allowWatchBookmarks", "true"), ("timeoutSeconds", "\(seconds)"),
            ]
        }
        return resource.path + "?" + query.map { "\($0)=\(Self.encoded($1))" }.joined(separator: "&")
    }

    /// A value of a query: all but the unreserved characters of RFC 3986 as %XX.
    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || [UInt8]("-._~".utf8).contains(byte)
            if isPlain {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                result += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return result
    }
}
