import FoundationEssentials
import Glibc
import IPVS
import NodeModel
import RuntimeFiles
import VirtualServerDocuments

/// Which virtual servers this program has changed since the machine started: beside those that are told to be the agent's, these are not
/// another tool's. The file dies at boot, as what the kernel holds does.
struct TouchedKeys {
    private let path: String
    private let directory: String
    private(set) var names: Set<String>

    init(directory: String) {
        self.directory = directory
        path = directory + "/ipvsctl-touched.json"
        // What cannot be read counts as empty: then more is another's, and asks for --force.
        let data = try? Data(contentsOf: URL(filePath: path))
        names = Set(data.flatMap { try? JSONDecoder().decode([String].self, from: $0) } ?? [])
    }

    func contains(_ key: VirtualServer.Key) -> Bool { names.contains(key.objectName) }

    /// Remembers keys before they are changed: ended between the two, a key too many is remembered and none too few.
    mutating func remember(_ keys: Set<VirtualServer.Key>) throws {
        let all = names.union(keys.map(\.objectName))
        guard all != names else { return }
        try RuntimeDirectory.make(directory)
        try JSONEncoder().encode(all.sorted()).write(to: URL(filePath: path), options: .atomic)
        names = all
    }
}
