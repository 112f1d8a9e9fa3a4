import ControlSocket
import Foundation
import Glibc
import HTTPServing
import ServiceLifecycle
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct ControlSocketTests {
    private let directory: ShortDirectory
    private let agent = StubAgent(services: 300)
    private let administration = StubAdministration()
    private let changes = StubChanges()
    private let events = EventLog(capacity: 64)

    init() throws { directory = try ShortDirectory() }

    private var path: String { directory.socket }

    /// Runs a socket while a body uses it, and ends it as SIGTERM does.
    private func run(limits: ServingLimits = ServingLimits(), while body: () async throws -> Void) async throws {
        let place = try SocketPlace(path: path)
        let socket = ControlSocket(
            place: place, inquiry: agent, administration: administration, changes: changes, events: events, board: StatusBoard(),
            limits: limits,
            logger: quiet)
        try await socket.check()
        let group = ServiceGroup(configuration: .init(services: [.init(service: socket)], logger: quiet))
        async let running: Void = group.run()
        try await eventually { RawClient(directory.socket) != nil }
        do {
            try await body()
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running
    }

    /// The answer to a request on a connection of its own; empty where there is none.
    private func get(_ target: String) async -> String { await RawClient(path)?.get(target) ?? "" }

    private func client() throws -> RawClient { try #require(RawClient(path)) }

    @Test func answersAndIsGoneAtTheEnd() async throws {
        try await run {
            let status = await get("/v1/status")
            #expect(status.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(status.contains("application/json") && status.contains(#""kind" : "AgentStatus""#))
            let services = await get("/v1/services")
            #expect(services.contains("default/s00299") && services.hasSuffix("0\r\n\r\n"))
            #expect(mode(path) == S_IFSOCK | 0o600)
            let missing = await get("/v1/nothing")
            #expect(missing.hasPrefix("HTTP/1.1 404") && missing.contains(#""remedy""#))
            let method = try client()
            await method.send("DELETE /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let answer = await method.read()
            #expect(answer.hasPrefix("HTTP/1.1 405") && answer.lowercased().contains("allow: get"))
        }
        #expect(mode(path) == 0)
    }

    @Test func aConnectionServesSeveralRequests() async throws {
        try await run {
            let client = try client()
            for _ in 0..<3 {
                await client.send("GET /v1/plan HTTP/1.1\r\nHost: a\r\n\r\n")
                let answer = await client.read { $0.hasSuffix("}\n") }
                #expect(answer.contains("bind address 10.96.0.1"))
            }
            await client.send("GET /v1/plan HTTP/1.0\r\n\r\n")
            #expect(await client.read { $0.hasSuffix("}\n") }.contains("200 OK"))
        }
    }

    @Test func whatAKilledAgentLeftIsReplaced() async throws {
        leaveSocket(path)
        try await run {
            let answer = await get("/v1/status")
            #expect(answer.contains("200 OK"))
        }
    }

    @Test func whatIsSaidByHandComesWithItsBody() async throws {
        try await run {
            let client = try #require(RawClient(path))
            let body = #"{"state":"drain","owner":"ann"}"#
            await client.send(
                "PUT /v1/admin/address/10.244.0.2 HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
            )
            let answer = await client.read()
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains(#""owner" : "ann""#))
            #expect(administration.hands().items.map(\.key) == ["10.244.0.2"])
            let long = try #require(RawClient(path))
            await long.send("PUT /v1/admin/address/10.244.0.3 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n")
            #expect(await long.read().hasPrefix("HTTP/1.1 413"))
            #expect(administration.hands().items.count == 1)
        }
    }

    @Test func aListIsTakenWhichIsLongerThanOtherBodies() async throws {
        try await run {
            let body = String(repeating: " ", count: 200_000)
            let client = try #require(RawClient(path))
            await client.send(
                "POST /v1/apply?remove=true&only=add,remove&namespace=4:5 HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
            )
            let answer = await client.read()
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains(#""kind" : "ChangeReport""#))
            let request = try #require(changes.requests.first)
            #expect(request.list.count == 200_000 && request.removes && !request.force && !request.isTrial)
            #expect(request.actions == ["add", "remove"] && request.namespace == "4:5")
            let long = try #require(RawClient(path))
            await long.send(
                "POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: \(ChangeRequest.longest + 1)\r\nConnection: close\r\n\r\n")
            #expect(await long.read().hasPrefix("HTTP/1.1 413"))
            #expect(changes.requests.count == 1)
        }
    }

    @Test func anotherThatAnswersIsLeftAlone() async throws {
        try await run {
            let second = ControlSocket(
                place: try SocketPlace(path: path), inquiry: agent, administration: administration, changes: changes, events: events,
                board: StatusBoard(),
                logger: quiet)
            await #expect(throws: SocketProblem.self) { try await second.check() }
            #expect(await get("/v1/status").contains("200 OK"), "the first goes on")
        }
    }

    @Test func followersGetEventsAsTheyCome() async throws {
        try await run {
            events.post(.started, about: "agent", "one")
            let follower = try client()
            await follower.send("GET /v1/events?after=0&follow=true HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await follower.read { $0.contains("one") }.contains("application/x-ndjson"))
            events.post(.drift, about: "x", "two")
            #expect(await follower.read { $0.contains("two") }.contains(#""number":2"#))
        }
    }

    @Test func followersThatAreGoneLeaveTheirSeats() async throws {
        var limits = ServingLimits()
        limits.followers = 1
        try await run(limits: limits) {
            events.post(.started, about: "agent", "one")
            do {
                let follower = try client()
                await follower.send("GET /v1/events?follow=true HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(await follower.read { $0.contains("one") }.contains("200 OK"))
                #expect(await get("/v1/events?follow=true").contains("503"))
            }
            try await eventually {
                guard let next = RawClient(path) else { return false }
                await next.send("GET /v1/events?follow=true HTTP/1.1\r\nHost: a\r\n\r\n")
                return await next.read { $0.contains("\r\n\r\n") }.contains("200 OK")
            }
        }
    }

    @Test func theEndDoesNotWaitForFollowers() async throws {
        var limits = ServingLimits()
        limits.stopTime = .milliseconds(200)
        let began = ContinuousClock.now
        try await run(limits: limits) {
            let follower = try client()
            await follower.send("GET /v1/events?follow=true HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = await follower.read { $0.contains("\r\n\r\n") }
        }
        #expect(ContinuousClock.now - began < .seconds(30))
        #expect(mode(path) == 0)
    }

    @Test func aReaderThatTakesNothingIsCutOffAndHoldsNobodyElse() async throws {
        var limits = ServingLimits()
        limits.writeTime = .milliseconds(300)
        limits.followers = 1
        try await run(limits: limits) {
            let slow = try client()
            await slow.send("GET /v1/events?follow=true HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = await slow.read { $0.contains("\r\n\r\n") }
            let text = String(repeating: "x", count: 20000)
            for _ in 0..<200 {
                events.post(.drift, about: "x", text)
                if events.last % 20 == 0 { try await Task.sleep(for: .milliseconds(5)) }
            }
            #expect(await get("/v1/status").contains("200 OK"))
            try await eventually {
                events.post(.drift, about: "x", text)
                guard let next = RawClient(path) else { return false }
                await next.send("GET /v1/events?after=\(events.last)&follow=true HTTP/1.1\r\nHost: a\r\n\r\n")
                return await next.read { $0.contains("\r\n\r\n") }.contains("200 OK")
            }
            #expect(await slow.isEnded())
        }
    }

    @Test func moreConnectionsThanAreServedWaitForThoseThatAreIdle() async throws {
        var limits = ServingLimits()
        limits.connections = 8
        limits.idleTime = .milliseconds(300)
        try await run(limits: limits) {
            let idle = (0..<40).compactMap { _ in RawClient(path) }
            #expect(idle.count == 40)
            #expect(await get("/v1/status").contains("200 OK"))
            withExtendedLifetime(idle) {}
        }
    }

    @Test(arguments: [
        "GET /v1/status HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 100_000) + "\r\n\r\n",
        "GET /v1/" + String(repeating: "x", count: 100_000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 10_000) + "\r\n",
        "nonsense\r\n\r\n", "\u{0}\u{1}\u{2}\u{3}", "GET /v1/status HTTP/9.9\r\n\r\n", "\r\n\r\n\r\nGET\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func whatIsNoRequestEndsItsConnectionOnly(bytes: String) async throws {
        var limits = ServingLimits()
        limits.idleTime = .milliseconds(500)
        limits.requestTime = .milliseconds(500)
        try await run(limits: limits) {
            let client = try client()
            await client.send(bytes)
            #expect(await client.isEnded())
            #expect(await get("/v1/status").contains("200 OK"))
        }
    }

    @Test func aBodyWithoutEndIsNotTaken() async throws {
        try await run {
            let announced = try client()
            await announced.send("GET /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
            #expect(await announced.read { $0.hasSuffix("}\n") }.contains("413"))
            let endless = try client()
            await endless.send("GET /v1/status HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            var sent = 0
            let chunk = "4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n"
            while sent < 10_000, await endless.send(chunk) { sent += 1 }
            #expect(sent < 10_000)
        }
    }

    @Test func aRequestThatComesByteByByteIsCutOff() async throws {
        var limits = ServingLimits()
        limits.idleTime = .milliseconds(400)
        limits.requestTime = .milliseconds(400)
        try await run(limits: limits) {
            for beginning in ["GET /v1/status HT", "GET /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"] {
                let client = try client()
                await client.send(beginning)
                try await eventually {
                    try? await Task.sleep(for: .milliseconds(50))
                    return await !client.send("x")
                }
            }
        }
    }

    @Test func itStaysWhereTheAgentDoesNotAnswer() async throws {
        agent.fail(.busy(nil))
        try await run {
            let answer = await get("/v1/services")
            #expect(answer.hasPrefix("HTTP/1.1 503") && answer.contains("did not answer in time"))
            #expect(await get("/v1").contains("200 OK"))
        }
    }
}
