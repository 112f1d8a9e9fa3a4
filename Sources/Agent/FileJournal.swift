import Addresses
import FoundationEssentials
import Glibc
package import IPVSModel
package import Logging
import RuntimeFiles

/// The journal in `state.json` of the runtime directory, replaced as a whole by rename, so that a kill leaves one version or the other.
package struct FileJournal: OwnershipJournal, Sendable {
    private let directory: String
    private var path: String { directory + "/state.json" }

    package init(directory: String) { self.directory = directory }

    package func remembered(reporting logger: Logger) -> Set<VirtualServer.Key> {
        guard unsafe access(path, F_OK) == 0 else { return [] }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            let content = try JSONDecoder().decode(Content.self, from: data)
            return Set(content.virtualServers.compactMap(\.key))
        } catch {
            logger.warning("\(path) cannot be read and counts as empty: \(error)")
            return []
        }
    }

    package func remember(_ keys: Set<VirtualServer.Key>, reporting logger: Logger) {
        do {
            try RuntimeDirectory.make(directory)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let data = try encoder.encode(Content(virtualServers: keys.sorted().map(Entry.init)))
            try data.write(to: URL(filePath: path), options: .atomic)
        } catch {
            logger.warning("cannot write \(path), which remembers what was made halfway: \(error)")
        }
    }

    /// Forgets everything and leaves no file.
    package func erase() { _ = unsafe unlink(path) }

    private struct Content: Codable {
        var version = 1
        var virtualServers: [Entry]
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
