import Addresses
import FoundationEssentials
import Glibc
import IPVSModel
package import Logging
import RuntimeFiles
import Telemetry

/// The journal in `state.json` of the runtime directory, replaced as a whole by rename, so that a kill leaves one version or the other.
package struct FileJournal: OwnershipJournal, Sendable {
    private let directory: String
    private var path: String { directory + "/state.json" }

    package init(directory: String) { self.directory = directory }

    package func remembered(reporting logger: Logger) -> JournalContent {
        guard unsafe access(path, F_OK) == 0 else { return JournalContent() }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            let content = try JSONDecoder().decode(Content.self, from: data)
            return JournalContent(
                virtualServers: Set(content.virtualServers.compactMap(\.key)),
                drains: (content.drains ?? []).prefix(JournalContent.mostDrains).compactMap(\.record))
        } catch {
            logger.warning("\(path) cannot be read and counts as empty: \(error)")
            return JournalContent()
        }
    }

    package func remember(_ content: JournalContent, reporting logger: Logger) {
        do {
            try RuntimeDirectory.make(directory)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let drains = content.drains.prefix(JournalContent.mostDrains).map(DrainEntry.init)
            let data = try encoder.encode(
                Content(virtualServers: content.virtualServers.sorted().map(Entry.init), drains: drains.isEmpty ? nil : drains))
            // A restart of the machine leaves nothing that it could be about.
            try DurableFile.replace(path, with: data, outliving: .process)
        } catch {
            logger.warning("cannot write \(path), which remembers what was made halfway and until when is drained: \(error)")
        }
    }

    /// Forgets everything and leaves no file.
    package func erase() { DurableFile.remove(path) }

    private struct Content: Codable {
        var version = 1
        var virtualServers: [Entry]
        var drains: [DrainEntry]?
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

        var record: DrainRecord? {
            guard let key = virtualServer?.key, let address = address.flatMap({ IPAddress($0) }), let port, let deadline else { return nil }
            return DrainRecord(
                virtualServer: key, realServer: RealServer.Key(address, port: port), began: began ?? deadline, deadline: deadline,
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
