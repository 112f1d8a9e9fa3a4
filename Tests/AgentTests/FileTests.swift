import Addresses
import Foundation
import IPVSModel
import RuntimeFiles
import Telemetry
import Testing

@testable import Agent

@Suite struct FileJournalTests {
    private func withDirectory(_ body: (String) throws -> Void) rethrows {
        let path = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private static func change(
        _ virtualServers: Set<VirtualServer.Key> = [], drains: [DrainRecord] = [], forgotten: Set<VirtualServer.Key> = [],
        ended: [DrainName] = []
    ) -> JournalChange {
        var change = JournalChange()
        (change.virtualServers, change.drains, change.forgotten, change.ended) = (virtualServers, drains, forgotten, ended)
        return change
    }

    private static func record(_ number: Int, deadline: Int64 = 60_000) -> DrainRecord {
        DrainRecord(
            virtualServer: number % 3 == 0 ? .firewallMark(UInt32(number), .ipv4) : .address(ip("10.96.1.1"), port: UInt16(number), .tcp),
            realServer: RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32(number)), port: 8080), began: Moment(millisecondsSince1970: 0),
            deadline: Moment(millisecondsSince1970: deadline), owner: "default/s1", reason: "it is not ready")
    }

    /// A journal, and what it is to hold.
    private struct Pair {
        let journal: FileJournal
        var content = JournalContent()
        var wholes = 0

        mutating func remember(_ change: JournalChange) {
            content.apply(change)
            var count = 0
            journal.remember(
                change,
                of: {
                    count += 1
                    return content
                }, reporting: quiet)
            wholes += count
        }
    }

    @Test func remembersWhatItWasGiven() throws {
        try withDirectory { directory in
            let directory = directory + "/deeper"
            var pair = Pair(journal: FileJournal(directory: directory))
            #expect(pair.journal.remembered(reporting: quiet) == JournalContent())
            let keys: Set<VirtualServer.Key> = [
                .address(ip("10.96.0.1"), port: 80, .tcp), .address(ip("fd00::1"), port: 53, .udp), .firewallMark(7, .ipv6),
            ]
            pair.remember(Self.change(keys, drains: [Self.record(1), Self.record(3)]))
            pair.remember(Self.change(drains: [Self.record(1, deadline: 90_000), Self.record(2)], forgotten: [.firewallMark(7, .ipv6)]))
            pair.remember(Self.change(ended: [Self.record(3).name]))
            let found = FileJournal(directory: directory).remembered(reporting: quiet)
            #expect(found == pair.content && found.virtualServers.count == 2 && found.drains.count == 2)
            #expect(found.drains[Self.record(1).name] == Self.record(1, deadline: 90_000))
            #expect(pair.wholes == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["state.json"])
            // Killed while it writes, it leaves what it had written beside the file; the next one writes over it, or takes it away.
            for isErased in [false, true] {
                try Data("{".utf8).write(to: URL(filePath: directory + "/state.json.new"))
                let journal = FileJournal(directory: directory)
                #expect(journal.remembered(reporting: quiet) == pair.content)
                if isErased { journal.erase() } else { journal.remember(Self.change(keys), of: { pair.content }, reporting: quiet) }
                let left = isErased ? [] : ["state.json"]
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == left)
            }
        }
    }

    /// Wherever a kill cuts the last line off, what was written before it is there whole, and what comes after it is never joined to it.
    @Test func aKillWhileALineIsWrittenLosesThatLineAlone() throws {
        try withDirectory { directory in
            let path = URL(filePath: directory + "/state.json")
            var pair = Pair(journal: FileJournal(directory: directory))
            pair.remember(Self.change(drains: [Self.record(1)]))
            let whole = try Data(contentsOf: path).count
            let before = pair.content
            pair.remember(Self.change(drains: [Self.record(2)]))
            let all = try Data(contentsOf: path)
            try #require(all.count > whole)
            for count in whole..<all.count {
                try all.prefix(count).write(to: path)
                var next = Pair(journal: FileJournal(directory: directory))
                next.content = next.journal.remembered(reporting: quiet)
                #expect(next.content == before, "\(count) bytes")
                next.remember(Self.change(drains: [Self.record(4)]))
                next.remember(Self.change(drains: [Self.record(5)]))
                let found = next.journal.remembered(reporting: quiet)
                #expect(found == next.content && found.drains.count == 3, "\(count) bytes")
            }
        }
    }

    /// Among thousands of drains a change costs what it touches: what is written comes to a small multiple of the changes, and the file stays
    /// short however long the agent runs.
    @Test func aChangeCostsWhatItTouches() throws {
        try withDirectory { directory in
            let path = URL(filePath: directory + "/state.json")
            var pair = Pair(journal: FileJournal(directory: directory))
            pair.remember(Self.change(drains: (0..<2000).map { Self.record($0) }))
            let whole = try Data(contentsOf: path).count
            #expect(pair.wholes == 1)
            for number in 2000..<2100 { pair.remember(Self.change(drains: [Self.record(number)])) }
            #expect(pair.wholes == 1, "a hundred deaths are a hundred lines")
            #expect(try Data(contentsOf: path).count < whole + 100 * 400)
            for number in 2100..<6100 {
                pair.remember(Self.change(drains: [Self.record(number)], ended: [Self.record(number - 2000).name]))
            }
            #expect(pair.wholes <= 5, "written anew when as much as it holds has been added")
            #expect(try Data(contentsOf: path).count < 3 * whole)
            #expect(FileJournal(directory: directory).remembered(reporting: quiet) == pair.content)
        }
    }

    /// A file that is taken away, or cannot be appended to, is written anew.
    @Test func whatIsTakenAwayIsWrittenAnew() throws {
        try withDirectory { directory in
            var pair = Pair(journal: FileJournal(directory: directory))
            pair.remember(Self.change(drains: [Self.record(1)]))
            try FileManager.default.removeItem(atPath: directory)
            pair.remember(Self.change(drains: [Self.record(2)]))
            #expect(pair.wholes == 2 && pair.journal.remembered(reporting: quiet) == pair.content)
        }
    }

    /// Of more drains than are remembered, the rest is lost and nothing else.
    @Test func moreThanAreRememberedAreNoEnd() {
        withDirectory { directory in
            var pair = Pair(journal: FileJournal(directory: directory))
            pair.remember(Self.change([.firewallMark(1, .ipv4)], drains: (0..<JournalContent.mostDrains + 5).map { Self.record($0) }))
            pair.remember(Self.change(ended: [Self.record(0).name]))
            let found = pair.journal.remembered(reporting: quiet)
            #expect(found == pair.content && found.drains.count == JournalContent.mostDrains - 1)
        }
    }

    @Test(arguments: ["", "{", "[]", "{\"version\":1}", "{\"version\":1,\"virtualServers\":[3]}", "\u{0}\u{1}"])
    func whatCannotBeReadCountsAsNothing(text: String) throws {
        try withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(filePath: directory + "/state.json"))
            #expect(FileJournal(directory: directory).remembered(reporting: quiet) == JournalContent())
        }
    }

    @Test func entriesOfLaterVersionsArePassedOver() throws {
        try withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let text =
                #"{"version":2,"virtualServers":[{"new":1},{"address":"10.96.0.1","port":80,"protocol":"tcp","more":true},{"address":"x","port":1,"protocol":"tcp"}]}"#
            try Data(text.utf8).write(to: URL(filePath: directory + "/state.json"))
            #expect(
                FileJournal(directory: directory).remembered(reporting: quiet).virtualServers == [.address(ip("10.96.0.1"), port: 80, .tcp)]
            )
        }
    }

    @Test func aDirectoryThatCannotBeMadeIsNoEnd() {
        var pair = Pair(journal: FileJournal(directory: "/proc/no/such"))
        for _ in 0..<2 { pair.remember(Self.change([.firewallMark(1, .ipv4)])) }
        #expect(pair.journal.remembered(reporting: quiet) == JournalContent())
    }

    @Test func oneWriterAtATime() throws {
        try withDirectory { directory in
            let first = try WriterLock(directory: directory)
            do throws(FileProblem) {
                _ = try WriterLock(directory: directory)
                Issue.record("two have the lock")
            } catch {
                #expect(
                    error.description.hasPrefix(
                        "another ipvs-agent (process \(ProcessInfo.processInfo.processIdentifier)) writes to this node's kernel"))
            }
            _ = consume first
            _ = try WriterLock(directory: directory)
        }
    }
}
