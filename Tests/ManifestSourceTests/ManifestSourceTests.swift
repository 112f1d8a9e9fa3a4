import Addresses
import Foundation
import Glibc
import ManifestSource
import ServiceModel
import TestSupport
import Testing

/// A directory that is followed, and what its source has delivered so far.
private final class Followed {
    let root: URL
    let path: URL
    let source: ManifestSource
    private var iterator: AsyncStream<SourceUpdate>.Iterator
    private let task: Task<Void, Never>
    var catalog = ServiceCatalog()
    var problems: [SourceProblem] = []
    var updates = 0
    var isSynced = false

    init(prepare: (URL) throws -> Void = { _ in }, create: Bool = true) throws {
        root = FileManager.default.temporaryDirectory.appending(path: "manifests-\(UUID().uuidString)")
        path = root.appending(path: "manifests")
        try FileManager.default.createDirectory(at: create ? path : root, withIntermediateDirectories: true)
        try prepare(path)
        let source = ManifestSource(directory: path.path, maximumFileBytes: 1 << 20)
        self.source = source
        iterator = source.updates.makeAsyncIterator()
        task = Task { await source.run() }
    }

    deinit {
        task.cancel()
        try? FileManager.default.removeItem(at: root)
    }

    func put(_ name: String, _ text: String) throws { try text.write(to: path.appending(path: name), atomically: false, encoding: .utf8) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(at: path.appending(path: name)) }

