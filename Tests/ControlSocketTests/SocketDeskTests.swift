import Foundation
import HTTPServing
import Telemetry
import Testing

@testable import ControlSocket

@Suite(.timeLimit(.minutes(15))) struct SocketDeskTests {
    private let agent = StubAgent()
    private let administration = StubAdministration()
    private let changes = StubChanges()
    private let events = EventLog(capacity: 8)
    private let board = StatusBoard()

    private func desk(_ agent: StubAgent? = nil, followers: Int = 2) -> SocketDesk {
        var limits = ServingLimits()
        limits.followers = followers
        return SocketDesk(
            inquiry: agent ?? self.agent, administration: administration, changes: changes, events: events, board: board, limits: limits)
    }

    private func text(_ answer: HTTPAnswer) async throws -> String {
        var data = Data()
        switch answer.body {
        case .whole(let whole): data = whole
        case .parts(let produce), .endless(let produce): try await produce { data += $0 }
        }
        return String(decoding: data, as: UTF8.self)
    }

    private func object(_ answer: HTTPAnswer) async throws -> [String: Any] {
        let data = Data(try await text(answer).utf8)
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test(arguments: [
        (ChangeFailure.invalid("no list", remedy: "send one"), 400, "no list"),
        (
            .managed([.init(virtualServer: "tcp 10.0.0.1:80", owner: "Service default/web")]), 409,
            "tcp 10.0.0.1:80 is Service default/web's"
        ),
        (.otherNamespace, 409, "another network namespace"), (.unseen("no memory"), 503, "no memory"),
        (.notNow(.starting), 503, "not yet read"),
        (.notNow(.crowded), 429, "too many"),
    ])
    func aChangeThatIsRefusedSaysWhy(failure: ChangeFailure, status: Int, words: String) async throws {
        changes.fail(failure)
        let answer = await desk().answer(method: "POST", target: "/v1/apply", bodyLength: 2, body: Data("{}".utf8))
        #expect(answer.status == status)
        let text = try await text(answer)
        #expect(text.contains(words) && text.contains("remedy"))
    }

    @Test func whatIsHeldOfBackendsIsTold() async throws {
        let health = try await object(await desk().answer(method: "GET", target: "/v1/health"))
        #expect(health["kind"] as? String == "Health" && (health["items"] as? [[String: Any]])?.first?["verdict"] as? String == "down")
        let drains = try await object(await desk().answer(method: "GET", target: "/v1/drains"))
        #expect(drains["kind"] as? String == "Drains" && (drains["items"] as? [[String: Any]])?.first?["active"] as? Int == 1)
    }

    @Test func whatIsSaidByHandIsTakenDownAndTakenBack() async throws {
        let body = Data(#"{"state":"drain","reason":"disk","owner":"ann","expires":"2099-01-01T00:00:00.000Z"}"#.utf8)
        let set = await desk().answer(method: "PUT", target: "/v1/admin/service/default/web", body: body)
        #expect(set.status == 200)
        let hands = try await object(await desk().answer(method: "GET", target: "/v1/admin"))
        #expect(hands["kind"] as? String == "HandStateList" && (hands["items"] as? [[String: Any]])?.first?["reason"] as? String == "disk")
        #expect(await desk().answer(method: "DELETE", target: "/v1/admin/service/default/web").status == 200)
        #expect(await desk().answer(method: "DELETE", target: "/v1/admin/service/default/web").status == 404)
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"state":3}"#, #"{"state":"drain","until":"never"}"#, #"{"state":"drain","expires":"tomorrow"}"#, "\u{0}",
    ])
    func aBodyThatSaysSomethingElseIsRefused(text: String) async throws {
        let answer = await desk().answer(method: "PUT", target: "/v1/admin/service/default/web", body: Data(text.utf8))
        #expect(answer.status == 400)
        #expect(administration.hands().items.isEmpty)
    }

    @Test(arguments: [
        (AdministrationFailure.invalid("x", remedy: "y"), 400), (.notRemembered("disk full"), 500), (.tooMany(3), 409),
    ])
    func whatIsNotTakenDownIsSaid(failure: AdministrationFailure, status: Int) async {
        administration.fail(failure)
        let body = Data(#"{"state":"drain"}"#.utf8)
        #expect(await desk().answer(method: "PUT", target: "/v1/admin/service/a/b", body: body).status == status)
    }

    @Test func theStatusIsTheAgentsOwn() async throws {
        let answer = await desk().answer(method: "GET", target: "/v1/status")
        #expect(answer.status == 200 && answer.contentType == "application/json")
        let status = try JSONDecoder().decode(AgentStatus.self, from: Data(try await text(answer).utf8))
        #expect(try await status == agent.status())
    }

    @Test func anAgentThatIsTooBusyIsShownAsItWasWithWhatKeepsIt() async throws {
        agent.fail(.busy(nil))
        var answer = await desk().answer(method: "GET", target: "/v1/status")
        #expect(answer.status == 503, "nothing is known of it")
        #expect(try await object(answer)["remedy"] as? String == InquiryFailure.busy(nil).remedy)
        agent.fail(nil)
        board.publish(try await agent.status())
        board.began("looking at the kernel", at: noon)
        agent.fail(.busy(nil))
        answer = await desk().answer(method: "GET", target: "/v1/status")
        #expect(answer.status == 200)
        #expect((try await object(answer)["busy"] as? [String: String])?["doing"] == "looking at the kernel")
    }

    @Test(arguments: [
        ("/v1/services", 503), ("/v1/drift", 503), ("/v1/plan", 503), ("/v1/services?name=default/s00001", 503), ("/v1", 200),
    ])
    func whatNobodyCanAnswerIsAnError(target: String, status: Int) async throws {
        agent.fail(.starting)
        let answer = await desk().answer(method: "GET", target: target)
        #expect(answer.status == status)
        if status != 200 { #expect(try await object(answer).keys.sorted() == ["error", "remedy"]) }
    }

    @Test func tooManyQuestionsAreToldSo() async {
        agent.fail(.crowded)
        #expect(await desk().answer(method: "GET", target: "/v1/plan").status == 429)
    }

    @Test(arguments: [0, 1, 199, 200, 201, 650])
    func allServicesComeInOrderSomeAtATime(count: Int) async throws {
        let agent = StubAgent(services: count)
        let list = try await object(await desk(agent).answer(method: "GET", target: "/v1/services"))
        let names = (list["items"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
        #expect(names == agent.names.sorted())
        #expect(list["kind"] as? String == "ServiceReportList")
        #expect(agent.largestBatch <= 200)
    }

    @Test func servicesThatGoMeanwhileLeaveNoGap() async throws {
        let agent = StubAgent(services: 300)
        let answer = await desk(agent).answer(method: "GET", target: "/v1/services")
        agent.fail(.stopping)
        await #expect(throws: InquiryFailure.stopping, "an answer that breaks off must not look whole") { try await text(answer) }
    }

    @Test func oneServiceIsFoundByItsName() async throws {
        #expect(
            try await object(await desk().answer(method: "GET", target: "/v1/services?name=default/s00001"))["name"] as? String
                == "default/s00001")
        #expect(await desk().answer(method: "GET", target: "/v1/services?name=default/none").status == 404)
    }

    @Test func eventsAreALineEach() async throws {
        for number in 1...20 { events.post(.applied, about: "\(number)", "a\nb") }
        let answer = await desk().answer(method: "GET", target: "/v1/events?after=3")
        #expect(answer.contentType == "application/x-ndjson")
        let lines = try await text(answer).split(separator: "\n").map { try JSONDecoder().decode(AgentEvent.self, from: Data($0.utf8)) }
        #expect(lines.map(\.number) == Array(12...20))
        #expect(lines.first?.kind == .lost)
        #expect(try await text(await desk().answer(method: "GET", target: "/v1/events?after=20")).isEmpty)
    }

    @Test func eventsThatComeWhileTheyAreReadDoNotMakeThatEndless() async throws {
        for number in 1...5 { events.post(.applied, about: "\(number)", "") }
        guard case .parts(let produce) = await desk().answer(method: "GET", target: "/v1/events").body else {
            Issue.record("not in parts")
            return
        }
        var count = 0
        try await produce { _ in
            events.post(.applied, about: "new", "")
            count += 1
        }
        #expect(count == 1)
    }

    @Test func onlySoManyFollow() async throws {
        let desk = desk(followers: 2)
        var first: HTTPAnswer? = await desk.answer(method: "GET", target: "/v1/events?follow=true")
        let second = await desk.answer(method: "GET", target: "/v1/events?follow=true")
        #expect(first?.status == 200 && second.status == 200)
        #expect(await desk.answer(method: "GET", target: "/v1/events?follow=true").status == 503)
        first = nil
        #expect(await desk.answer(method: "GET", target: "/v1/events?follow=true").status == 200, "a seat is given back")
        withExtendedLifetime(second) {}
    }

    @Test func bodiesAreNotRead() async {
        #expect(await desk().answer(method: "GET", target: "/v1", bodyLength: 1 << 20).status == 413)
        #expect(await desk().answer(method: "GET", target: "/v1", bodyLength: 10).status == 200)
    }

    @Test func theListNamesEveryPage() async throws {
        let pages = try await object(await desk().answer(method: "GET", target: "/v1"))["pages"] as? [[String: Any]]
        #expect(
            pages?.compactMap { $0["path"] as? String } == [
                "/v1", "/v1/status", "/v1/services", "/v1/drift", "/v1/plan", "/v1/health", "/v1/drains", "/v1/admin",
                "/v1/admin/{scope}/{key}", "/v1/apply", "/v1/events",
            ])
    }
}
