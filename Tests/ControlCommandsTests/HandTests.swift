import IPVS
import Telemetry
import Testing

@testable import ControlCommands

/// What people have said by hand, where operators look.
@Suite struct HandTests {
    private static let formats = OutputFormat.allCases

    @Test(arguments: formats) func drains(_ format: OutputFormat) throws {
        try Golden.check(ItemList(items: DrainItem.all(Samples.drains, Samples.hands)).text(format), "drains.\(format)")
    }

    @Test(arguments: formats) func health(_ format: OutputFormat) throws {
        try Golden.check(HealthItem.list(Samples.health, Samples.hands) { _ in true }.text(format), "health.\(format)")
    }

    @Test func theNarrowestComesFirst() {
        let (web, two) = ("default/web", Samples.ip("10.244.0.2"))
        #expect(Samples.hands.concerning(web, two, port: 8080).map(\.state) == ["weight", "drain", "ready"])
        #expect(Samples.hands.concerning(web, two, port: 81).map(\.state) == ["drain", "ready"])
        // A port that is not known may be any.
        #expect(Samples.hands.concerning(web, two, port: nil).map(\.state) == ["weight", "drain", "ready"])
        #expect(Samples.hands.concerning("default/other", two, port: 8080).map(\.state) == ["drain"])
        #expect(Samples.hands.concerning("default/web", Samples.ip("10.244.0.99"), port: 80).map(\.state) == ["ready"])
        #expect(HandBook().concerning(web, two, port: 8080).isEmpty)
    }

    /// Each that lowers a weight is told once: with what drains of it, or by itself; `ready` takes nothing out.
    @Test func whatIsSaidByHandIsToldOnce() {
        let items = DrainItem.all(Samples.drains, Samples.hands)
        let told = items.flatMap(\.hands)
        for hand in Samples.hands.reports {
            let places = items.count { $0.hands.contains(hand) }
            #expect(hand.state == "ready" ? told.contains(hand) : places == 1, "\(hand)")
        }
        #expect(items.filter { $0.drain == nil }.allSatisfy { $0.hands.count == 1 })
    }

    @Test func keysAreReadAsTheAgentWritesThem() {
        func target(_ scope: String, _ key: String) -> String {
            let (service, address, port) = HandReport(scope: scope, key: key, state: "drain", since: Samples.noon).target
            return "\(service ?? "-") \(address?.description ?? "-") \(port.map { "\($0)" } ?? "-")"
        }
        #expect(target("endpoint", "default/web/10.244.0.2:8080") == "default/web 10.244.0.2 8080")
        #expect(target("endpoint", "default/web/[fd00::2]:8080") == "default/web fd00::2 8080")
        #expect(target("endpoint", "default/web/fd00::2") == "default/web fd00::2 -")
        #expect(target("address", "10.244.0.2") == "- 10.244.0.2 -")
        #expect(target("service", "default/web") == "default/web - -")
        #expect(target("endpoint", "rubbish") == "- - -")
    }

    @Test func aWeightOnItsWaySaysHowFarItIs() {
        func words(_ over: Double?, _ reached: Double?) -> String {
            HandReport(
                scope: "endpoint", key: "default/web/10.244.0.2:8080", state: "weight", weight: 40, over: over, reached: reached,
                since: Samples.noon
            )
            .words
        }
        #expect(words(nil, nil) == "weight 40")
        #expect(words(600, nil) == "weight 40 within 600 s")
        #expect(words(600, 12.254) == "weight 40 within 600 s (12.25 so far)")
        #expect(words(600, 40) == "weight 40")
    }

    /// Whoever may write to the socket must not write to the terminal of whoever reads.
    @Test func nothingThatIsSaidMovesTheCursor() throws {
        let hand = HandReport(
            scope: "endpoint", key: "default/web/10.244.0.7:8080", state: "drain", reason: "\u{1b}[2Jgone\u{9b}31m\n", owner: "a\u{7}n",
            since: Samples.noon)
        let items = DrainItem.all([], HandBook([hand]))
        for format in OutputFormat.allCases {
            let text = try ItemList(items: items, notes: ["\u{1b}c"]).text(format, style: Style(hasColour: false))
            #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" }, "\(format): \(text)")
        }
        #expect("grün ✓".printable == "grün ✓" && "plain".printable == "plain")
        let event = AgentEvent(number: 1, time: Samples.noon, kind: .handSet, about: "\u{1b}x", message: "\u{1b}[1m", remedy: "\u{8}")
        #expect(try !EventsCommand.text(event, "", .table, .plain).contains("\u{1b}"))
        #expect(try !EventsCommand.text(event, "", .name, .plain).contains("\u{1b}"))
    }

    @Test func aDrainIsOverWhenNothingIsLeftAndThatIsKnown() {
        let (empty, serving) = (HandArguments.Goal.empty, HandArguments.Goal.serving)
        let busy = Samples.table[0].1
        var idle = busy[0]
        idle.connections = ConnectionCounts()
        #expect(empty.words([]) == "no connections are left" && empty.words([idle]) == "no connections are left")
        // 3 active and 4 inactive ones at weight 0, and none at weight 5.
        #expect(empty.words([busy[0]]) == nil && empty.words([busy[1]]) == nil)
        #expect(empty.lateness([busy[0]]) == "7 connections left on 1 real server; it goes on draining")
        #expect(serving.words([busy[1]]) == "it takes new connections")
        #expect(serving.words([]) == nil && serving.words(busy) == nil)
        // An agent that is being restarted knows nothing for a while.
        #expect(empty.words([], silence: "no agent answers") == nil)
        #expect(empty.lateness([], silence: "no agent answers") == "it is not known how it is: no agent answers")
    }
}
