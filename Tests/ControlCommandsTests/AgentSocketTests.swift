import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import ControlCommands

/// What ipvsctl makes of an agent's ways to answer.
@Suite struct AgentSocketTests {
    /// The agent answers and closes as soon as it has the last byte of a request: each is answered, however slow whoever asks is.
    @Test(arguments: [nil, "{}"]) func anAgentThatHangsUpAtOnceIsHeard(_ body: String?) async throws {
        try await withAgent(answering: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok") { agent in
            for _ in 0..<300 {
                let answer = try await agent.ask("/v1/status", method: body == nil ? .GET : .POST, body: body)
                #expect(answer.status == 200 && String(decoding: answer.body, as: UTF8.self) == "ok")
            }
        }
    }

    @Test(arguments: [
        ("" as String?, AgentSocketProblem.brokenOff),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok", .brokenOff),
        (nil, .silent),
    ])
    func anAnswerThatIsNoneIsToldFromASilentAgent(_ text: String?, _ problem: AgentSocketProblem) async throws {
        try await withAgent(answering: text) { agent in
            var agent = agent
            agent.patience = text == nil ? .milliseconds(100) : .seconds(300)
            agent.wholePatience = .seconds(300)
            await #expect { try await agent.ask("/v1/status") } throws: { error in
                guard let found = error as? AgentSocketProblem else { return false }
                // How a parser words that an answer ended too soon is its own.
                if case .broken = found { return problem == .brokenOff }
                return found == problem
            }
        }
    }

    @Test func nobodyListens() async {
        await #expect(throws: AgentSocketProblem.absent) { try await AgentSocket(path: "/nonexistent/agent.sock").ask("/v1/status") }
    }

    private func withAgent(answering text: String?, _ body: (AgentSocket) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/a-\(UUID().uuidString.prefix(8)).sock"
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answerer(text)) }
            }
            .bind(unixDomainSocketPath: path).get()
        var agent = AgentSocket(path: path)
        (agent.patience, agent.wholePatience) = (.seconds(300), .seconds(300))
        do {
            try await body(agent)
        } catch {
            try? await server.close()
            throw error
        }
        try await server.close()
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// Answers to whatever it reads first, and hangs up; nil never answers.
private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let text: String?

    init(_ text: String?) { self.text = text }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let text else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        context.close(promise: nil)
    }
}
