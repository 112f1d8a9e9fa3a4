import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOSSL
import Synchronization

/// An API server for tests: lists, pages, watches and bookmarks as the API's documents say, and faults when asked for.
package final class TestAPIServer: Sendable {
    package let cluster: TestCluster
    private let state: Mutex<State>

    private struct State {
        var faults = TestFaults()
        var requests: [TestRequest] = []
        var channel: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        /// What was posted to the API's events.
        var posted: [TestRequest] = []
    }

    package init(_ cluster: TestCluster = TestCluster(), faults: TestFaults = TestFaults()) {
        self.cluster = cluster
        state = Mutex(State(faults: faults))
    }

    package func change(_ body: (inout TestFaults) -> Void) { state.withLock { body(&$0.faults) } }

    /// The requests so far.
    package var requests: [TestRequest] { state.withLock { $0.requests } }

    /// What was posted as events.
    package var posted: [TestRequest] { state.withLock { $0.posted } }

    /// Listens, on any port where none is given, and returns the port.
    package func start(host: String = "127.0.0.1", port: Int = 0, tls: TLSConfiguration? = nil) async throws -> Int {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(RequestHandler(self))
                    self?.took(channel)
                }
            }
        let channel = port == 0 ? try await Self.bind(bootstrap, host: host) : try await bootstrap.bind(host: host, port: port).get()
        state.withLock { $0.channel = channel }
        return channel.localAddress?.port ?? 0
    }

    /// Listens at a port that is free, and none that the kernel gives to those who connect (`ip_local_port_range`): one who tries again and
    /// again where nobody listens any more is in the end connected with itself, by a simultaneous open (RFC 9293, 3.5), and holds the port.
    private static func bind(_ bootstrap: ServerBootstrap, host: String) async throws -> any Channel {
        var refusal: (any Error)?
        for port in (20_000..<30_000).shuffled().prefix(100) {
            do { return try await bootstrap.bind(host: host, port: port).get() } catch { refusal = error }
        }
        throw refusal ?? ChannelError.operationUnsupported
    }

    private func took(_ channel: any Channel) {
        state.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in
            _ = self?.state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }

    /// Stops listening, and cuts every connection.
    package func stop() async {
        let (channel, connections) = state.withLock { state in
            defer { state.channel = nil }
            return (state.channel, Array(state.connections.values))
        }
        try? await channel?.close()
        for connection in connections { try? await connection.close() }
    }

    /// Cuts every connection, and goes on.
    package func disconnect() {
        for connection in state.withLock({ Array($0.connections.values) }) { connection.close(promise: nil) }
    }

    /// Answers a request; called by its connection.
    fileprivate func answer(_ request: TestRequest, _ writer: ChannelWriter) async {
        let (faults, fault) = state.withLock { state in
            state.requests.append(request)
            let fault = state.faults.take(request)
            return (state.faults, fault)
        }
        do {
            if try await answerEvents(request, fault, writer) { return }
            if try await change(by: request, writer) { return }
            if try await show(request, writer) { return }
            try await TestAnswer(cluster: cluster, faults: faults, fault: fault, request: request, writer: writer).write()
        } catch {
            await writer.cut()
        }
    }

    /// Takes `events.k8s.io/v1` Events, with what the API demands of them.
    private func answerEvents(_ request: TestRequest, _ fault: TestFaults.Fault?, _ writer: ChannelWriter) async throws -> Bool {
        guard request.path.hasPrefix("/apis/events.k8s.io/v1/namespaces/"), request.method != "GET", fault == nil else { return false }
        state.withLock { $0.posted.append(request) }
        try await writer.head(request.method == "POST" ? 201 : 200, [("Content-Type", "application/json")])
        try await writer.body(String(decoding: request.body, as: UTF8.self))
        try await writer.end()
        return true
    }

    /// `PUT /objects` with an object or a list of them, and `DELETE /objects?resource=…&namespace=…&name=…`: how tests in another process
    /// change the cluster.
    private func change(by request: TestRequest, _ writer: ChannelWriter) async throws -> Bool {
        guard request.path == "/objects" else { return false }
        switch request.method {
        case "PUT": cluster.put(TestObject.read(Data(request.body)))
        case "DELETE":
            if let resource = TestResource.allCases.first(where: { $0.kind == request.query["kind"] }) {
                cluster.delete(resource, namespace: request.query["namespace"] ?? "default", name: request.query["name"] ?? "")
            }
        default: return false
        }
        try await writer.head(200, [])
        try await writer.body("{}\n")
        try await writer.end()
        return true
    }

    /// `GET /posted`: a line for each Event that was posted.
    private func show(_ request: TestRequest, _ writer: ChannelWriter) async throws -> Bool {
        guard request.method == "GET", request.path == "/posted" else { return false }
        try await writer.head(200, [])
        try await writer.body(posted.map { String(decoding: $0.body, as: UTF8.self) + "\n" }.joined())
        try await writer.end()
        return true
    }
}

/// Writes an answer to a connection.
struct ChannelWriter: TestWriter {
    let channel: any Channel

    func head(_ status: Int, _ headers: [(String, String)]) async throws {
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(headers))
        try await channel.writeAndFlush(HTTPServerResponsePart.head(head)).get()
    }

    func body(_ text: String) async throws {
        try await channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text)))).get()
    }

    func end() async throws { try await channel.writeAndFlush(HTTPServerResponsePart.end(nil)).get() }

    func cut() async { try? await channel.close() }
}

/// Collects a request, and has it answered by a task of its own, which ends with the connection.
private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private weak let server: TestAPIServer?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var task: Task<Void, Never>?

    init(_ server: TestAPIServer?) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let buffer): body += buffer.readableBytesView
        case .end:
            guard let head else { return }
            let parts = URLComponents(string: head.uri)
            let query = (parts?.queryItems ?? []).map { ($0.name, $0.value ?? "") }
            let request = TestRequest(
                method: head.method.rawValue, path: parts?.path ?? head.uri, query: Dictionary(query) { $1 },
                authorization: head.headers.first(name: "Authorization"), body: body, client: nil)
            let writer = ChannelWriter(channel: context.channel)
            task = Task { [server] in await server?.answer(request, writer) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        task?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
