package import HTTPServing
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
package import Telemetry

/// The agent's socket, over which it says how it is.
///
/// It is no part of balancing: when it is lost it is made again, and the agent goes on meanwhile.
package struct ControlSocket: Service {
    private let place: SocketPlace
    private let desk: SocketDesk
    private let logger: Logger

    package init(
        place: SocketPlace, inquiry: any AgentInquiry, administration: any AgentAdministration, changes: any AgentChanges,
        events: EventLog, board: StatusBoard, limits: ServingLimits = ServingLimits(), logger: Logger
    ) {
        self.place = place
        var limits = limits
        limits.bodyBytesOfPaths[SocketPage.apply] = ChangeRequest.longest
        desk = SocketDesk(
            inquiry: inquiry, administration: administration, changes: changes, events: events, board: board, limits: limits)
        self.logger = logger
    }

    /// Sees that the socket can be made here, so that whoever starts the agent is told at once where it cannot.
    package func check() async throws(SocketProblem) {
        try place.stage()
        let isAnswered = await isAnswered()
        place.remove()
        if isAnswered { throw otherAnswers }
    }

    package func run() async throws {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var reported: String?
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                try await serve(threads)
                reported = nil
            } catch {
                let message = "\(error)"
                if message != reported { logger.error("the socket cannot be had: \(message)") }
                reported = message
            }
            if Task.isShuttingDownGracefully || Task.isCancelled { break }
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: desk.limits.restartTime) }
        }
        place.remove()
        try? await threads.shutdownGracefully()
    }

    private var otherAnswers: SocketProblem {
        SocketProblem("another process answers on \(place.path); stop it, or give another --socket")
    }

    /// Serves until the agent ends, or the socket is lost.
    private func serve(_ threads: MultiThreadedEventLoopGroup) async throws {
        try place.stage()
        if await isAnswered() { throw otherAnswers }
        let responder = SocketResponder(desk: desk)
        let limits = desk.limits
        var configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [RequestGuard(limits)], idleTimeout: TimeAmount(limits.idleTime))
        configuration.httpDecoder = .init(
            maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: limits.headerCount)
        let channel = HTTP1Channel(responder: responder.respond, configuration: configuration)
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let server = channel.server(
            configuration: .init(
                address: .unixDomainSocket(path: place.stagingPath),
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
            onServerRunning: { channel in
                do throws(SocketProblem) {
                    try place.publish()
                    logger.info("listening on \(place.path)")
                } catch {
                    logger.error("\(error)")
                    channel.close(promise: nil)
                }
            },
            eventLoopGroup: threads, logger: quiet)
        // Whoever does not finish in time at the end is cut off.
        await withTaskGroup { group in
            group.addTask { try? await server.run() }
            group.addTask {
                try? await gracefulShutdown()
                try? await Task.sleep(for: limits.stopTime)
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Whether somebody listens at the socket that stands at our path.
    private func isAnswered() async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(2)).connect(unixDomainSocketPath: place.path).get()
            try? await channel.close()
            return true
        } catch let error as IOError {
            // Nobody has it open, or it is not there.
            return error.errnoCode != ECONNREFUSED && error.errnoCode != ENOENT
        } catch {
            return true
        }
    }
}
