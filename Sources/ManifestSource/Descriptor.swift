import Glibc

/// A file descriptor that is closed when its owner goes.
struct Descriptor: ~Copyable {
    let number: Int32

    /// Takes over what a C function returned; nil where that was -1.
    init?(taking number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    deinit { _ = close(number) }

    /// Whether there is something to read, or a time-out passes: the readiness of this and of another descriptor.
    func waitForInput(or other: borrowing Descriptor, milliseconds: Int32) {
        var polled = [pollfd(fd: number, events: Int16(POLLIN), revents: 0), pollfd(fd: other.number, events: Int16(POLLIN), revents: 0)]
        // EINTR counts as a wake-up: the caller looks at the clock anyway.
        _ = unsafe poll(&polled, 2, milliseconds)
    }
}

/// What the C library says of an errno: `No such file or directory`.
func describe(errno number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "errno \(number)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Which file this is and which version of it; where nothing of this has changed, neither has what it says.
struct FileIdentity: Equatable, Sendable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let modified: Time
    /// The change time catches a writer that puts the modification time back.
    private let changed: Time

    private struct Time: Equatable, Sendable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) { (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec) }
    }

    /// Whether the file was last changed before that second.
    func isOlder(than second: Int) -> Bool { modified.seconds < second && changed.seconds < second }

    init(_ info: stat) {
        device = info.st_dev
        inode = info.st_ino
        size = info.st_size
        modified = Time(info.st_mtim)
        changed = Time(info.st_ctim)
    }
}
