import HTTPServing
import HTTPTypes
import HummingbirdCore
import NIOCore

/// Carries requests to the desk, and its answers to whoever asked.
struct SocketResponder: Sendable {
    let desk: SocketDesk

    @concurrent
    func respond(to request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let bodyLength = request.headers[.contentLength].map { Int($0) ?? .max } ?? 0
        let answer = await desk.answer(method: request.method.rawValue, target: request.head.path ?? "", bodyLength: bodyLength)
        try await answer.write(to: writer, request: request, channel: channel, limits: desk.limits)
    }
}
