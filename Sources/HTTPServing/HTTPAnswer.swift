package import FoundationEssentials

/// The answer to a request.
package struct HTTPAnswer: Sendable {
    package var status = 200
    package var contentType = "application/json"
    /// Header fields beside those that every answer has.
    package var headers: [(name: String, value: String)] = []
    package var body: Body

    package enum Body: Sendable {
        case whole(Data)
        /// Written part by part, each when the one before has been taken.
        case parts(@Sendable (_ write: (Data) async throws -> Void) async throws -> Void)
        /// The same, and ended when whoever asked is gone.
        case endless(@Sendable (_ write: (Data) async throws -> Void) async throws -> Void)
    }

    package init(_ body: Body, status: Int = 200, contentType: String = "application/json", headers: [(name: String, value: String)] = []) {
        (self.body, self.status, self.contentType, self.headers) = (body, status, contentType, headers)
    }
}
