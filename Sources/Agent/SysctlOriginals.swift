import FoundationEssentials
import Glibc
package import Logging
import NodeModel
import RuntimeFiles

/// What kernel settings were before the agent changed them, in `sysctls.json` of the runtime directory; so that clean-up can put them back.
///
/// It is written before a setting is. It dies at boot, as the settings do. Losing it leaves them as they are.
package struct SysctlOriginals: Sendable {
    private let directory: String
    private var path: String { directory + "/sysctls.json" }

    package init(directory: String) { self.directory = directory }

    struct Original: Codable, Equatable {
        /// The value before the first change.
        var before: String
        /// The value that the agent set last.
        var set: String
    }

    private struct Content: Codable {
        var version = 1
        var sysctls: [String: Original]
    }

    func remembered(reporting logger: Logger) -> [String: Original] {
        guard unsafe access(path, F_OK) == 0 else { return [:] }
        do {
            return try JSONDecoder().decode(Content.self, from: Data(contentsOf: URL(filePath: path))).sysctls
        } catch {
            logger.warning("\(path) cannot be read and counts as empty: \(error)")
            return [:]
        }
    }

    /// The settings that an agent has changed, whatever its settings were: clean-up looks at them, too.
    package func names(reporting logger: Logger) -> Set<String> { Set(remembered(reporting: logger).keys) }

    /// Remembers what these operations are about to change.
    func remember(_ operations: [Operation], observed: NodeState, reporting logger: Logger) {
        let changes = operations.compactMap { operation -> (name: String, value: String)? in
            if case .setSysctl(let name, let value) = operation { (name, value) } else { nil }
        }
        guard !changes.isEmpty else { return }
        let known = remembered(reporting: logger)
        var originals = known
        for (name, value) in changes {
            guard let before = observed.sysctls[name] else { continue }
            // What somebody else has set since is what that one wants, and what it is put back to.
            let isOurs = originals[name]?.set == before
            originals[name] = Original(before: isOurs ? originals[name]?.before ?? before : before, set: value)
        }
        guard originals != known else { return }
        do {
            try RuntimeDirectory.make(directory)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try encoder.encode(Content(sysctls: originals)).write(to: URL(filePath: path), options: .atomic)
        } catch {
            logger.warning("cannot write \(path), which remembers settings of the kernel that are changed: \(error)")
        }
    }

    /// The operations that put back what is still as the agent set it.
    func restoring(observed: NodeState, reporting logger: Logger) -> [Operation] {
        remembered(reporting: logger).sorted { $0.key < $1.key }.compactMap { name, original in
            observed.sysctls[name] == original.set && original.before != original.set ? .setSysctl(name, to: original.before) : nil
        }
    }

    /// Forgets everything and leaves no file.
    package func erase() { _ = unsafe unlink(path) }
}
