import CommandSupport
import Foundation
import IPVS
import Links
import NodeModel
import Planner
import TestSupport
import Testing
import VirtualServerDocuments

@testable import ControlCommands

@Suite struct TableChangeTests {
    private static let base = VirtualServerList(Samples.list)

    private static func texts(_ change: TableChange) -> [String] { change.operations.map(\.description) }

    @Test func whatIsAsItShouldBeIsNotTouched() {
        #expect(TableChange(from: Self.base.servers, to: Self.base.servers, removing: { _ in true }).isEmpty)
    }

    @Test func whatComesComesBeforeWhatGoes() throws {
        var wanted = Self.base
        wanted.servers[Samples.mark] = nil
        wanted.servers[Samples.web]?.realServers[.init(Samples.ip("10.244.0.2"), port: 8080)] = nil
        wanted.servers[Samples.web]?.realServers[.init(Samples.ip("10.244.0.4"), port: 8080)] = .init(weight: 0)
        let new = VirtualServer.Key.address(Samples.ip("10.96.0.11"), port: 80, .tcp)
        wanted.servers[new] = VirtualServerState(.init(scheduler: .sourceHashing))
        let change = TableChange(from: Self.base.servers, to: wanted.servers, removing: { _ in true })
        #expect(
            Self.texts(change) == [
                "add virtual server tcp 10.96.0.11:80 sh", "add real server 10.244.0.4:8080 to tcp 10.96.0.10:80 masquerade weight 0",
                "remove real server 10.244.0.2:8080 from tcp 10.96.0.10:80", "remove virtual server fwmark 7 (IPv4)",
            ])
        #expect(change.keys == [new, Samples.web, Samples.mark])
        #expect(Self.texts(TableChange(from: Self.base.servers, to: wanted.servers, removing: { _ in true }, actions: [.add])).count == 2)
    }

    @Test func whatIsNotNamedStaysUnlessItIsToGo() {
        #expect(TableChange(from: Self.base.servers, to: [:]).isEmpty)
        let change = TableChange(
            from: Self.base.servers, to: [:], removing: { _ in true }, isOurs: { $0 == Samples.web })
        #expect(Self.texts(change) == ["remove virtual server tcp 10.96.0.10:80"])
        #expect(change.leftAlone == [Samples.dns, Samples.mark])
    }

    /// A rollback brings back what was changed, and nothing that somebody else changed meanwhile.
    @Test func aRollbackTouchesWhatWasTouched() {
        var now = Self.base
        now.servers[Samples.web] = nil
        now.servers[Samples.dns]?.configuration.scheduler = .roundRobin
        let change = RollbackCommand.change(from: now, to: Self.base, isMeant: { $0 == Samples.web })
        #expect(change.keys == [Samples.web])
        #expect(RollbackCommand.change(from: now, to: Self.base, isMeant: { _ in true }).keys == [Samples.web, Samples.dns])
    }

    @Test func aWeightChangesNothingElse() throws {
        let change = try SetWeight.change(Self.base, [Samples.web], "10.244.0.3", 0)
        #expect(
            Self.texts(change) == [
                "update real server 10.244.0.3:8080 of tcp 10.96.0.10:80 tunnel gue:6080+remcsum weight 0 connections 50…100"
            ])
        #expect(throws: (any Error).self) { try SetWeight.change(Self.base, [Samples.web], "10.244.0.99", 0) }
    }

    @Test func differencesAreReadable() {
        var wanted = Self.base
        wanted.servers[Samples.dns]?.configuration.scheduler = .roundRobin
        let change = TableChange(from: Self.base.servers, to: wanted.servers)
        let items = change.operations.compactMap { DifferenceItem($0, in: Self.base) }
        #expect(
            items.map(\.difference) == ["rr (port) persistent 600s /64 instead of mh (port) persistent 600s /64"])
    }

    @Test func theFormatOfAFileIsGuessed() {
        for (text, format) in [
            ("-A -t 10.0.0.1:80", TableFormat.ipvsadm), ("# saved\n\n  --add-service -t 1.2.3.4:5", .ipvsadm), ("---\nkind: x", .yaml),
            ("- a\n", .yaml),
            ("{\"kind\":1}", .yaml), ("", .yaml),
        ] { #expect(TableFile.guess(Array(text.utf8)) == format, "\(text)") }
    }

    @Test func snapshotsAreFewAndRead() throws {
        let folder = TemporaryFolder("snapshots")
        let snapshots = Snapshots(directory: folder.path + "/a/b")
        #expect(snapshots.names() == [])
        let taken = try (0..<Snapshots.kept + 3).map { _ in try snapshots.take(Self.base) }
        let names = snapshots.names()
        #expect(names == taken.suffix(Snapshots.kept), "the latest are kept")
        #expect(try snapshots.read(names[0]) == Self.base)
        #expect(throws: (any Error).self) { try snapshots.read("../../etc/passwd") }
    }

    @Test func whatWasTouchedIsRemembered() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/touched-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var touched = TouchedKeys(directory: directory)
        #expect(!touched.contains(Samples.web))
        try touched.remember([Samples.web])
        #expect(TouchedKeys(directory: directory).contains(Samples.web))
        try Data("rubbish".utf8).write(to: URL(filePath: directory + "/ipvsctl-touched.json"))
        #expect(!TouchedKeys(directory: directory).contains(Samples.web))
    }

    /// What an agent is asked to do comes in parts that it does in one piece, and what comes is asked for before what goes.
    @Test func anAgentIsAskedForWhatComesFirst() throws {
        var wanted = Self.base
        wanted.servers[Samples.mark] = nil
        wanted.servers[Samples.dns] = nil
        wanted.servers[Samples.web]?.configuration.scheduler = .leastConnection
        for number in 1...3 {
            wanted.servers[.address(IPAddress(ipv4: 0x0a60_0100 + UInt32(number)), port: 80, .tcp)] = VirtualServerState(
                .init(scheduler: .roundRobin))
        }
        let change = TableChange(from: Self.base.servers, to: wanted.servers, removing: { _ in true })
        let asked = AskedChange(change, of: Self.base.servers, force: false, atOnce: 3)
        #expect(asked.parts.map(\.removes) == [false, false, true])
        #expect(asked.parts.map(\.list.servers.count) == [3, 1, 2])
        let made = asked.parts.filter { !$0.removes }.reduce(into: [:]) { $0.merge($1.list.servers) { $1 } }
        #expect(made == wanted.servers)
        #expect(Set(asked.parts[2].list.servers.keys) == [Samples.mark, Samples.dns])
    }

    /// Ours is what stands on an address of ours or in a set of ours, or was made here; everything else needs force.
    @Test func whatIsNotOursIsToldByWhatTheNodeShows() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/owners-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var view = NodeView(links: NodeLinks(links: [], addresses: []))
        view.state.addresses = [Samples.ip("10.96.0.10")]
        var touched = TouchedKeys(directory: directory)
        try touched.remember([Samples.mark])
        let owners = Owners(view: view, touched: touched, programs: ["keepalived (process 7)"])
        #expect([Samples.web, Samples.dns, Samples.mark].map(owners.isOurs) == [true, false, true])
        #expect(owners.owner(of: Samples.dns) == "perhaps that of keepalived (process 7)")
        #expect(throws: CommandFailure.self) {
            _ = try SetWeight.change(Self.base, [Samples.web], "10.244.0.3", 0) { key in throw CommandFailure("\(key) is not ours") }
        }
    }

    /// One wrong line, and nothing of the file counts.
    @Test(arguments: [
        ("-A -t 192.0.2.2:80 -s rr\n-A -t 192.0.2.3:80 -s rr -w 4\n", ":2, -w: unknown option"),
        ("-a -t 192.0.2.2:80 -r 192.0.2.9:80 -m\n", ":1"),
        (
            "kind: VirtualServerList\napiVersion: ipvs-agent.dev/v1alpha1\nitems:\n- spec: {address: 192.0.2.2, port: 80, protocol: tcp, scheduler: rr}\n- spec: {address: 192.0.2.3, port: 80, protocol: tcp, schedular: rr}\n",
            "items[1].spec.schedular: unknown field; did you mean scheduler?"
        ),
        ("-A -t 192.0.2.2:80 -s \u{0}\n", ":1"),
    ])
    func aWrongFileIsRefusedWhole(_ text: String, _ place: String) throws {
        let file = FileManager.default.temporaryDirectory.path + "/table-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data(text.utf8).write(to: URL(filePath: file))
        do {
            let list = try TableFile.read(file, nil)
            Issue.record("\(list.servers.count) were read")
        } catch let failure as CommandFailure {
            #expect(failure.description.contains(file) && failure.description.contains(place), "\(failure)")
            #expect(failure.description.hasSuffix("nothing was changed") && failure.status == ExitStatus.invalid)
        }
    }
}
