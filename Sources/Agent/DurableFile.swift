import FoundationEssentials
import Glibc
import RuntimeFiles

/// A file that is there whole, in its old version or its new one, whenever this process or the machine stops.
enum DurableFile {
    /// What a file has to outlive.
    enum Lifetime {
        case process
        case machine
    }

    /// Puts this in the place of the file: written beside it, brought to the disk where it has to outlive the machine, and renamed. There is
    /// one writer at a time.
    static func replace(_ path: String, with data: Data, outliving lifetime: Lifetime = .machine) throws(FileProblem) {
        let new = draft(of: path)
        let file = unsafe open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw problem("open", new, errno) }
        if let number = write(data, to: file) {
            close(file)
            _ = unsafe unlink(new)
            throw problem("write", new, number)
        }
        let synced = lifetime == .process || fsync(file) == 0
        let number = errno
        close(file)
        guard synced else {
            _ = unsafe unlink(new)
            throw problem("bring to the disk", new, number)
        }
        guard unsafe rename(new, path) == 0 else { throw problem("rename", new, errno) }
        guard lifetime == .machine else { return }
        // The name is on the disk when the directory is.
        let directory = unsafe open(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    /// Adds this to a file that is there. Where that fails, a part of it may have been added. It outlives the process once this returns.
    static func append(_ data: Data, to path: String) throws(FileProblem) {
        let file = unsafe open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw problem("open", path, errno) }
        defer { close(file) }
        if let number = write(data, to: file) { throw problem("write", path, number) }
    }

    /// Writes all of it, or gives the number of the error.
    private static func write(_ data: Data, to file: Int32) -> Int32? {
        var written = 0
        while written < data.count {
            let count = unsafe data.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress?.advanced(by: written), $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            written += count
        }
        return nil
    }

    /// Removes the file, and what a kill may have left beside it.
    static func remove(_ path: String) {
        _ = unsafe unlink(path)
        _ = unsafe unlink(draft(of: path))
    }

    private static func draft(of path: String) -> String { path + ".new" }

    private static func problem(_ verb: String, _ path: String, _ number: Int32) -> FileProblem {
        FileProblem("cannot \(verb) \(path): \(unsafe String(cString: strerror(number)))")
    }
}
