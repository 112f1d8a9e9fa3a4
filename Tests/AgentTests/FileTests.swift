import Addresses
import Foundation
import IPVSModel
import RuntimeFiles
import Testing

@testable import Agent

@Suite struct FileJournalTests {
    private func withDirectory(_ body: (String) throws -> Void) rethrows {
        let path = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func remembersWhatItWasGiven() throws {
        try withDirectory { directory in
            let journal = FileJournal(directory: directory + "/deeper")
            #expect(journal.remembered(reporting: quiet) == JournalContent())
            let keys: Set<VirtualServer.Key> = [
                .address(ip("10.96.0.1"), port: 80, .tcp), .address(ip("fd00::1"), port: 53, .udp), .firewallMark(7, .ipv6),
            ]
            journal.remember(JournalContent(virtualServers: keys), reporting: quiet)
            #expect(FileJournal(directory: directory + "/deeper").remembered(reporting: quiet).virtualServers == keys)
            journal.remember(JournalContent(), reporting: quiet)
            #expect(journal.remembered(reporting: quiet) == JournalContent())
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/deeper") == ["state.json"])
            // Killed while it writes, it leaves what it had written beside the file; the next one writes over it, or takes it away.
            for isErased in [false, true] {
                try Data("{".utf8).write(to: URL(filePath: directory + "/deeper/state.json.new"))
                #expect(journal.remembered(reporting: quiet) == JournalContent())
                if isErased { journal.erase() } else { journal.remember(JournalContent(), reporting: quiet) }
                let left = isErased ? [] : ["state.json"]
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/deeper") == left)
            }
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
        FileJournal(directory: "/proc/no/such").remember(JournalContent(virtualServers: [.firewallMark(1, .ipv4)]), reporting: quiet)
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
