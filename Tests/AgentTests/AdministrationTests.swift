import Addresses
import Foundation
import HealthModel
import IPVSModel
import ServiceModel
import Telemetry
import Testing

@testable import Agent

@Suite struct AdministrationTests {
    private func withDirectory(_ body: (String) throws -> Void) rethrows {
        let path = FileManager.default.temporaryDirectory.appending(path: "admin-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path + "/deeper")
    }

    private func administration(_ directory: String?) -> Administration {
        Administration(directory: directory, events: EventLog(), logger: quiet)
    }

    @Test(arguments: [
        ("service", "default/web", "service default/web"), ("address", "10.244.0.2", "address 10.244.0.2"),
        ("address", "FD00:0::2", "address fd00::2"), ("endpoint", "default/web/10.244.0.2:8080", "endpoint default/web/10.244.0.2:8080"),
        ("endpoint", "default/web/[fd00::2]:8080", "endpoint default/web/[fd00::2]:8080"),
        ("endpoint", "default/web/fd00::2", "endpoint default/web/fd00::2"),
    ])
    func whatCanBeSaidSomethingOf(scope: String, key: String, words: String) {
        let found = HandScope(scope, key)?.words
        #expect(found.map { "\($0.scope) \($0.key)" } == words)
    }

    @Test(arguments: [
        ("service", "web"), ("service", "a/b/c"), ("service", "A/b"), ("service", "/b"), ("address", "x"), ("address", "10.0.0.1/32"),
        ("endpoint", "default/web"), ("endpoint", "default/web/x:80"), ("endpoint", "default/web/10.0.0.1:0"),
        ("endpoint", "default/web/10.0.0.1:65536"), ("node", "n1"), ("", ""), ("endpoint", "default/we\nb/10.0.0.1"),
    ])
    func andWhatNot(scope: String, key: String) { #expect(HandScope(scope, key) == nil) }

    @Test func whatIsSaidIsRememberedBeforeItCounts() throws {
        try withDirectory { directory in
            let first = administration(directory)
            #expect(first.takeNew() == nil)
            _ = try first.set("service", "default/web", HandRequest(state: "drain", reason: "disk", owner: "ann"))
            let report = try first.set("address", "10.244.0.2", HandRequest(state: "ready", expires: Moment.now.advanced(by: .seconds(60))))
            #expect(report.key == "10.244.0.2" && report.expires != nil)
            #expect(first.takeNew()?.entries.count == 2 && first.takeNew() == nil)
            let second = administration(directory)
            #expect(second.hands() == first.hands())
            #expect(second.takeNew()?.entries.count == 2)
            #expect(try second.clear("service", "default/web")?.owner == "ann")
            #expect(try second.clear("service", "default/web") == nil)
            #expect(administration(directory).hands().items.count == 1)
            let mode = try FileManager.default.attributesOfItem(atPath: directory + "/admin.json")[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    /// A weight goes on from where it was, and is read again as it was said.
    @Test func aWeightIsKept() throws {
        try withDirectory { directory in
            let first = administration(directory)
            #expect(try first.set("endpoint", "default/web/10.244.0.2:80", HandRequest(state: "weight", weight: 5, over: 3600)).from == nil)
            #expect(first.hands().items.first?.reached == nil, "what it begins with is the Service's")
            _ = try first.set("service", "default/web", HandRequest(state: "drain"))
            let next = try first.set("service", "default/web", HandRequest(state: "weight", weight: 4, over: 3600))
            #expect(next.from == 0, "what was drained comes back from 0")
            let reached = try #require(first.hands().items.first { $0.scope == "service" }?.reached)
            #expect(reached >= 0 && reached < 1)
            let second = administration(directory)
            let states = try #require(second.takeNew())
            #expect(states.entries == first.takeNew()?.entries)
            let server = RealServer.Key(ip("10.244.0.2"), port: 80)
            #expect(states.weight(of: server, in: ObjectName(namespace: "default", name: "web"))?.weight?.weight == 5)
        }
    }

    /// Of several the narrowest counts, and a drain of a wider scope is not ended by it.
    @Test func aDrainBeatsAWeight() {
        let hands = HandStates([
            .service(name(1)): HandEntry(state: .drain, since: .now),
            .address(ip("10.244.0.2")): HandEntry(weight: WeightByHand(weight: 7), since: .now),
        ])
        #expect(hands.state(of: .init(ip("10.244.0.2"), port: 80), in: name(1)) == .drain)
        #expect(hands.weight(of: .init(ip("10.244.0.2"), port: 80), in: name(1))?.weight?.weight == 7)
        #expect(hands.weight(of: .init(ip("10.244.0.3"), port: 80), in: name(1)) == nil)
    }

    @Test(arguments: ["", "{", "[]", #"{"items":3}"#, "\u{0}"])
    func aSpoiltFileLeavesWhatWasSaidLastInForce(text: String) throws {
        try withDirectory { directory in
            _ = try administration(directory).set("service", "default/web", HandRequest(state: "drain"))
            try Data(text.utf8).write(to: URL(filePath: directory + "/admin.json"))
            #expect(administration(directory).hands().items.map(\.key) == ["default/web"])
            try FileManager.default.removeItem(atPath: directory + "/admin.json.last")
            #expect(administration(directory).hands().items.isEmpty)
        }
    }

    @Test func whatCannotBeRememberedDoesNotCount() throws {
        let administration = administration("/proc/no/such")
        #expect(throws: AdministrationFailure.self) { try administration.set("service", "default/web", HandRequest(state: "drain")) }
        #expect(administration.takeNew() == nil && administration.hands().items.isEmpty)
    }

    @Test func whatHasEndedCountsNoMore() throws {
        try withDirectory { directory in
            let administration = administration(directory)
            let end = Moment.now.advanced(by: .seconds(60))
            _ = try administration.set("service", "default/web", HandRequest(state: "drain", expires: end))
            _ = administration.takeNew()
            #expect(administration.nextExpiry == end)
            #expect(administration.takeNew(at: end.advanced(by: .milliseconds(-1))) == nil)
            #expect(administration.takeNew(at: end)?.isEmpty == true)
            #expect(self.administration(directory).hands().items.isEmpty)
        }
    }

    @Test(arguments: [
        HandRequest(state: "weight"), HandRequest(state: "weight", weight: -1), HandRequest(state: "weight", weight: 65_536),
        HandRequest(state: "weight", weight: 1, over: -1), HandRequest(state: "weight", weight: 1, over: 604_801),
        HandRequest(state: "drain", weight: 1), HandRequest(state: "ready", over: 1), HandRequest(state: "off"),
        HandRequest(state: "drain", expires: Moment(millisecondsSince1970: 1)),
        HandRequest(state: "drain", reason: String(repeating: "x", count: 257)),
    ])
    func whatCannotBeIsRefused(request: HandRequest) {
        let administration = administration(nil)
        #expect(throws: AdministrationFailure.self) { try administration.set("service", "default/web", request) }
        #expect(administration.takeNew() == nil)
    }

    @Test func theNarrowestCounts() {
        func entry(_ state: HandState) -> HandEntry { HandEntry(state: state, since: .now) }
        var hands = HandStates()
        let (server, web) = (ip("10.244.0.2"), name(1))
        hands[.service(web)] = entry(.maintenance)
        #expect(hands.state(of: .init(server, port: 80), in: web) == .maintenance)
        hands[.address(server)] = entry(.drain)
        #expect(hands.state(of: .init(server, port: 80), in: web) == .drain)
        #expect(hands.state(of: .init(server, port: 80), in: name(2)) == .drain)
        hands[.endpoint(web, server, port: nil)] = entry(.ready)
        #expect(hands.state(of: .init(server, port: 80), in: web) == .ready)
        hands[.endpoint(web, server, port: 80)] = entry(.maintenance)
        #expect(hands.state(of: .init(server, port: 80), in: web) == .maintenance)
        #expect(hands.state(of: .init(server, port: 81), in: web) == .ready)
        #expect(hands.state(of: .init(ip("10.244.0.3"), port: 80), in: name(2)) == nil)
    }
}
