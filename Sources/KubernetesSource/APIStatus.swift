import FoundationEssentials

/// A `v1` Status: what the API server answers where it does not answer what was asked for.
struct APIStatus: Equatable, Sendable {
    var code: Int
    var reason = ""
    var message = ""
    /// `details.retryAfterSeconds`.
    var retryAfterSeconds: Int?
    /// The reasons of `details.causes`.
    var causes: [String] = []

    /// What came with an HTTP status; a body that is no Status is not quoted.
    init(code: Int, body: [UInt8]) {
        self.code = code
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(body)) else { return }
        reason = document.reason ?? ""
        message = document.message ?? ""
        retryAfterSeconds = document.details?.retryAfterSeconds
        causes = (document.details?.causes ?? []).compactMap(\.reason)
    }

    /// What came as the object of an ERROR event; 0 where it has no code.
    init(object: [UInt8]) {
        self.init(code: 0, body: object)
        code = (try? JSONDecoder().decode(Document.self, from: Data(object)))?.code ?? 0
    }

    init(code: Int, reason: String = "", message: String = "", retryAfterSeconds: Int? = nil, causes: [String] = []) {
        (self.code, self.reason, self.message, self.retryAfterSeconds, self.causes) = (code, reason, message, retryAfterSeconds, causes)
    }

    private struct Document: Decodable {
        struct Details: Decodable {
            struct Cause: Decodable { var reason: String? }
            var retryAfterSeconds: Int?
            var causes: [Cause]?
        }
        var code: Int?
        var reason: String?
        var message: String?
        var details: Details?
    }

    /// The version that was asked from is no longer kept, or the token of a list has run out.
    var isExpired: Bool { code == 410 || reason == "Expired" || reason == "Gone" }

    /// The server has not come to the version yet that was asked for: its state was put back.
    var isFromTheFuture: Bool { causes.contains("ResourceVersionTooLarge") }

    /// A server that has streaming lists switched off, or is too old for them, or whose etcd is (3.4, as in kubernetes#123072).
    var refusesStreaming: Bool { code == 422 || code == 400 || reason == "Invalid" || message.contains("RequestWatchProgress is disabled") }

    /// The answer in a sentence, bounded and on one line.
    var words: String {
        let text = message.isEmpty ? reason : message
        let line = text.unicodeScalars.prefix(300).map { $0.properties.generalCategory == .control ? " " : String($0) }.joined()
        let name = code == 0 ? "an error" : "\(code)"
        return line.isEmpty ? "the API server answers \(name)" : "the API server answers \(name): \(line)"
    }
}
