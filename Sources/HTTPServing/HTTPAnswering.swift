import FoundationEssentials
import HTTPTypes
package import HummingbirdCore
package import NIOCore

extension HTTPAnswer {
    /// Writes the answer to whoever asked. A reader that does not take a part of it in time is cut off.
    @concurrent
    package func write(
        to writer: consuming ResponseWriter, request: Request, channel: any Channel, limits: ServingLimits
    ) async throws {
        var head = HTTPResponse(status: .init(code: status))
        head.headerFields[.contentType] = contentType
        head.headerFields[.cacheControl] = "no-store"
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { head.headerFields[name] = value }
        }
        let isHead = request.method == .head
        if case .whole(let data) = body { head.headerFields[.contentLength] = String(data.count) }
        let patience = Patience(channel: channel, limit: TimeAmount(limits.writeTime))
        let firstDeadline = patience.begin()
        var writing = try await writer.writeHead(head)
        firstDeadline.cancel()
        @concurrent func write(_ data: Data) async throws {
            guard !data.isEmpty, !isHead else { return }
            let deadline = patience.begin()
            defer { deadline.cancel() }
            try await writing.write(ByteBuffer(bytes: data))
        }
        switch body {
        case .whole(let data): try await write(data)
        case .parts(let produce): if !isHead { try await produce(write) }
        case .endless(let produce):
            if !isHead { try await request.body.consumeWithCancellationOnInboundClose { _ in try await produce(write) } }
        }
        let lastDeadline = patience.begin()
        try await writing.finish(nil)
        lastDeadline.cancel()
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
