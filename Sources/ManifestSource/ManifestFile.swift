import Glibc

/// Reads one file of a directory: whole, bounded, and never waiting for anybody.
struct ManifestFile {
    enum Outcome: Sendable {
        case bytes([UInt8], FileIdentity, isLink: Bool)
        case missing
        /// Why the file cannot be read, as the end of a sentence that begins with its name.
        case refused(String)
        case beingWritten
    }

    /// The directory that names are relative to.
    let directory: Int32
    let maximumBytes: Int

    /// Whether the name is one of a manifest: `.yaml`, `.yml` or `.json`, and not hidden.
    static func isManifest(_ name: String) -> Bool {
        guard !name.hasPrefix(".") else { return false }
        return name.hasSuffix(".yaml") || name.hasSuffix(".yml") || name.hasSuffix(".json")
    }

    /// Reads a file. The buffer is used again and again, for files that fit.
    func read(_ name: String, _ buffer: inout ReadBuffer) -> Outcome {
        // O_NONBLOCK, so that opening a FIFO does not wait for its writer; it means nothing to regular files.
        let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        if let file = Descriptor(taking: unsafe openat(directory, name, flags | O_NOFOLLOW)) {
            return readAtOnce(file, &buffer) ?? readCarefully(file, isLink: false)
        }
        guard errno == ELOOP, let file = Descriptor(taking: unsafe openat(directory, name, flags)) else {
            // A link to nothing is not a missing file: whoever made it wants one here.
            if errno == ENOENT { return isLink(name) ? .refused("is a link to a file that does not exist") : .missing }
            // ENXIO is what a socket answers.
            return .refused(errno == ENXIO ? "is not a regular file" : "cannot be opened: \(describe(errno: errno))")
        }
        return readCarefully(file, isLink: true)
    }

    /// Reads a small file that nobody has written to for a while, which most are, in as few calls as can be; nil for any other.
    ///
    /// Whoever wrote while it was read would have left a time that is not older than the reading's beginning.
    private func readAtOnce(_ file: borrowing Descriptor, _ buffer: inout ReadBuffer) -> Outcome? {
        guard !buffer.bytes.isEmpty else { return nil }
        let count = unsafe pread(file.number, &buffer.bytes, buffer.bytes.count, 0)
        var info = stat()
        guard count >= 0, count < min(buffer.bytes.count, maximumBytes), unsafe fstat(file.number, &info) == 0,
            info.st_mode & S_IFMT == S_IFREG, info.st_size == count
        else { return nil }
        let identity = FileIdentity(info)
        guard identity.isOlder(than: buffer.began) else { return nil }
        return .bytes(Array(buffer.bytes[..<count]), identity, isLink: false)
    }

    private func readCarefully(_ file: borrowing Descriptor, isLink: Bool) -> Outcome {
        for attempt in 0..<5 {
            if attempt > 0 { _ = usleep(10_000) }
            if let outcome = read(file, isLink: isLink) { return outcome }
        }
        return .beingWritten
    }

    /// The identity of what a name stands for, links followed; nil where there is nothing.
    func identity(_ name: String) -> FileIdentity? {
        var info = stat()
        return unsafe fstatat(directory, name, &info, 0) == 0 ? FileIdentity(info) : nil
    }

    /// Whether the file is there at once, whole: a link, a second name of a file, or no regular file at all. A new file is not:
    /// somebody is going to write it.
    func appearsWhole(_ name: String) -> Bool {
        var info = stat()
        guard unsafe fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else { return false }
        return info.st_mode & S_IFMT != S_IFREG || info.st_nlink > 1
    }

    private func isLink(_ name: String) -> Bool {
        var info = stat()
        return unsafe fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_mode & S_IFMT == S_IFLNK
    }

    /// One attempt; nil where the file changed meanwhile.
    private func read(_ file: borrowing Descriptor, isLink: Bool) -> Outcome? {
        var info = stat()
        guard unsafe fstat(file.number, &info) == 0 else { return .refused("cannot be read: \(describe(errno: errno))") }
        switch info.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: return .refused("is a directory, not a file")
        case S_IFIFO: return .refused("is a FIFO, not a regular file")
        default: return .refused("is not a regular file")
        }
        guard info.st_size <= maximumBytes else {
            return .refused("is larger than \(maximumBytes >> 20) MiB")
        }
        let identity = FileIdentity(info)
        var bytes = [UInt8](repeating: 0, count: info.st_size)
        var filled = 0
        while filled < bytes.count {
            let start = filled
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
                return unsafe pread(file.number, rest.baseAddress, rest.count, start)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .refused("cannot be read: \(describe(errno: errno))") }
            if count == 0 { break }
            filled += count
        }
        var after = stat()
        guard unsafe fstat(file.number, &after) == 0, FileIdentity(after) == identity, filled == bytes.count else { return nil }
        return .bytes(bytes, identity, isLink: isLink)
    }
}

/// Room for files that are read one after the other, and when that began.
struct ReadBuffer {
    var bytes: [UInt8]
    /// In seconds since 1970, less what clocks may differ by.
    let began: Int

    init(size: Int, began: Int) {
        bytes = [UInt8](repeating: 0, count: size)
        self.began = began
    }

    /// Room for files of less than that size; others are read without it.
    init(size: Int) {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        self.init(size: size, began: now.tv_sec - 2)
    }
}
