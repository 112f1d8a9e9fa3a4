import Foundation
import HTTPServing
import Telemetry
import Testing

@testable import NodePages

private let noon = Moment(millisecondsSince1970: 1_772_366_400_000)

@Suite struct HealthPagesTests {
    private let status = StatusBoard()
    private let board: HealthBoard
    private let counters = AgentCounters()
    private let pages: HealthPages

    init() {
        board = HealthBoard(status: status)
        pages = HealthPages(board: board, counters: counters, patience: .seconds(60))
    }

    private func later(_ seconds: Int) -> Moment { noon.advanced(by: .seconds(seconds)) }

    private func object(_ answer: HTTPAnswer?) throws -> [String: Any] {
        guard case .whole(let data) = try #require(answer).body else { return [:] }
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func inForce(failure: String? = nil, leaving: String? = nil, failing: [String: String] = [:]) {
        board.publish(isInForce: true, failure: failure, leaving: leaving, failing: failing)
    }

    @Test func isNotReadyBeforeAllHasBeenApplied() throws {
        board.queued(at: noon)
        #expect(pages.answer(path: "/healthz", at: later(1))?.status == 503)
        // The first time may take as long as it takes.
        #expect(pages.answer(path: "/livez", at: later(1000))?.status == 200)
        inForce()
        board.taken()
        board.applied(at: later(2))
        let answer = pages.answer(path: "/healthz", at: later(3))
        #expect(answer?.status == 200)
        #expect(try object(answer)["lastUpdated"] as? String == later(2).description)
        #expect(try object(answer)["nodeEligible"] as? Bool == true)
    }

    @Test func aChangeThatWaitsTooLongShowsThatTheLoopIsStuck() {
        inForce()
        board.queued(at: noon)
        board.queued(at: later(50))
        #expect(pages.answer(path: "/healthz", at: later(60))?.status == 200)
        #expect(pages.answer(path: "/healthz", at: later(61))?.status == 503)
        #expect(pages.answer(path: "/livez", at: later(61))?.status == 503)
        // In hand, and not done.
        board.taken()
        board.queued(at: later(62))
        #expect(pages.answer(path: "/livez", at: later(63))?.status == 503)
        board.applied(at: later(64))
        #expect(pages.answer(path: "/livez", at: later(65))?.status == 200)
        #expect(pages.answer(path: "/livez", at: later(62 + 61))?.status == 503)
    }

    @Test func workThatLastsTooLongShowsItToo() {
        inForce()
        status.began("looking at the kernel", at: noon)
        #expect(pages.answer(path: "/livez", at: later(60))?.status == 200)
        #expect(pages.answer(path: "/livez", at: later(61))?.status == 503)
        status.ended()
        #expect(pages.answer(path: "/livez", at: later(61))?.status == 200)
    }

    @Test func rulesThatCannotBeWrittenMakeItNotReadyButAlive() throws {
        inForce(failure: "cannot change the rules")
        let answer = pages.answer(path: "/healthz", at: noon)
        #expect(answer?.status == 503)
        #expect(try object(answer)["reason"] as? String == "cannot change the rules")
        #expect(pages.answer(path: "/livez", at: noon)?.status == 200)
    }

    @Test func aNodeThatLeavesIsNotEligible() throws {
        inForce(leaving: "the node is being deleted")
        let answer = pages.answer(path: "/healthz", at: noon)
        #expect(answer?.status == 503)
        #expect(try object(answer)["nodeEligible"] as? Bool == false)
        #expect(pages.answer(path: "/livez", at: noon)?.status == 200)
    }

    @Test(
        arguments: [
            (2, nil, nil, 200), (0, nil, nil, 503), (2, "the set is full", nil, 503), (2, nil, "cannot change the rules", 503),
        ] as [(Int, String?, String?, Int)])
    func aHealthCheckNodePortTellsWhatThisNodeHas(endpoints: Int, own: String?, common: String?, status: Int) throws {
        inForce(failure: common, failing: own.map { ["default/web": $0] } ?? ["default/other": "no scheduler"])
        board.setService(LocalService(namespace: "default", name: "web", endpoints: endpoints), named: "default/web", at: 31234)
        let answer = try #require(pages.answer(port: 31234, at: noon) as HTTPAnswer?)
        #expect(answer.status == status)
        #expect(answer.headers.contains { $0.name == "X-Load-Balancing-Endpoint-Weight" && $0.value == String(endpoints) })
        #expect(answer.headers.contains { $0.name == "X-Content-Type-Options" && $0.value == "nosniff" })
        let object = try object(answer)
        #expect(object["service"] as? [String: String] == ["namespace": "default", "name": "web"])
        #expect(object["localEndpoints"] as? Int == endpoints)
        #expect(object["serviceProxyHealthy"] as? Bool == (own == nil && common == nil))
    }

    /// kube-proxy's health check ports say so, too: a node that leaves drains its connections, and its load balancer asks /healthz.
    @Test func aServicesPortDoesNotAskWhetherTheNodeLeaves() {
        inForce(leaving: "the node is being deleted")
        board.setService(LocalService(namespace: "default", name: "web", endpoints: 1), named: "default/web", at: 31234)
        #expect(pages.answer(port: 31234, at: noon).status == 200)
    }

    @Test func aPortThatPassesToAnotherServiceStaysWithThat() {
        inForce()
        board.setService(LocalService(namespace: "default", name: "a", endpoints: 1), named: "default/a", at: 31234)
        board.setService(LocalService(namespace: "default", name: "b", endpoints: 1), named: "default/b", at: 31234)
        board.setService(nil, named: "default/a", at: 31234)
        #expect(board.service(at: 31234)?.service.name == "b")
        board.setService(nil, named: "default/b", at: 31234)
        #expect(pages.answer(port: 31234, at: noon).status == 404)
    }

    @Test func answersAreCounted() {
        _ = pages.answer(path: "/healthz", at: noon)
        inForce()
        _ = pages.answer(path: "/healthz", at: noon)
        _ = pages.answer(path: "/healthz", at: noon)
        #expect(counters.values.answers == [.init(page: .healthz, status: 503): 1, .init(page: .healthz, status: 200): 2])
        #expect(pages.answer(path: "/other", at: noon) == nil)
    }
}

private func == (left: HTTPAnswer?, right: HTTPAnswer?) -> Bool { left?.status == right?.status }
