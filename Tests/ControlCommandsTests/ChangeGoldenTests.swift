import IPVS
import NodeModel
import Planner
import Telemetry
import TestSupport
import Testing
import VirtualServerDocuments

@testable import ControlCommands

/// What the verbs that change something print, before and after.
@Suite struct ChangeGoldenTests {
    private static let base = VirtualServerList(Samples.list)

    /// A table in which something comes, something goes and something is otherwise.
    private static var wanted: VirtualServerList {
        var wanted = base
        wanted.servers[Samples.mark] = nil
        wanted.servers[Samples.dns]?.configuration.scheduler = .roundRobin
        wanted.servers[Samples.web]?.realServers[.init(Samples.ip("10.244.0.2"), port: 8080)] = nil
        wanted.servers[Samples.web]?.realServers[.init(Samples.ip("10.244.0.3"), port: 8080)]?.weight = 0
        wanted.servers[Samples.web]?.realServers[.init(Samples.ip("10.244.0.4"), port: 8080)] = .init(forwarding: .direct)
        wanted.servers[.address(Samples.ip("10.96.0.11"), port: 80, .tcp)] = VirtualServerState(.init(scheduler: .sourceHashing))
        return wanted
    }

    private static func change(_ prunes: Bool, isOurs: (VirtualServer.Key) -> Bool = { _ in true }) -> TableChange {
        TableChange(from: base.servers, to: wanted.servers, removing: { _ in prunes }, isOurs: isOurs)
    }

    private static func managed(_ keys: [VirtualServer.Key]) -> [ManagedServer] {
        keys.map { ManagedServer(virtualServer: "\($0)", owner: "whose it is, nothing here shows") }
    }

    @Test(arguments: OutputFormat.allCases) func plan(_ format: OutputFormat) throws {
        let change = Self.change(true) { $0 != Samples.mark }
        var document = OperationsDocument(operations: change.operations.map(\.description))
        document.leftAlone = change.leftAlone.map { "\($0): whose it is, nothing here shows" }
        try Golden.check(document.text(format), "plan.\(format)")
        try Golden.check(OperationsDocument(operations: []).text(format), "plan-empty.\(format)")
    }

    @Test(arguments: OutputFormat.allCases) func diff(_ format: OutputFormat) throws {
        let items = Self.change(true).operations.compactMap { DifferenceItem($0, in: Self.base) }
        let drift = DifferenceItem(
            sign: "~", object: "real server 10.244.0.2:8080 of tcp 10.96.0.10:80", difference: "masquerade weight 1 instead of weight 7",
            remedy: "stop the program that writes it")
        try Golden.check(ItemList(items: items).text(format), "diff.\(format)")
        try Golden.check(ItemList(items: [drift]).text(format), "diff-agent.\(format)")
    }

    @Test(arguments: OutputFormat.allCases) func events(_ format: OutputFormat) throws {
        let events = [
            AgentEvent(number: 1, time: Samples.noon, kind: .started, about: "agent", message: "started on node n1"),
            AgentEvent(
                number: 2, time: Samples.noon.advanced(by: .milliseconds(1250)), kind: .operationFailed,
                about: "virtual server tcp 10.96.0.10:80", message: "the kernel has no scheduler twos", remedy: "modprobe ip_vs_twos"),
            AgentEvent(
                number: 3, time: Samples.noon.advanced(by: .seconds(90)), kind: .drift, about: "virtual server tcp 10.96.0.10:80",
                message: "virtual server tcp 10.96.0.10:80 is gone", found: "absent", wanted: "rr with 2 real servers"),
        ]
        let text = try events.map { event in
            let line = String(decoding: try TelemetryJSON.line(event).dropLast(), as: UTF8.self)
            return try EventsCommand.text(event, line, format, .plain)
        }
        try Golden.check(text.joined(separator: "\n"), "events.\(format)")
    }

    @Test(arguments: TableFormat.allCases) func save(_ format: TableFormat) throws {
        let text = try TableFile.text(Self.base, format)
        #expect(text.hasSuffix("\n"))
        try Golden.check(String(text.dropLast()), "save.\(format)")
    }

    @Test func applyRestoreAndSet() throws {
        try Golden.check(ChangeText.done(Self.change(false).operations).joined(separator: "\n"), "apply.text")
        let restore = Self.change(true) { $0 != Samples.mark }
        try Golden.check(
            (ChangeText.leftAlone(Self.managed(restore.leftAlone)) + ChangeText.done(restore.operations)).joined(separator: "\n"),
            "restore.text")
        let back = RollbackCommand.change(from: Self.wanted, to: Self.base, isMeant: { _ in true })
        try Golden.check(ChangeText.done(back.operations).joined(separator: "\n"), "rollback.text")
        let weight = try SetWeight.change(Self.base, [Samples.web], "10.244.0.3:8080", 9)
        try Golden.check(ChangeText.done(weight.operations).joined(separator: "\n"), "set.text")
        let flush = TableChange(from: Self.base.servers, to: [:], removing: { _ in true }, isOurs: { $0 == Samples.web })
        try Golden.check(
            (ChangeText.leftAlone(Self.managed(flush.leftAlone)) + ChangeText.done(flush.operations)).joined(separator: "\n"), "flush.text")
    }

    /// What an agent did that was asked: some of it, and what it will not leave so.
    @Test func whatAnAgentDidIsTold() throws {
        var report = ChangeReport(time: Samples.noon, isTrial: false, looksEverySeconds: 30)
        report.operations = [
            .init(operation: "add virtual server tcp 10.96.0.11:80 sh", outcome: "done"),
            .init(
                operation: "update virtual server udp [fd00:10:96::a]:53 rr", outcome: "failed", message: "the kernel has no scheduler",
                remedy: "modprobe ip_vs_rr"),
        ]
        report.leftAlone = [ManagedServer(virtualServer: "fwmark 7 (IPv4)", owner: "Service default/marked")]
        report.putBack = [ManagedServer(virtualServer: "tcp 10.96.0.10:80", owner: "Service default/web")]
        let lines = ChangeText.leftAlone(report) + ChangeText.done(report) + ChangeText.putBack(report)
        try Golden.check((lines + [ChangeText.failure(report) ?? ""]).joined(separator: "\n"), "asked.text")
        report.operations.removeLast()
        #expect(ChangeText.failure(report) == nil)
        #expect(ChangeText.leftAlone(Self.managed(Array(repeating: Samples.web, count: 23))).last == "left alone: 3 more")
        #expect(ChangeText.done(Self.change(false).operations, without: [0]).count == Self.change(false).operations.count - 1)
    }
}