    /// Takes in the next update, which must come.
    func next() async throws {
        let next = await iterator.next(isolation: #isolation)
        let update = try #require(next)
        _ = catalog.take(update)
        if let problems = update.problems { self.problems = problems }
        updates += 1
        isSynced = update.isSynced
    }

    func next(until isReached: () -> Bool) async throws {
        while !isReached() { try await next() }
    }

    func stop() async -> Bool {
        task.cancel()
        await task.value
        while await iterator.next(isolation: #isolation) != nil {}
        return true
    }

    var names: [String] { catalog.services.keys.map(\.name).sorted() }
    func port(_ name: String) -> UInt16? { catalog.services[ObjectName(namespace: "default", name: name)]?.ports.first?.port }
}

private func manifest(_ name: String, _ port: Int = 80) -> String {
    "apiVersion: v1\nkind: Service\nmetadata: {name: \(name)}\nspec: {clusterIP: 10.0.0.1, ports: [{port: \(port)}]}\n"
}

@Suite(.timeLimit(.minutes(15))) struct ManifestSourceTests {
    @Test func saysThatAnUpdateIsComingBeforeItComes() async throws {
        let followed = try Followed()
        try await followed.next()
        #expect(!followed.source.isUpdateComing)
        // For as long as a file is written again and again, up to a limit, it is not read.
        var number = 0
        while !followed.source.isUpdateComing, number < 50_000 {
            number += 1
            try followed.put("a.yaml", manifest("a", number % 60000 + 1))
        }
        #expect(number < 50_000)
        try await followed.next(until: { followed.port("a").map(Int.init) == number % 60000 + 1 })
        try await eventually("the source at rest", within: .seconds(30)) { !followed.source.isUpdateComing }
    }

    @Test func theFirstUpdateIsEverything() async throws {
        let followed = try Followed { path in
            for index in 0..<40 {
                try manifest("s\(index)").write(to: path.appending(path: "\(index).yaml"), atomically: false, encoding: .utf8)
            }
            try "not ours".write(to: path.appending(path: "README"), atomically: false, encoding: .utf8)
            try "{".write(to: path.appending(path: ".hidden.yaml"), atomically: false, encoding: .utf8)
            try "{".write(to: path.appending(path: "web.yaml~"), atomically: false, encoding: .utf8)
        }
        try await followed.next()
        #expect(followed.isSynced)
        #expect(followed.names.count == 40)
        #expect(followed.problems == [])
        #expect(await followed.stop())
    }

    @Test func anEmptyDirectoryIsSynced() async throws {
        let followed = try Followed()
        try await followed.next()
        #expect(followed.isSynced)
        #expect(followed.problems == [])
    }

    @Test func changesArriveHoweverTheyAreWritten() async throws {
        let followed = try Followed()
        try await followed.next()
        // In place.
        try followed.put("a.yaml", manifest("a", 1))
        try await followed.next()
        #expect(followed.port("a") == 1)
        // Renamed into place.
        try followed.put("a.tmp", manifest("a", 2))
        #expect(unsafe rename(followed.path.appending(path: "a.tmp").path, followed.path.appending(path: "a.yaml").path) == 0)
        try await followed.next()
        #expect(followed.port("a") == 2)
        // A link from elsewhere.
        let elsewhere = followed.root.appending(path: "elsewhere")
        try manifest("l", 1).write(to: elsewhere, atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(at: followed.path.appending(path: "l.yaml"), withDestinationURL: elsewhere)
        try await followed.next()
        #expect(followed.port("l") == 1)
        // Its target changes.
        try manifest("l", 2).write(to: elsewhere, atomically: true, encoding: .utf8)
        try await followed.next()
        #expect(followed.port("l") == 2)
        // Moved out, and deleted.
        #expect(unsafe rename(followed.path.appending(path: "a.yaml").path, followed.root.appending(path: "a.yaml").path) == 0)
        try await followed.next()
        #expect(followed.names == ["l"])
        try followed.remove("l.yaml")
        try await followed.next()
        #expect(followed.names == [])
        #expect(followed.updates == 7)
    }

    @Test func aFileThatIsStillBeingWrittenIsNotRead() async throws {
        let followed = try Followed()
        try await followed.next()
        let text = manifest("a", 1) + "---\n" + manifest("b", 1)
        let file = unsafe open(followed.path.appending(path: "a.yaml").path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        try handle.write(contentsOf: Data(text.utf8.prefix(100)))
        _ = usleep(300_000)
        try handle.write(contentsOf: Data(text.utf8.dropFirst(100)))
        try handle.close()
        try await followed.next()
        #expect(followed.names == ["a", "b"])
        #expect(followed.problems == [])
    }

    @Test func aBurstIsFewUpdates() async throws {
        let followed = try Followed()
        try await followed.next()
        let names = (0..<300).map { followed.path.appending(path: "\($0)").path }
        for index in 0..<300 { try followed.put("\(index)", manifest("s\(index)")) }
        for name in names { _ = unsafe rename(name, name + ".yaml") }
        try await followed.next(until: { followed.names.count == 300 })
        #expect(followed.updates < 30)
    }

    @Test func aMountedConfigMapChangesAtOnce() async throws {
        func version(_ number: Int, of path: URL, _ files: [String: String]) throws {
            let version = path.appending(path: "..\(number)")
            try FileManager.default.createDirectory(at: version, withIntermediateDirectories: true)
            for (name, text) in files { try text.write(to: version.appending(path: name), atomically: false, encoding: .utf8) }
            let link = path.appending(path: "..data_tmp").path
            #expect(unsafe symlink("..\(number)", link) == 0)
            #expect(unsafe rename(link, path.appending(path: "..data").path) == 0)
            for name in files.keys { _ = unsafe symlink("..data/\(name)", path.appending(path: name).path) }
        }
        let followed = try Followed { try version(1, of: $0, ["a.yaml": manifest("a", 1), "b.yaml": manifest("b", 1)]) }
        try await followed.next()
        #expect(followed.names == ["a", "b"])
        try version(2, of: followed.path, ["a.yaml": manifest("a", 2), "b.yaml": manifest("b", 2)])
        try FileManager.default.removeItem(at: followed.path.appending(path: "..1"))
        try await followed.next()
        #expect(followed.port("a") == 2)
        #expect(followed.port("b") == 2)
        #expect(followed.updates == 2)
    }

    @Test func aDirectoryThatVanishesEmptiesNothing() async throws {
        let followed = try Followed { path in
            try manifest("a", 1).write(to: path.appending(path: "a.yaml"), atomically: false, encoding: .utf8)
            try manifest("b", 1).write(to: path.appending(path: "b.yaml"), atomically: false, encoding: .utf8)
        }
        try await followed.next()
        // As "rm -r" does it: first the files, then the directory.
        try FileManager.default.removeItem(at: followed.path)
        try await followed.next()
        #expect(followed.names == ["a", "b"])
        #expect(
            followed.problems.map(\.description) == [
                "\(followed.path.path): the directory cannot be read: No such file or directory; what it said last stays"
            ])
        #expect(followed.isSynced)
        // It comes back empty, then with its files: one stays as it was, one changes, and one stays away.
        try FileManager.default.createDirectory(at: followed.path, withIntermediateDirectories: false)
        try followed.put("a.yaml", manifest("a", 2))
        try await followed.next(until: { followed.port("a") == 2 && followed.problems.isEmpty })
        #expect(followed.names == ["a", "b"])
        try await followed.next(until: { followed.names == ["a"] })
        // Moved away, and another in its place.
        let other = followed.root.appending(path: "other")
        try FileManager.default.createDirectory(at: other, withIntermediateDirectories: false)
        try manifest("a", 3).write(to: other.appending(path: "a.yaml"), atomically: false, encoding: .utf8)
        #expect(unsafe rename(followed.path.path, followed.root.appending(path: "old").path) == 0)
        #expect(unsafe rename(other.path, followed.path.path) == 0)
        try await followed.next(until: { followed.port("a") == 3 })
        try followed.put("a.yaml", manifest("a", 4))
        try await followed.next(until: { followed.port("a") == 4 })
    }

    @Test func aMissingDirectoryIsNotSyncedUntilItComes() async throws {
        let followed = try Followed(create: false)
        try await followed.next()
        #expect(!followed.isSynced)
        #expect(
            followed.problems.map(\.message) == [
                "the directory cannot be read: No such file or directory; nothing is done before it can be read"
            ])
        #expect(throws: SourceProblem.self) { try followed.source.readOnce() }
        try FileManager.default.createDirectory(at: followed.path, withIntermediateDirectories: false)
        try await followed.next()
        #expect(followed.isSynced)
        #expect(followed.problems == [])
    }

    @Test func aFileThatEditorsMoveAwayFirstIsNotRemoved() async throws {
        let followed = try Followed { try manifest("a", 1).write(to: $0.appending(path: "a.yaml"), atomically: false, encoding: .utf8) }
        try await followed.next()
        let path = followed.path.appending(path: "a.yaml").path
        #expect(unsafe rename(path, path + "~") == 0)
        _ = usleep(30_000)
        try followed.put("a.yaml", manifest("a", 2))
        try await followed.next()
        #expect(followed.port("a") == 2)
        #expect(followed.updates == 2)
    }

    @Test func whatIsNoFileIsToldAndNotWaitedFor() async throws {
        let followed = try Followed { path in
            #expect(unsafe mkfifo(path.appending(path: "fifo.yaml").path, 0o600) == 0)
            try FileManager.default.createDirectory(at: path.appending(path: "folder.yaml"), withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(atPath: path.appending(path: "link.yaml").path, withDestinationPath: "nowhere")
            try FileManager.default.createSymbolicLink(atPath: path.appending(path: "null.yaml").path, withDestinationPath: "/dev/null")
            try String(repeating: "# large\n", count: 1 << 18).write(
                to: path.appending(path: "large.yaml"), atomically: false, encoding: .utf8)
            try manifest("a").write(to: path.appending(path: "a.yaml"), atomically: false, encoding: .utf8)
        }
        try await followed.next()
        let kept = "; its last good contents stay"
        #expect(
            followed.problems.map(\.description) == [
                "fifo.yaml: the file is a FIFO, not a regular file" + kept, "folder.yaml: the file is a directory, not a file" + kept,
                "large.yaml: the file is larger than 1 MiB" + kept, "link.yaml: the file is a link to a file that does not exist" + kept,
                "null.yaml: the file is not a regular file" + kept,
            ])
        #expect(followed.names == ["a"])
        // The link's target comes.
        try followed.put("nowhere", manifest("n"))
        try await followed.next(until: { followed.names == ["a", "n"] })
    }

    @Test func aBadFileIsToldAndItsLastGoodContentsStay() async throws {
        let followed = try Followed { try manifest("a", 1).write(to: $0.appending(path: "a.yaml"), atomically: false, encoding: .utf8) }
        try await followed.next()
        try followed.put("a.yaml", manifest("a", 2) + "\t[")
        try await followed.next()
        #expect(followed.port("a") == 1)
        #expect(followed.problems.count == 1)
        try followed.put("a.yaml", manifest("a", 2))
        try await followed.next()
        #expect(followed.port("a") == 2)
        #expect(followed.problems == [])
    }

    @Test func readingOnce() throws {
        let followed = try Followed { try manifest("a", 1).write(to: $0.appending(path: "a.yaml"), atomically: false, encoding: .utf8) }
        let update = try followed.source.readOnce()
        #expect(update.isSynced)
        #expect(update.changed.map(\.key.description) == ["Service default/a"])
        #expect(update.problems == [])
    }
}
