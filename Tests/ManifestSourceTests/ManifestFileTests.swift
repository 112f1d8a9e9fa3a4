import Foundation
import Testing

@testable import ManifestSource

/// Reading one file: at once where nobody has written to it for a while, else with a look before and after.
@Suite struct ManifestFileTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "manifest-file-\(UUID())").path

    private func withDirectory(_ body: (ManifestFile) throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = try Directory(path)
        try body(ManifestFile(directory: directory.number(), maximumBytes: 100))
    }

    private func write(_ text: String, _ name: String) throws {
        try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
    }

    /// What is read, as text; else what kind of outcome there is.
    private func outcome(_ file: ManifestFile, _ name: String, size: Int, began: Int) -> String {
        var buffer = ReadBuffer(size: size, began: began)
        switch file.read(name, &buffer) {
        case .bytes(let bytes, let identity, let isLink):
            #expect(identity == file.identity(name))
            return (isLink ? "link: " : "") + String(decoding: bytes, as: UTF8.self)
        case .missing: return "missing"
        case .refused(let why): return why
        case .beingWritten: return "being written"
        }
    }

    /// The same whether all files count as old or none does, and whether they fit into the buffer or not.
    @Test(arguments: [(16, Int.max), (16, 0), (4, Int.max), (0, Int.max)]) func whatIsReadDoesNotDependOnTheWay(size: Int, began: Int)
        throws
    {
        try withDirectory { file in
            try write("a: 1", "a.yaml")
            try write("", "empty.yaml")
            try write(String(repeating: "x", count: 101), "large.yaml")
            try FileManager.default.createDirectory(atPath: "\(path)/d.yaml", withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(atPath: "\(path)/l.yaml", withDestinationPath: "a.yaml")
            try FileManager.default.createSymbolicLink(atPath: "\(path)/broken.yaml", withDestinationPath: "nothing")
            try #require(unsafe mkfifo("\(path)/f.yaml", 0o600) == 0)
            func read(_ name: String) -> String { outcome(file, name, size: size, began: began) }
            #expect(read("a.yaml") == "a: 1")
            #expect(read("empty.yaml") == "")
            #expect(read("l.yaml") == "link: a: 1")
            #expect(read("none.yaml") == "missing")
            #expect(read("broken.yaml") == "is a link to a file that does not exist")
            #expect(read("d.yaml") == "is a directory, not a file")
            #expect(read("f.yaml") == "is a FIFO, not a regular file")
            #expect(read("large.yaml") == "is larger than 0 MiB")
        }
    }
}
