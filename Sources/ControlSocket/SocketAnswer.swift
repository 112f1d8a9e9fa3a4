import FoundationEssentials
import HTTPServing
import Telemetry

extension HTTPAnswer {
    init(_ problem: RequestProblem) {
        struct Document: Encodable {
            var error: String
            var remedy: String
        }
        // Two texts can always be encoded.
        let data = (try? TelemetryJSON.document(Document(error: problem.error, remedy: problem.remedy))) ?? Data("{}\n".utf8)
        self.init(.whole(data), status: problem.status, headers: problem.allowed.map { [("Allow", $0)] } ?? [])
    }

    init(document: some Encodable) throws(RequestProblem) {
        guard let data = try? TelemetryJSON.document(document) else { throw .internalFailure }
        self.init(.whole(data))
    }
}
