import Addresses
import FoundationEssentials
import Glibc
import IPVSModel
package import Logging
import RuntimeFiles
import Synchronization
import Telemetry

/// The journal in `state.json` of the runtime directory: lines of JSON, of which the first says what there was, and each one after it what has
/// changed since.
///
/// A change is a line appended, so among thousands of drains one more costs one line. When the lines are longer than what they are added to, the
/// file is replaced as a whole by one line, by rename.
///
/// A kill leaves the whole in its old version or its new one, and of lines all whose writing returned: write(2) hands them to the kernel, and the
/// file has to outlive the process, not the machine. One that was being written may be there by half. It is passed over, and what it should
/// come before has not been done. Nobody appends to it: the first write of a process replaces the file, and so does the next one after one
/// that failed.
package final class FileJournal: OwnershipJournal, Sendable {
    private let directory: String
    private var path: String { directory + "/state.json" }
    /// How many bytes may still be appended before the file is replaced.
    private let room = Mutex(0)
    /// What may be appended to the shortest file.
    private static let leastRoom = 65536

    package init(directory: String) { self.directory = directory }

    package func remembered(reporting logger: Logger) -> JournalContent {
        var content = JournalContent()
        guard unsafe access(path, F_OK) == 0 else { return content }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            let decoder = JSONDecoder()
            for line in data.split(separator: UInt8(ascii: "\n")) {
                // One without its end was being written when its writer was killed. A file of one line may be an earlier version's, without it.
                guard line.startIndex == data.startIndex || line.endIndex < data.endIndex else { break }
                content.apply(try decoder.decode(Line.self, from: line).change)
            }
            return content
        } catch {
            logger.warning("\(path) cannot be read and counts as empty: \(error)")
            return JournalContent()
        }
    }

    package func remember(_ change: JournalChange, of whole: () -> JournalContent, reporting logger: Logger) {
        room.withLock { room in
            do {
                if room > 0 {
                    let line = try Line(change).data
                    if line.count <= room, (try? DurableFile.append(line, to: path)) != nil {
                        room -= line.count
                        return
                    }
                }
                room = 0
                try RuntimeDirectory.make(directory)
                let data = try Line(whole()).data
                // A restart of the machine leaves nothing that it could be about.
                try DurableFile.replace(path, with: data, outliving: .process)
                room = max(data.count, Self.leastRoom)
            } catch {
                logger.warning("cannot write \(path), which remembers what was made halfway and until when is drained: \(error)")
            }
        }
    }

    /// Forgets everything and leaves no file.
    package func erase() {
        room.withLock { room in
            DurableFile.remove(path)
            room = 0
        }
    }

    /// What is added to what the lines before it say.
    private struct Line: Codable {
        var version = 1
        var virtualServers: [Entry]
        var forgotten: [Entry]?
        var drains: [DrainEntry]?
        var ended: [DrainEntry]?

        init(_ change: JournalChange) {
            virtualServers = change.virtualServers.sorted().map(Entry.init)
            forgotten = change.forgotten.isEmpty ? nil : change.forgotten.sorted().map(Entry.init)
            drains = change.drains.isEmpty ? nil : change.drains.prefix(JournalContent.mostDrains).map(DrainEntry.init)
            ended = change.ended.isEmpty ? nil : change.ended.map(DrainEntry.init)
        }

        init(_ whole: JournalContent) {
            var change = JournalChange()
            (change.virtualServers, change.drains) = (whole.virtualServers, Array(whole.drains.values))
            self.init(change)
        }

        var change: JournalChange {
            var change = JournalChange()
            change.virtualServers = Set(virtualServers.compactMap(\.key))
            change.forgotten = Set((forgotten ?? []).compactMap(\.key))
            change.drains = (drains ?? []).compactMap(\.record)
            change.ended = (ended ?? []).compactMap(\.name)
            return change
        }

        var data: Data {
            get throws {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                return try encoder.encode(self) + [UInt8(ascii: "\n")]
            }
        }
    }

    /// One drain; every field is optional to read, too.
    private struct DrainEntry: Codable {
        var virtualServer: Entry?
        var address: String?
        var port: UInt16?
        var began: Moment?
        var deadline: Moment?
        var owner: String?
        var reason: String?

        init(_ record: DrainRecord) {
            virtualServer = Entry(record.virtualServer)
            (address, port) = (record.realServer.address.description, record.realServer.port)
            (began, deadline, owner, reason) = (record.began, record.deadline, record.owner, record.reason)
        }

        init(_ name: DrainName) {
            virtualServer = Entry(name.virtualServer)
            (address, port) = (name.realServer.address.description, name.realServer.port)
        }

        var name: DrainName? {
            guard let key = virtualServer?.key, let address = address.flatMap({ IPAddress($0) }), let port else { return nil }
            return DrainName(key, RealServer.Key(address, port: port))
        }

        var record: DrainRecord? {
            guard let name, let deadline else { return nil }
            return DrainRecord(
                virtualServer: name.virtualServer, realServer: name.realServer, began: began ?? deadline, deadline: deadline,
                owner: owner ?? "", reason: reason ?? "")
        }
    }

    /// One key. Every field is optional to read, so that an entry of a later version is passed over and not an error.
    private struct Entry: Codable {
        var address: String?
        var port: UInt16?
        var `protocol`: String?
        var firewallMark: UInt32?
        var family: UInt8?

        init(_ key: VirtualServer.Key) {
            switch key {
            case .address(let address, let port, let transport):
                (self.address, self.port, self.protocol) = (address.description, port, transport.description)
            case .firewallMark(let mark, let family):
                (firewallMark, self.family) = (mark, family.rawValue)
            }
        }

        var key: VirtualServer.Key? {
            if let address = address.flatMap({ IPAddress($0) }), let port,
                let transport = self.protocol.flatMap(TransportProtocol.init(name:))
            {
                return .address(address, port: port, transport)
            }
            guard let firewallMark, let family = family.flatMap(AddressFamily.init(rawValue:)) else { return nil }
            return .firewallMark(firewallMark, family)
        }
    }
}
