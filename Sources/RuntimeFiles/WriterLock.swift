import FoundationEssentials
import Glibc

/// The right to write to this node's kernel: one process has it at a time. Freed when the process ends, however it ends.
package struct WriterLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock `lock` in the directory, which is made if it is missing.
    package init(directory: String) throws(FileProblem) {
        try RuntimeDirectory.make(directory)
        let path = directory + "/lock"
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw FileProblem("open", path, errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            let holder = Self.holder(of: descriptor)
            close(descriptor)
            guard number == EWOULDBLOCK else { throw FileProblem("lock", path, number) }
            var problem = FileProblem(
                "another ipvs-agent\(holder.map { " (process \($0))" } ?? "") writes to this node's kernel; stop it first (it holds \(path))"
            )
            problem.isHeld = true
            throw problem
        }
        self.descriptor = descriptor
        Self.write(String(getpid()) + "\n", to: descriptor)
    }

    deinit { close(descriptor) }

    private static func holder(of descriptor: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").first ?? "")
    }

    /// The number is for people; that it is written does not matter to the lock.
    private static func write(_ text: String, to descriptor: Int32) {
        ftruncate(descriptor, 0)
        let bytes = Array(text.utf8)
        _ = unsafe pwrite(descriptor, bytes, bytes.count, 0)
    }
}

/// A file that could not be used.
package struct FileProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether it is a lock that somebody else has.
    package var isHeld = false

    package init(_ description: String) { self.description = description }

    /// An operation on a path that failed with an error number.
    package init(_ verb: String, _ path: String, _ number: Int32) {
        let reason = unsafe String(cString: strerror(number))
        self.init(
            "cannot \(verb) \(path): \(reason)"
                + (number == EACCES || number == EROFS ? "; run as root, or give another --runtime-directory" : ""))
    }
}

/// The directory for files that die at boot, as the kernel's state does.
package enum RuntimeDirectory {
    package static func make(_ path: String) throws(FileProblem) {
        guard unsafe mkdir(path, 0o755) != 0 else { return }
        if errno == EEXIST { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try make(String(path[..<slash]))
            guard unsafe mkdir(path, 0o755) != 0, errno != EEXIST else { return }
        }
        throw FileProblem("make the directory", path, errno)
    }
}
