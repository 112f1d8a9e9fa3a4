import Dispatch
import Glibc
import ServiceModel
import Synchronization

/// Reads and decodes files, many at a time where there are many.
struct FileReading: Sendable {
    let reader: ManifestReader
    let maximumBytes: Int

    enum Outcome: Sendable {
        case contents(ManifestContents, FileIdentity, isLink: Bool)
        case missing
        /// The file is there and cannot be read, now or at all.
        case failed(SourceProblem)
    }

    /// Reads the files of those names, in that order.
    func read(_ names: [String], _ file: ManifestFile) -> [Outcome] {
        // A few files are quicker read here than handed out.
        guard names.count >= 16 else { return readInTurn(names[...], file, buffer: 0) }
        let chunk = max(16, min(256, names.count / 32))
        let chunks = (names.count + chunk - 1) / chunk
        let outcomes = Mutex([[Outcome]](repeating: [], count: chunks))
        DispatchQueue.concurrentPerform(iterations: chunks) { index in
            let part = readInTurn(names[index * chunk..<min((index + 1) * chunk, names.count)], file, buffer: 16 << 10)
            outcomes.withLock { $0[index] = part }
        }
        return outcomes.withLock { $0.flatMap { $0 } }
    }

    /// Reads one file after the other. A buffer of no size is for a few files, which have just been written.
    private func readInTurn(_ names: ArraySlice<String>, _ file: ManifestFile, buffer size: Int) -> [Outcome] {
        var buffer = ReadBuffer(size: size)
        return names.map { read($0, file, &buffer) }
    }

    private func read(_ name: String, _ file: ManifestFile, _ buffer: inout ReadBuffer) -> Outcome {
        switch file.read(name, &buffer) {
        case .bytes(let bytes, let identity, let isLink): .contents(reader.read(bytes, file: name), identity, isLink: isLink)
        case .missing: .missing
        case .refused(let why): .failed(problem(name, why))
        case .beingWritten: .failed(problem(name, "is being written, and is read when that is done"))
        }
    }

    private func problem(_ name: String, _ why: String) -> SourceProblem {
        SourceProblem(place: name, message: "the file \(why); its last good contents stay")
    }
}
