import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a running agent over its socket: HTTP/1.1, one request to a connection.
struct AgentSocket: Sendable {
    var path: String
    /// The wait for an agent to begin its answer: longer than the 3 s after which a busy one says that it is.
    var patience = Duration.seconds(4)
    /// The wait for the whole of an answer that has begun.
    var wholePatience = Duration.seconds(10)

    /// The most of an answer that is taken: 50,000 Services are some 60 MiB.
    private static let longest = 256 << 20

    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
    }

    /// Asks, and waits for the whole answer.
    func ask(_ target: String, method: HTTPMethod = .GET, body: String? = nil) async throws(AgentSocketProblem) -> Answer {
        do {
            return try await withDeadline(wholePatience) { [self] in
                var answer = Answer(status: 0, body: [])
                try await converse(target, method: method, body: body) { status, part in
                    answer.status = status
                    guard answer.body.count + part.count <= Self.longest else { throw AgentSocketProblem.tooLong }
                    answer.body += part
                    return true
                }
                return answer
            }
        } catch let problem as AgentSocketProblem {
            throw problem
        } catch {
            throw .broken("\(error)")
        }
    }

    /// Asks, and hands on each line as it comes, until the agent ends, or `take` has had enough.
    func follow(_ target: String, _ take: @Sendable (String) throws -> Bool) async throws {
        var rest: [UInt8] = []
        try await converse(target, method: .GET, body: nil) { status, part in
            guard status == 200 else { throw AgentSocketProblem.refused(status, String(decoding: part, as: UTF8.self)) }
            rest += part
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeFirst(end + 1)
                if try !take(line) { return false }
            }
            guard rest.count <= 1 << 20 else { throw AgentSocketProblem.tooLong }
            return true
        }
    }

    /// Carries one request and its answer, part by part: `take` is told the status with each, and says whether to go on.
    private func converse(
        _ target: String, method: HTTPMethod, body: String?, _ take: (Int, [UInt8]) throws -> Bool
    ) async throws {
        let channel = try await connect()
        let begun = ContinuousClock.now
        try await channel.executeThenClose { inbound, outbound in
            // An agent that accepts and says nothing must not keep anybody waiting.
            let closing = channel.channel.eventLoop.scheduleTask(in: .init(patience)) { [channel = channel.channel] in
                channel.close(promise: nil)
            }
            defer { closing.cancel() }
            var headers: HTTPHeaders = ["Host": "agent", "Connection": "close"]
            if let body {
                headers.add(name: "Content-Length", value: "\(body.utf8.count)")
                headers.add(name: "Content-Type", value: "application/json")
            }
            var parts = [HTTPClientRequestPart.head(.init(version: .http1_1, method: method, uri: target, headers: headers))]
            if let body { parts.append(.body(.byteBuffer(ByteBuffer(string: body)))) }
            parts.append(.end(nil))
            // In one piece: an agent answers and closes as soon as it has the last byte, and the end, which has none, would then
            // find the connection closed. Where it answers before it has all, its answer counts, not that the rest was not taken.
            var unsent: (any Error)?
            do { try await outbound.write(contentsOf: parts) } catch { unsent = error }
            var status: Int?
            var isWhole = false
            for try await part in inbound {
                switch part {
                case .head(let head):
                    closing.cancel()
                    status = Int(head.status.code)
                    if try !take(Int(head.status.code), []) { return }
                case .body(let buffer):
                    if let status, try !take(status, Array(buffer.readableBytesView)) { return }
                case .end: isWhole = true
                }
            }
            guard status != nil else {
                guard ContinuousClock.now - begun < patience else { throw AgentSocketProblem.silent }
                throw unsent ?? AgentSocketProblem.brokenOff
            }
            guard isWhole else { throw AgentSocketProblem.brokenOff }
        }
    }

    private func connect() async throws -> NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart> {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.init(patience))
        do {
            return try await bootstrap.connect(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(wrappingChannelSynchronously: channel)
                }
            }
        } catch {
            switch (error as? IOError)?.errnoCode {
            case 2: throw AgentSocketProblem.absent  // ENOENT
            case 111: throw AgentSocketProblem.absent  // ECONNREFUSED: left behind by an agent that was killed
            case 13: throw AgentSocketProblem.notPermitted  // EACCES
            default: throw AgentSocketProblem.broken("\(error)")
            }
        }
    }
}

/// Why the agent was not heard.
enum AgentSocketProblem: Error, Equatable {
    /// Nobody listens there.
    case absent
    case notPermitted
    /// It accepted and did not begin to answer in time.
    case silent
    /// The answer ended before it was whole.
    case brokenOff
    case tooLong
    case refused(Int, String)
    case broken(String)

    /// Whether the agent has said what it did, or that it did nothing.
    var isAnswer: Bool { if case .refused = self { true } else { false } }

    /// What the agent's own words about a refusal are.
    private static func sentence(_ body: String) -> String? {
        struct Refusal: Decodable {
            var error: String
            var remedy: String
        }
        return (try? JSONDecoder().decode(Refusal.self, from: Data(body.utf8))).map { "\($0.error.prefix(5000)). \($0.remedy.prefix(500))" }
    }

    /// A sentence without its full stop.
    func text(_ path: String) -> String {
        switch self {
        case .absent: "no agent answers on \(path)"
        case .notPermitted: "\(path) is not for this user: run as root, or be in the group of the socket"
        case .silent: "the agent on \(path) did not answer in time"
        case .brokenOff: "the agent's answer on \(path) broke off"
        case .tooLong: "the agent's answer on \(path) is too long"
        case .refused(let status, let body): Self.sentence(body) ?? "the agent answered \(status): \(body.prefix(500))"
        case .broken(let what): "the agent's socket \(path) failed: \(what.prefix(500))"
        }
    }
}

/// Runs a piece of work that ends with its time.
private func withDeadline<Value: Sendable>(_ time: Duration, _ work: @Sendable @escaping () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: time)
            return nil
        }
        defer { group.cancelAll() }
        while let result = try await group.next() {
            guard let result else { throw AgentSocketProblem.silent }
            return result
        }
        throw AgentSocketProblem.silent
    }
}
