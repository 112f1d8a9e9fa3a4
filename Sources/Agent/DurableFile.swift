import FoundationEssentials
import Glibc
import RuntimeFiles

/// A file that is there whole, in its old version or its new one, whenever the machine stops.
enum DurableFile {
    /// Puts this in the place of the file: written beside it, brought to the disk, and renamed.
    static func replace(_ path: String, with data: Data) throws(FileProblem) {
        let new = path + ".new"
        let file = unsafe open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw problem("open", new, errno) }
        var written = 0
        while written < data.count {
            let count = unsafe data.withUnsafeBytes { unsafe write(file, $0.baseAddress?.advanced(by: written), $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let number = errno
                close(file)
                _ = unsafe unlink(new)
                throw problem("write", new, number)
            }
            written += count
        }
        let synced = fsync(file) == 0
        let number = errno
        close(file)
        guard synced else {
            _ = unsafe unlink(new)
            throw problem("bring to the disk", new, number)
        }
        guard unsafe rename(new, path) == 0 else { throw problem("rename", new, errno) }
        // The name is on the disk when the directory is.
        let directory = unsafe open(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    private static func problem(_ verb: String, _ path: String, _ number: Int32) -> FileProblem {
        FileProblem("cannot \(verb) \(path): \(unsafe String(cString: strerror(number)))")
    }
}
