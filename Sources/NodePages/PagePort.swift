import HTTPServing
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Telemetry

/// One port with its pages. Where it cannot be had it is tried again, and said once.
struct PagePort: Sendable {
    let address: String
    let port: Int
    /// What the port is for: `health checks of default/web`.
    let purpose: String
    let limits: ServingLimits
    let logger: Logger
    let events: EventLog
    /// The answer to a path, without its query; nil where there is no such page.
    let answer: @Sendable (_ path: String) async -> HTTPAnswer?

    /// Serves until the task is cancelled or the agent ends.
    func run(on threads: any EventLoopGroup) async {
        var reported: String?
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                try await serve(on: threads)
                if reported != nil { events.post(.recovered, about: name, "\(name) is served again") }
                reported = nil
            } catch is CancellationError {
                return
            } catch {
                let message = "\(name) cannot be served: \(error); see which process has it (ss -ltnp), or set another"
                if message != reported {
                    logger.error("\(message)")
                    events.post(.operationFailed, about: name, message)
                }
                reported = message
            }
            if Task.isShuttingDownGracefully || Task.isCancelled { return }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: limits.restartTime) }
        }
    }

    /// `health checks of default/web at 10.0.0.1:31234`.
    private var name: String { "\(purpose) at \(address.contains(":") ? "[\(address)]" : address):\(port)" }

    private func serve(on threads: any EventLoopGroup) async throws {
        var configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [RequestGuard(limits)], idleTimeout: TimeAmount(limits.idleTime))
        configuration.httpDecoder = .init(
            maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: limits.headerCount)
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let channel = HTTP1Channel(responder: respond, configuration: configuration)
        let server = channel.server(
            configuration: .init(
                address: .hostname(address, port: port), availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
            onServerRunning: { _ in logger.debug("\(name): listening") },
            eventLoopGroup: threads, logger: quiet)
        try await server.run()
    }

    @concurrent
    private func respond(to request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let path = (request.head.path ?? "").prefix { $0 != "?" }
        let answer: HTTPAnswer
        if request.method != .get, request.method != .head {
            answer = HTTPAnswer(
                .whole(.init("only GET is answered here\n".utf8)), status: 405, contentType: "text/plain", headers: [("Allow", "GET, HEAD")]
            )
        } else if let found = await self.answer(String(path)) {
            answer = found
        } else {
            answer = HTTPAnswer(.whole(.init("there is no such page\n".utf8)), status: 404, contentType: "text/plain")
        }
        try await answer.write(to: writer, request: request, channel: channel, limits: limits)
    }
}
