import FoundationEssentials
import NIOHTTP1
import Telemetry

/// What is said of backends by hand, through the agent: `PUT` and `DELETE /v1/admin/{scope}/{key}`.
extension AgentSocket {
    enum Hand: String, Sendable {
        case ready
        case drain
        case maintenance
        case weight
    }

    enum HandScope: String, Sendable {
        /// `default/web/10.244.0.2:8080`
        case endpoint
        /// `10.244.0.2`
        case address
        /// `default/web`
        case service
    }

    /// What is said by hand is on the disk before the answer comes, and disks may be slow.
    private var writing: AgentSocket { AgentSocket(path: path, patience: .seconds(30), wholePatience: .seconds(30)) }

    /// Has the agent take something down, and follow it.
    func say(
        _ hand: Hand, scope: HandScope, key: String, weight: Int32? = nil, over: Int? = nil, reason: String?, owner: String? = nil,
        expires: Moment? = nil
    ) async throws(AgentSocketProblem) {
        let request = HandRequest(
            state: hand.rawValue, weight: weight, over: over.map { Double($0) }, reason: reason, owner: owner, expires: expires)
        guard let body = try? TelemetryJSON.line(request) else { throw .broken("the request cannot be written") }
        let answer = try await writing.ask(Self.path(scope, key), method: .PUT, body: String(decoding: body, as: UTF8.self))
        guard (200..<300).contains(answer.status) else { throw .refused(answer.status, String(decoding: answer.body, as: UTF8.self)) }
    }

    /// Takes back what was said; false where nothing was.
    func unsay(_ scope: HandScope, _ key: String) async throws(AgentSocketProblem) -> Bool {
        let answer = try await writing.ask(Self.path(scope, key), method: .DELETE)
        if answer.status == 404 { return false }
        guard (200..<300).contains(answer.status) else { throw .refused(answer.status, String(decoding: answer.body, as: UTF8.self)) }
        return true
    }

    /// The path, in which only what RFC 3986 leaves unreserved, `/` and `:` stand as they are.
    static func path(_ scope: HandScope, _ key: String) -> String {
        var path = "/v1/admin/\(scope.rawValue)/"
        for byte in key.utf8 {
            let isPlain =
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: ":"): true
                default: false
                }
            path += isPlain ? String(Unicode.Scalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return path
    }
}
