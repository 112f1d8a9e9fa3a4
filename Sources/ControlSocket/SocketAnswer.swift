import FoundationEssentials
import Telemetry

/// The answer to a request.
struct SocketAnswer: Sendable {
    var status = 200
    var contentType = "application/json"
    var allowed: String?
    var body: Body

    enum Body: Sendable {
        case whole(Data)
        /// Written part by part, each when the one before has been taken.
        case parts(@Sendable (_ write: (Data) async throws -> Void) async throws -> Void)
        /// The same, and ended when whoever asked is gone.
        case endless(@Sendable (_ write: (Data) async throws -> Void) async throws -> Void)
    }

    init(_ body: Body, contentType: String = "application/json") {
        self.body = body
        self.contentType = contentType
    }

    init(_ problem: RequestProblem) {
        struct Document: Encodable {
            var error: String
            var remedy: String
        }
        // Two texts can always be encoded.
        let data = (try? TelemetryJSON.document(Document(error: problem.error, remedy: problem.remedy))) ?? Data("{}\n".utf8)
        self.init(.whole(data))
        (status, allowed) = (problem.status, problem.allowed)
    }

    init(document: some Encodable) throws(RequestProblem) {
        guard let data = try? TelemetryJSON.document(document) else { throw .internalFailure }
        self.init(.whole(data))
    }
}
