import CommandSupport
import FoundationEssentials
import Glibc
import ManifestSource
import RuntimeFiles
import Telemetry
import VirtualServerDocuments

/// The table as it was before each change, so that a change can be taken back. The latest ten are kept.
struct Snapshots {
    static let defaultDirectory = "/var/lib/ipvs-agent/snapshots"
    static let kept = 10
    private static let suffix = ".json"

    let directory: String

    /// The names, the oldest first.
    func names() -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return files.filter { $0.hasSuffix(Self.suffix) && !$0.hasPrefix(".") }.map { String($0.dropLast(Self.suffix.count)) }.sorted()
    }

    /// Writes the table down, whole or not at all, and lets go of the oldest.
    @discardableResult
    func take(_ list: VirtualServerList, at time: Moment = .now) throws -> String {
        do {
            try RuntimeDirectory.make(directory)
            var name = time.description.replacing(":", with: "-")
            // Two changes within a millisecond are two changes.
            while unsafe access("\(directory)/\(name)\(Self.suffix)", F_OK) == 0 { name += "+" }
            let data = Data((try DocumentText.jsonLine(list.document) + "\n").utf8)
            try data.write(to: URL(filePath: "\(directory)/\(name)\(Self.suffix)"), options: .atomic)
            for old in names().dropLast(Self.kept) { _ = unsafe unlink("\(directory)/\(old)\(Self.suffix)") }
            return name
        } catch {
            throw CommandFailure(
                "the table could not be written down first, so nothing was changed: \(error) (--no-snapshot changes it without)")
        }
    }

    func read(_ name: String) throws -> VirtualServerList {
        guard names().contains(name) else {
            throw CommandFailure(
                names().isEmpty
                    ? "there is no snapshot in \(directory)" : "there is no snapshot \(name); rollback --list lists them",
                status: ExitStatus.invalid)
        }
        let path = "\(directory)/\(name)\(Self.suffix)"
        return try TableFile.read(path, .json)
    }
}
