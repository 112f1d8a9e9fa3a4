import ArgumentParser
import CommandSupport
import IPVS
import Telemetry
import TestSupport
import Testing

@testable import ControlCommands

@Suite struct SelectorTests {
    private static let labels = ["app": "web", "tier": "front", "empty": "", "example.com/zone": "a"]

    @Test(arguments: [
        ("app=web", true), ("app==web", true), ("app=api", false), ("app!=api", true), ("app!=web", false), ("app", true), ("!app", false),
        ("none", false), ("!none", true), ("none!=x", true), ("none=", false), ("empty=", true), ("empty", true), ("empty!=", false),
        ("app in (web, api)", true), ("app in (api)", false), ("app notin (api)", true), ("app notin (web,api)", false),
        ("none notin (x)", true), ("none in (x)", false), ("empty in (,x)", true), ("app=web,tier=front", true),
        ("app=web,tier=back", false), (" app = web , tier in( front ) ", true), ("example.com/zone=a", true),
        ("app in (in, notin)", false), ("app,!none,tier!=back", true),
    ])
    func aSelectorHoldsAsKubectlSays(_ text: String, _ holds: Bool) throws {
        #expect(try LabelSelector(text).holds(of: Self.labels) == holds)
    }

    @Test(arguments: [
        ("", "a label's name is wanted, and there is nothing"), ("app=web,", "a label's name is wanted, and there is nothing"),
        (",app", "a label's name is wanted, and not ,"), ("app web", "is wanted, and not web"), ("!app=web", "!app stands alone"),
        ("app in web", "values are wanted in parentheses, and not web"), ("app in ()", "() has no value"),
        ("app in (web", "a comma or ) is wanted after a value, and there is nothing"), ("app in (web) tier", "a comma is wanted"),
        ("app=web=x", "a comma is wanted between two requirements, and not ="), ("-app=web", "-app is no label's name"),
        ("app=we$b", "we$b is no label's value"), ("app>3", "app>3 is no label's name"), ("Example.com/x", "is no label's name"),
        ("a/b/c", "is no label's name"), (String(repeating: "a", count: 64), "is no label's name"),
        ("app=\u{1b}[31m", "is no label's value"),
    ])
    func whatIsNoSelectorIsToldWithItsPlace(_ text: String, _ words: String) {
        do throws(ValidationError) {
            let selector = try LabelSelector(text)
            Issue.record("\(text) became \(selector)")
        } catch {
            #expect(error.message.contains(words), "\(error.message)")
        }
    }

    /// Nothing that is typed stops the reader, and what it understands is judged the same however it is spaced.
    @Test func anythingCanBeTyped() {
        var random = SeededGenerator(seed: 77)
        let pieces = ["app", "tier", "=", "==", "!=", "!", ",", "(", ")", "in", "notin", " ", "web", "-", "é"]
        var understood = 0
        for _ in 0..<20_000 {
            let words = (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
            guard let selector = try? LabelSelector(words.joined(separator: " ")) else { continue }
            understood += 1
            #expect((try? LabelSelector(words.joined(separator: "  \t"))) == selector)
            let opposite = selector.requirements.map { requirement in
                requirement.relation == .exists ? LabelSelector.Requirement(key: requirement.key, relation: .isAbsent) : requirement
            }
            if opposite.count == 1, opposite != selector.requirements {
                #expect(opposite[0].holds(of: Self.labels) != selector.holds(of: Self.labels))
            }
        }
        #expect(understood > 500)
    }

    @Test func servicesAreChosenByTheirLabels() throws {
        func admitted(_ words: String...) throws -> [VirtualServer.Key] {
            let filter = try FilterOptions.parse(words)
            try filter.services.check(Samples.knowledge)
            return (Samples.table.map(\.0.server.key) + [Samples.missing]).filter { filter.admits($0, Samples.knowledge) }
        }
        #expect(try admitted("-l", "app=web") == [Samples.web])
        #expect(try admitted("--selector", "app in (web, api),tier") == [Samples.web])
        // What lacks a label is another's; what is no Service's has no labels to go by.
        #expect(try admitted("-l", "app!=web") == [Samples.missing])
        #expect(try admitted("-l", "!app") == [Samples.missing])
        #expect(try admitted("-l", "app=web", "-n", "kube-system") == [])
        #expect(throws: (any Error).self) { try admitted("-l", "a b") }
    }

    /// An empty listing would say that nothing has the label.
    @Test func withoutAnAgentLabelsCannotBeKnown() throws {
        let filter = try ServiceFilter.parse(["-l", "app"])
        do throws(CommandFailure) {
            try filter.check(Samples.silence)
            Issue.record("nobody said the labels")
        } catch {
            #expect(error.description.contains("no agent answers on /run/ipvs-agent/agent.sock"), "\(error)")
            #expect(error.description.contains("--socket") && error.status == ExitStatus.failure, "\(error)")
        }
        let older = AgentKnowledge([ServiceReport(name: "default/web", addresses: [], virtualServers: [])])
        #expect(throws: CommandFailure.self) { try filter.check(older) }
        try ServiceFilter.parse(["-n", "default"]).check(Samples.silence)
    }

    @Test func drainsAndBackendsAreChosen() throws {
        let drains = DrainItem.all(Samples.drains, Samples.hands)
        func chosen(_ words: String...) throws -> [String] {
            let (services, places) = (try Chosen.parse(words).services, try Chosen.parse(words).places)
            return drains.filter { services.admits($0.service, Samples.knowledge) && places.admits($0.ends) }.map(\.name)
        }
        #expect(try chosen("-l", "app=web") == ["default/web/10.244.0.2:8080", "default/web/10.244.0.3:8080"])
        #expect(try chosen("-l", "app=api") == [])
        #expect(try chosen("--service", "web", "--port", "80") == ["default/web/10.244.0.2:8080"])
        #expect(try chosen("--address", "10.244.0.9") == ["10.244.0.9"])
        func backends(_ words: String...) throws -> [String] {
            let (services, places) = (try Chosen.parse(words).services, try Chosen.parse(words).places)
            return HealthItem.list(Samples.health, Samples.hands) { $0.isMeant(services, places, Samples.knowledge) }.items.map(\.name)
        }
        #expect(try backends("-l", "app=web") == ["10.244.0.2:8080"])
        #expect(try backends("--address", "fd00::/8") == ["[fd00:10:244::3]:53"])
        #expect(try backends().count == Samples.health.items.count)
    }

    private struct Chosen: ParsableArguments {
        @OptionGroup var services: ServiceFilter
        @OptionGroup var places: PlaceFilter
    }
}
