/// What the API server for tests does wrong, on purpose.
package struct TestFaults: Sendable {
    /// How the server takes requests for streaming lists.
    package enum StreamingLists: Sendable {
        case offered
        /// Switched off, as before Kubernetes 1.32: 422.
        case refused
        /// Not known, as before Kubernetes 1.27: a watch, whose initial events are never ended.
        case unknown
        /// Over etcd 3.4: an ERROR event after the initial events.
        case withoutProgress
    }

    /// What goes wrong with one request.
    package enum Fault: Sendable {
        /// An answer with a Status.
        case status(Int, reason: String = "", message: String = "", retryAfter: Int? = nil)
        /// The connection is closed without an answer.
        case close
        /// The body ends, with the connection, after so many bytes.
        case cut(afterBytes: Int)
        /// No answer at all.
        case stall
        /// So many bytes at a time, and a pause after each.
        case slow(bytes: Int, milliseconds: Int)
        /// A stream of one ERROR event.
        case errorEvent(Int, reason: String = "", message: String = "")
        /// A line of a watch, or the body of a list.
        case text(String)
        /// A watch that ends by itself after so many events.
        case end(afterEvents: Int)
        /// Each event of a watch is sent twice.
        case duplicates
        /// A list without objects, in a good form.
        case emptyList
    }

    package enum Matching: Sendable {
        case any
        case list(TestResource)
        case watch(TestResource)
        /// A list or a streaming list.
        case everything(TestResource)
    }

    package var streamingLists = StreamingLists.offered
    /// Taken in their order by the requests that they match.
    package var next: [(Matching, Fault)] = []
    /// The tokens that are accepted; nil accepts everybody.
    package var tokens: Set<String>?
    /// How often a quiet watch is told of the present version.
    package var bookmarkMilliseconds = 200
    /// The longest a watch is kept open, whatever was asked for.
    package var longestWatch = Duration.seconds(600)
    /// Chooses a fault by chance where none is next.
    package var chance: (@Sendable (TestRequest) -> Fault?)?

    package init() {}

    mutating func take(_ request: TestRequest) -> Fault? {
        let index = next.firstIndex { matching, _ in
            switch matching {
            case .any: true
            case .list(let resource): request.resource == resource && !request.isWatch
            case .watch(let resource): request.resource == resource && request.isWatch && !request.isStreamingList
            case .everything(let resource): request.resource == resource && (!request.isWatch || request.isStreamingList)
            }
        }
        if let index { return next.remove(at: index).1 }
        return chance?(request)
    }
}

/// A request as the server for tests sees it.
package struct TestRequest: Sendable {
    package var method: String
    package var path: String
    package var query: [String: String]
    package var authorization: String?
    package var body: [UInt8]
    /// The subject's common name of the client's certificate.
    package var client: String?

    package var resource: TestResource? { TestResource(rawValue: path) }
    package var isWatch: Bool { query["watch"] == "1" }
    package var isStreamingList: Bool { query["sendInitialEvents"] == "true" }
}
