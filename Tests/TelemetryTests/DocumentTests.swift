import Foundation
import Telemetry
import TestSupport
import Testing

private let noon = Moment(millisecondsSince1970: 1_772_366_400_000)

@Suite struct MomentTests {
    @Test func everyMillisecondIsWrittenAndReadAsItself() throws {
        #expect(noon.description == "2026-03-01T12:00:00.000Z")
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5000 {
            let moment = Moment(millisecondsSince1970: Int64.random(in: 0...4_102_444_800_000, using: &random))
            #expect(moment.description.dropLast().suffix(3) == String(1000 + moment.millisecondsSince1970 % 1000).dropFirst())
            let data = try JSONEncoder().encode([moment])
            #expect(try JSONDecoder().decode([Moment].self, from: data) == [moment])
        }
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([Moment].self, from: Data(#"["yesterday"]"#.utf8)) }
    }

    @Test func timeGoesOn() {
        #expect(noon.advanced(by: .milliseconds(1500)).description == "2026-03-01T12:00:01.500Z")
        #expect(noon.advanced(by: .seconds(-1)) < noon)
    }
}

@Suite struct StatusTests {
    private func status(
        hasBeenInForce: Bool = true, failing: Int = 0, drift: Int = 0, problem: Bool? = nil, staleSince: Moment? = nil, hidden: Bool = false
    ) -> AgentStatus {
        AgentStatus(
            time: noon, version: "1", node: "n1", process: 7, started: noon, inForceSince: noon, hasBeenInForce: hasBeenInForce,
            sources: [.init(name: "manifests /m", isSynced: true, staleSince: staleSince)],
            failing: .init(
                (0..<failing).map { .init(operation: "bind \($0)", cause: "resource", message: "no", since: noon, attempts: 1) }),
            drift: .init((0..<drift).map { .init(object: "address \($0)", found: "absent", wanted: "bound", since: noon) }),
            documents: .init(problem.map { [.init(place: "a.yaml:1", message: "bad", isError: $0)] } ?? []),
            hidden: hidden ? [.init(part: "rules", cause: "missingFeature", message: "no", since: noon)] : [])
    }

    @Test func anythingWrongIsImpairedAndNothingElse() {
        #expect(status().state == .inForce && status().inForceSince == noon)
        #expect(status(hasBeenInForce: false).state == .starting)
        for impaired in [status(failing: 1), status(drift: 1), status(problem: true), status(staleSince: noon), status(hidden: true)] {
            #expect(impaired.state == .impaired && impaired.inForceSince == nil)
        }
        #expect(status(problem: false).state == .inForce, "a note leaves nothing out")
    }

    @Test func listsAreCutAndSayHowManyThereAre() {
        let many = status(failing: 5000)
        #expect(many.failing.count == 5000 && many.failing.items.count == 100)
    }

    @Test func documentsAreReadAsTheyWereWritten() throws {
        let status = status(failing: 3, drift: 2, problem: true, staleSince: noon, hidden: true)
        let data = try TelemetryJSON.document(status)
        #expect(try JSONDecoder().decode(AgentStatus.self, from: data) == status)
        #expect(try TelemetryJSON.document(status) == data)
        let event = AgentEvent(
            number: 3, time: noon, kind: .drift, about: "address 10.96.0.1/32", message: "not bound", found: "absent", wanted: "bound")
        #expect(
            String(decoding: try TelemetryJSON.line(event), as: UTF8.self)
                == #"{"about":"address 10.96.0.1/32","found":"absent","kind":"drift","message":"not bound","number":3,"#
                + #""time":"2026-03-01T12:00:00.000Z","wanted":"bound"}"# + "\n")
    }

    @Test func theBoardMarksAnOldStatusWithWhatKeepsTheAgent() {
        let board = StatusBoard()
        #expect(board.latest == nil)
        board.publish(status())
        board.began("looking at the kernel", at: noon)
        #expect(board.latest?.busy == AgentStatus.Activity(doing: "looking at the kernel", since: noon))
        board.ended()
        #expect(board.latest?.busy == nil)
    }
}
