import FoundationEssentials
import HTTPTypes
import HummingbirdCore
import NIOCore

/// Carries requests to the desk, and its answers to whoever asked.
struct SocketResponder: Sendable {
    let desk: SocketDesk

    @concurrent
    func respond(to request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let bodyLength = request.headers[.contentLength].map { Int($0) ?? .max } ?? 0
        let content = bodyLength <= desk.limits.bodyBytes ? await content(of: request) : nil
        let answer = await desk.answer(
            method: request.method.rawValue, target: request.head.path ?? "",
            bodyLength: content == nil ? .max : bodyLength, body: content ?? Data())
        var head = HTTPResponse(status: .init(code: answer.status))
        head.headerFields[.contentType] = answer.contentType
        head.headerFields[.cacheControl] = "no-store"
        if let allowed = answer.allowed { head.headerFields[.allow] = allowed }
        if case .whole(let data) = answer.body { head.headerFields[.contentLength] = String(data.count) }
        let patience = Patience(channel: channel, limit: TimeAmount(desk.limits.writeTime))
        let firstDeadline = patience.begin()
        var body = try await writer.writeHead(head)
        firstDeadline.cancel()
        @concurrent func write(_ data: Data) async throws {
            guard !data.isEmpty else { return }
            let deadline = patience.begin()
            defer { deadline.cancel() }
            try await body.write(ByteBuffer(bytes: data))
        }
        switch answer.body {
        case .whole(let data): try await write(data)
        case .parts(let produce): try await produce(write)
        case .endless(let produce):
            try await request.body.consumeWithCancellationOnInboundClose { _ in try await produce(write) }
        }
        let lastDeadline = patience.begin()
        try await body.finish(nil)
        lastDeadline.cancel()
    }

    /// What comes with a request that writes; nil where it is too long. Its time is bounded by the guard.
    @concurrent
    private func content(of request: Request) async -> Data? {
        guard request.method == .put else { return Data() }
        guard let buffer = try? await request.body.collect(upTo: desk.limits.bodyBytes) else { return nil }
        return Data(buffer.readableBytesView)
    }
}

/// Closes a connection whose reader does not take what is written to it: the write then fails.
private struct Patience: Sendable {
    let channel: any Channel
    let limit: TimeAmount

    func begin() -> Scheduled<Void> {
        let channel = channel
        return channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }
}
