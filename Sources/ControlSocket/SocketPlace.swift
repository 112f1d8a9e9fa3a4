import FoundationEssentials
import Glibc
import Synchronization

/// The socket's file: who may connect, how it comes to its place, and how it goes.
///
/// It is made in a directory that only we can enter, and moved to its place when it has its owner and mode: at no moment can somebody
/// connect who may not. The move also takes the place of a file that an agent left which was killed.
package final class SocketPlace: Sendable {
    package let path: String
    /// The group that may connect besides the owner.
    private let group: gid_t?
    /// The file that we have put there.
    private let published: Mutex<FileIdentity?>

    private var stagingDirectory: String { path + ".new" }
    var stagingPath: String { stagingDirectory + "/s" }

    /// The longest path: the kernel takes 107 bytes (`sun_path` in `linux/un.h` is 108 with the terminating zero), and we need some.
    package static let longestPath = 100

    /// A socket at a path, for the owner and a group, by name or number.
    package init(path: String, groupName: String? = nil) throws(SocketProblem) {
        guard path.utf8.count <= Self.longestPath else {
            throw SocketProblem("\(path) is too long for a socket; give a --socket of at most \(Self.longestPath) bytes")
        }
        // Nothing is set before the last thing that can fail: the optimiser of Swift 6.3 gives up on a lock that is thrown away half made.
        let group = try groupName.map { name throws(SocketProblem) in try Self.group(name) }
        self.path = path
        self.group = group
        published = Mutex(nil)
    }

    /// Makes what is needed for the socket to be made, and sees that its place is free or holds a socket; that one is for `isAnswered`.
    func stage() throws(SocketProblem) {
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        if !parent.isEmpty { try Self.makeDirectory(parent) }
        if let standing = FileIdentity(path), !standing.isSocket {
            throw SocketProblem("\(path) is there and is no socket; remove it, or give another --socket")
        }
        if unsafe mkdir(stagingDirectory, 0o700) != 0 {
            guard errno == EEXIST else { throw SocketProblem("make the directory", stagingDirectory, errno) }
            // One is left over from an agent that was killed at this point.
            guard let standing = FileIdentity(stagingDirectory), standing.isPrivateDirectory else {
                throw SocketProblem("\(stagingDirectory) is there and is not ours; remove it, or give another --socket")
            }
        }
        _ = unsafe unlink(stagingPath)
    }

    /// Gives the socket its owner and mode and moves it to its place.
    func publish() throws(SocketProblem) {
        if let group, unsafe chown(stagingPath, uid_t.max, group) != 0 {
            throw SocketProblem("give the group \(group) the socket", path, errno)
        }
        guard unsafe chmod(stagingPath, group == nil ? 0o600 : 0o660) == 0 else { throw SocketProblem("set the mode of", path, errno) }
        let identity = FileIdentity(stagingPath)
        guard unsafe rename(stagingPath, path) == 0 else { throw SocketProblem("move the socket to", path, errno) }
        published.withLock { $0 = identity }
        _ = unsafe rmdir(stagingDirectory)
    }

    /// Removes the file if it is the one we put there.
    func remove() {
        let identity = published.withLock { identity in
            defer { identity = nil }
            return identity
        }
        if let identity, FileIdentity(path) == identity { _ = unsafe unlink(path) }
        _ = unsafe unlink(stagingPath)
        _ = unsafe rmdir(stagingDirectory)
    }

    private static func makeDirectory(_ path: String) throws(SocketProblem) {
        if unsafe mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        let number = errno
        guard number == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw SocketProblem("make the directory", path, number)
        }
        try makeDirectory(String(path[..<slash]))
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else { throw SocketProblem("make the directory", path, errno) }
    }

    /// A group's number.
    static func group(_ name: String) throws(SocketProblem) -> gid_t {
        if let number = gid_t(name), number != gid_t.max { return number }
        var entry = unsafe Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 65536)
        let result = unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found)
        guard result == 0, unsafe found != nil else {
            throw SocketProblem("there is no group \"\(name)\"; make it (groupadd \(name)), or give another --socket-group")
        }
        return unsafe entry.gr_gid
    }
}

/// Which file a path leads to, without following links.
private struct FileIdentity: Equatable {
    private let device: dev_t
    private let number: ino_t
    private let mode: mode_t
    private let owner: uid_t

    init?(_ path: String) {
        var information = stat()
        guard unsafe lstat(path, &information) == 0 else { return nil }
        (device, number) = (information.st_dev, information.st_ino)
        (mode, owner) = (information.st_mode, information.st_uid)
    }

    var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
    var isPrivateDirectory: Bool { mode & S_IFMT == S_IFDIR && mode & 0o077 == 0 && owner == geteuid() }

    static func == (left: Self, right: Self) -> Bool { left.device == right.device && left.number == right.number }
}

/// A socket that cannot be made: why, and what to do.
package struct SocketProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    init(_ verb: String, _ path: String, _ number: Int32) {
        let reason = unsafe String(cString: strerror(number))
        self.init(
            "cannot \(verb) \(path): \(reason)\(number == EACCES || number == EROFS ? "; run as root, or give another --socket" : "")")
    }
}
