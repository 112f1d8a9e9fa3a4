import NIOCore
import NIOPosix
import Synchronization

/// An HTTP proxy for tests: opens tunnels (CONNECT) and passes plain requests on. Whatever name it is asked for, it goes to 127.0.0.1.
package final class TestProxy: Sendable {
    /// The first request of a connection.
    package struct Request: Equatable, Sendable {
        package var method: String
        /// `HOST:PORT` of a tunnel, the whole address of anything else.
        package var target: String
        package var authorization: String?

        package init(method: String, target: String, authorization: String? = nil) {
            (self.method, self.target, self.authorization) = (method, target, authorization)
        }
    }

    private let state = Mutex<(requests: [Request], task: Task<Void, Never>?)>(([], nil))
    /// What `Proxy-Authorization` has to be; nil lets everybody through.
    private let demanded: String?

    package init(demanding authorization: String? = nil) { demanded = authorization }

    package var requests: [Request] { state.withLock { $0.requests } }

    /// Listens, and returns the port.
    package func start() async throws -> Int {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        let task = Task {
            await withDiscardingTaskGroup { group in
                try? await server.executeThenClose { connections in
                    for try await connection in connections { group.addTask { try? await self.serve(connection) } }
                }
                group.cancelAll()
            }
        }
        state.withLock { $0.task = task }
        return server.channel.localAddress?.port ?? 0
    }

    /// Stops listening, and cuts every connection.
    package func stop() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        await task?.value
    }

    private func serve(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var fromClient = inbound.makeAsyncIterator()
            var bytes: [UInt8] = []
            var end: Int?
            while end == nil {
                guard let next = try await fromClient.next() else { return }
                bytes += next.readableBytesView
                end = bytes.indices.first { bytes[$0...].starts(with: Array("\r\n\r\n".utf8)) }.map { $0 + 4 }
            }
            let lines = String(decoding: bytes.prefix(end ?? 0), as: UTF8.self).split(separator: "\r\n")
            let words = (lines.first ?? "").split(separator: " ").map(String.init)
            guard words.count == 3 else { return }
            let authorization = lines.first { $0.lowercased().hasPrefix("proxy-authorization: ") }
                .map { String($0.dropFirst("proxy-authorization: ".count)) }
            state.withLock { $0.requests.append(Request(method: words[0], target: words[1], authorization: authorization)) }
            if let demanded, authorization != demanded {
                try await outbound.write(ByteBuffer(string: "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
                return
            }
            let isTunnel = words[0] == "CONNECT"
            // http://HOST:PORT/PATH, or HOST:PORT.
            let authority = isTunnel ? words[1] : String(words[1].dropFirst("http://".count).prefix { $0 != "/" })
            guard let port = authority.split(separator: ":").last.flatMap({ Int($0) }) else { return }
            let server = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: "127.0.0.1", port: port) {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
            try await server.executeThenClose { fromServer, toServer in
                if isTunnel { try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n")) }
                try await toServer.write(ByteBuffer(bytes: isTunnel ? Array(bytes[(end ?? 0)...]) : bytes))
                await withTaskGroup { group in
                    group.addTask {
                        do { for try await buffer in fromServer { try await outbound.write(buffer) } } catch {}
                        connection.channel.close(promise: nil)
                    }
                    do { while let buffer = try await fromClient.next() { try await toServer.write(buffer) } } catch {}
                    group.cancelAll()
                }
            }
        }
    }
}
