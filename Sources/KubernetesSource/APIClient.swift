import AsyncHTTPClient
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceModel

/// Sends requests to the API server: to the next of its addresses where one does not answer, with credentials as they are at that moment.
actor APIClient {
    /// Why there is no answer.
    struct Failure: Error, Sendable {
        /// A sentence without its full stop, and without secrets.
        var message: String
    }

    nonisolated let access: ClusterAccess
    private let credentials: Credentials
    private let agent: String
    private let logger: Logger
    private let answerSilence: Duration
    /// The address that answered last.
    private var server = 0
    private var connected: (server: Int, material: TLSMaterial, client: HTTPClient)?
    private var isClosed = false

    init(_ access: ClusterAccess, version: String, logger: Logger, answerSilence: Duration = .seconds(60)) {
        self.access = access
        credentials = Credentials(access)
        agent = "ipvs-agent/\(version) (linux)"
        self.logger = logger
        self.answerSilence = answerSilence
    }

    /// The address that is asked at present.
    var address: ServerAddress { access.servers[server] }

    /// Sends a request and waits for the head of the answer. The path begins with a slash.
    func send(_ method: HTTPMethod = .GET, path: String, body: [UInt8]? = nil, type: String? = nil) async throws(Failure)
        -> HTTPClientResponse
    {
        var last: Failure?
        for _ in access.servers {
            let shown: Credentials.Shown
            do throws(SourceProblem) { shown = try await credentials.current() } catch { throw Failure(message: error.description) }
            let index = server
            let client = try client(for: index, shown.material)
            do {
                let response = try await request(client, index, method, path, body, type, shown.authorization)
                if response.status == .unauthorized { await credentials.refused() }
                // One of several may be up and of no use, as when it has lost its etcd.
                if response.status.code >= 500 { leave(index) }
                return response
            } catch {
                last = Failure(message: "\(access.servers[index]): \(ConnectionFailure.words(error))")
                if Task.isCancelled { break }
                leave(index)
            }
        }
        throw last ?? Failure(message: "the API server has no address")
    }

    /// Ends everything that is under way.
    func close() async {
        isClosed = true
        let client = connected?.client
        connected = nil
        try? await client?.shutdown()
    }

    private func leave(_ index: Int) {
        if server == index { server = (index + 1) % access.servers.count }
    }

    private func request(
        _ client: HTTPClient, _ index: Int, _ method: HTTPMethod, _ path: String, _ body: [UInt8]?, _ type: String?,
        _ authorization: Secret?
    ) async throws -> HTTPClientResponse {
        let address = access.servers[index]
        // The name to be verified stands in the URL; the client is told where it really is.
        var named = address
        if let name = access.serverName { named.host = name }
        var request = HTTPClientRequest(url: named.description + path)
        request.method = method
        request.headers.replaceOrAdd(name: "Host", value: address.authority)
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: agent)
        if let authorization { request.headers.add(name: "Authorization", value: authorization.reveal()) }
        if let body {
            request.headers.add(name: "Content-Type", value: type ?? "application/json")
            request.body = .bytes(body)
        }
        return try await Self.within(answerSilence) { [request] in try await client.execute(request, deadline: .distantFuture) }
    }

    /// Runs something that may be cancelled for so long at most.
    static func within<Result: Sendable>(
        _ limit: Duration, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else { throw Silence() }
            return result
        }
    }

    struct Silence: Error {}

    /// The client for an address. Another address, or certificates that have changed, get a new one; requests of the old one end.
    private func client(for index: Int, _ material: TLSMaterial) throws(Failure) -> HTTPClient {
        if isClosed { throw Failure(message: "the agent is stopping") }
        if let connected, connected.server == index, connected.material == material { return connected.client }
        var configuration = HTTPClient.Configuration()
        do throws(SourceProblem) {
            configuration.tlsConfiguration = try material.configuration(access)
        } catch {
            throw Failure(message: error.description)
        }
        // A token is for this server, not for one that it names.
        configuration.redirectConfiguration = .disallow
        // Watches are on connections of their own: over HTTP/2 one that is read slowly would hold up the flow control of all. The few other
        // requests need nothing that HTTP/2 has, and a dead connection is seen by TCP.
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(10), read: nil)
        configuration.connectionPool.retryConnectionEstablishment = false
        if let name = access.serverName { configuration.dnsOverride = [name: access.servers[index].host] }
        let address = access.servers[index]
        do throws(SourceProblem) {
            if let proxy = try access.proxy(for: address) { configuration.proxy = .init(proxy) }
        } catch {
            throw Failure(message: error.description)
        }
        let name = address.isEncrypted && access.trust != .anybody ? access.serverName ?? address.host : nil
        // Comes after TLS and before the first request.
        configuration.http1_1ConnectionDebugInitializer = { channel in
            Self.keepAlive(channel).flatMap {
                name.map { ServerNameCheck.check(channel, name: $0) } ?? channel.eventLoop.makeSucceededVoidFuture()
            }
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let old = connected?.client
        connected = (index, material, client)
        if let old { Task { try? await old.shutdown() } }
        return client
    }

    /// A peer that is gone without a word is noticed after some two minutes, as Go's dialer has it (15 s apart), also under a watch that
    /// has nothing to tell.
    private static func keepAlive(_ channel: any Channel) -> EventLoopFuture<Void> {
        let options: [(ChannelOptions.Types.SocketOption, Int)] = [
            (.init(level: .socket, name: .so_keepalive), 1),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), 30),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), 15),
            (.init(level: .tcp, name: .init(rawValue: TCP_KEEPCNT)), 6),
        ]
        let settings = options.map { option, value in channel.setOption(option, value: value).recover { _ in } }
        return EventLoopFuture.andAllSucceed(settings, on: channel.eventLoop)
    }
}

extension HTTPClient.Configuration.Proxy {
    init(_ proxy: ClusterAccess.Proxy) {
        switch proxy.kind {
        case .socks5: self = .socksServer(host: proxy.host, port: proxy.port)
        case .http:
            let authorization = proxy.user.map { user in
                HTTPClient.Authorization.basic(username: user, password: proxy.password?.reveal() ?? "")
            }
            self = .server(host: proxy.host, port: proxy.port, authorization: authorization)
        }
    }
}
