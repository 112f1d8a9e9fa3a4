import FoundationEssentials
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
        let most = desk.limits.bodyBytes(of: request.head.path ?? "")
        let content = bodyLength <= most ? await content(of: request, most) : nil
        let answer = await desk.answer(
            method: request.method.rawValue, target: request.head.path ?? "",
            bodyLength: content == nil ? .max : bodyLength, body: content ?? Data())
        try await answer.write(to: writer, request: request, channel: channel, limits: desk.limits)
    }

    /// What comes with a request that writes; nil where it is too long. Its time is bounded by the guard.
    @concurrent
    private func content(of request: Request, _ most: Int) async -> Data? {
        guard request.method == .put || request.method == .post else { return Data() }
        guard let buffer = try? await request.body.collect(upTo: most) else { return nil }
        return Data(buffer.readableBytesView)
    }
}
