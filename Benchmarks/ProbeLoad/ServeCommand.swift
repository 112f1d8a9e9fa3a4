import ArgumentParser
import Glibc
import NIOCore
import NIOPosix

/// Serves all addresses of loopback at a port, until it is ended.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Answer whatever comes with an HTTP response.")

    @Option(help: "The port; the next one accepts and never answers.") var port: Int

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bootstrap = ServerBootstrap(group: group).serverChannelOption(.backlog, value: 8192)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1).childChannelOption(.maxMessagesPerRead, value: 1)
        let all = try await bootstrap.childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answering()) }
        }.bind(host: "0.0.0.0", port: port).get()
        let silent = try await bootstrap.childChannelInitializer { $0.eventLoop.makeSucceededVoidFuture() }
            .bind(host: "0.0.0.0", port: port + 1).get()
        print("serving")
        // Into a pipe it would stay in a buffer.
        fflush(nil)
        _ = silent
        try await all.closeFuture.get()
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private static let answer = ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.value.writeAndFlush(wrapOutboundOut(Self.answer)).whenComplete { _ in context.value.close(promise: nil) }
        }
    }
}
