import Glibc

/// What inotify says about a directory.
enum DirectoryEvent: Equatable {
    /// A new name; if it is a new file, its contents are still to come.
    case created(String)
    /// A file that was open for writing was closed, or a whole file moved in.
    case written(String)
    /// A file's owner, permissions or times changed: it may have become readable.
    case touched(String)
    /// A name that is gone.
    case removed(String)
    /// The kernel dropped events: anything may have changed.
    case overflow
    /// The directory itself was removed, moved or unmounted.
    case directoryGone
}

/// Follows the names in one directory. See inotify(7).
struct DirectoryWatch: ~Copyable {
    let descriptor: Descriptor

    /// The corresponding C functions are `inotify_init1` and `inotify_add_watch`.
    init(_ path: String) throws(Directory.Failure) {
        guard let descriptor = Descriptor(taking: inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))) else {
            throw Directory.Failure(number: errno)
        }
        // No IN_MODIFY: a file that is being written is read when its writer closes it.
        let mask =
            IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
        guard unsafe inotify_add_watch(descriptor.number, path, UInt32(mask)) >= 0 else { throw Directory.Failure(number: errno) }
        self.descriptor = descriptor
    }

    /// Waits until there are events, or the other descriptor is readable, or a time-out passes.
    func wait(or other: borrowing Descriptor, milliseconds: Int32) {
        descriptor.waitForInput(or: other, milliseconds: milliseconds)
    }

    /// All events that are waiting.
    func events() -> [DirectoryEvent] {
        var events: [DirectoryEvent] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe read(descriptor.number, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return events }
            Self.decode(buffer[..<count], into: &events)
        }
    }

    /// Decodes `struct inotify_event`: watch, mask, cookie and length, 32 bits each in the host's order, then a name padded with zeros.
    static func decode(_ bytes: ArraySlice<UInt8>, into events: inout [DirectoryEvent]) {
        var rest = bytes
        func number(at offset: Int) -> UInt32 {
            var value: UInt32 = 0
            for byte in rest.dropFirst(offset).prefix(4).reversed() { value = value << 8 | UInt32(byte) }
            return UInt32(littleEndian: value.littleEndian)
        }
        while rest.count >= 16 {
            let mask = Int32(truncatingIfNeeded: number(at: 4))
            let length = Int(number(at: 12))
            let name = String(decoding: rest.dropFirst(16).prefix(length).prefix { $0 != 0 }, as: UTF8.self)
            rest = rest.dropFirst(16 + length)
            if mask & IN_Q_OVERFLOW != 0 {
                events.append(.overflow)
            } else if mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED) != 0 {
                events.append(.directoryGone)
            } else if name.isEmpty {
                // IN_ATTRIB of the directory itself: it may have become readable.
                events.append(.overflow)
            } else if mask & (IN_CLOSE_WRITE | IN_MOVED_TO) != 0 {
                events.append(.written(name))
            } else if mask & IN_ATTRIB != 0 {
                events.append(.touched(name))
            } else if mask & IN_CREATE != 0 {
                events.append(.created(name))
            } else if mask & (IN_DELETE | IN_MOVED_FROM) != 0 {
                events.append(.removed(name))
            }
        }
    }
}
