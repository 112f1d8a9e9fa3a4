import Glibc

/// An open directory.
struct Directory: ~Copyable {
    let descriptor: Descriptor
    private let device: UInt
    private let inode: UInt

    /// The errno of a directory that could not be opened or read.
    struct Failure: Error {
        let number: Int32

        var description: String { describe(errno: number) }
    }

    /// Opens a directory. The corresponding C function is `open`.
    init(_ path: String) throws(Failure) {
        guard let descriptor = Descriptor(taking: unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) else {
            throw Failure(number: errno)
        }
        var info = stat()
        guard unsafe fstat(descriptor.number, &info) == 0 else { throw Failure(number: errno) }
        self.descriptor = descriptor
        device = info.st_dev
        inode = info.st_ino
    }

    /// The descriptor's number, good as long as the directory is open.
    func number() -> Int32 { descriptor.number }

    /// Whether a path still leads here.
    func isAt(_ path: String) -> Bool {
        var info = stat()
        return unsafe stat(path, &info) == 0 && info.st_dev == device && info.st_ino == inode
    }

    /// The names of all manifests in the directory, sorted. The corresponding C function is `readdir`.
    func manifestNames() throws(Failure) -> [String] {
        // A descriptor of its own, since closedir closes it, and so that every listing starts at the beginning.
        let number = unsafe openat(descriptor.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw Failure(number: errno) }
        guard let stream = unsafe fdopendir(number) else {
            let failure = Failure(number: errno)
            _ = close(number)
            throw failure
        }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                guard errno == 0 else { throw Failure(number: errno) }
                return names.sorted()
            }
            // d_name is declared as 256 bytes and ends with a zero within its record.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if ManifestFile.isManifest(name) { names.append(name) }
        }
    }
}
