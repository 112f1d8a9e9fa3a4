import Foundation
import Glibc
import Testing

@testable import ControlSocket

/// A socket file as a process leaves it that is killed: bound, and nobody behind it.
func leaveSocket(_ path: String) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
    _ = unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    close(descriptor)
}

func mode(_ path: String) -> mode_t {
    var information = stat()
    return unsafe lstat(path, &information) == 0 ? information.st_mode : 0
}

@Suite struct SocketPlaceTests {
    private let directory: ShortDirectory

    init() throws { directory = try ShortDirectory() }

    private var left: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []).sorted() }

    @Test func isForTheOwnerAloneFromItsFirstMoment() throws {
        let place = try SocketPlace(path: directory.socket)
        try place.stage()
        #expect(mode(directory.socket + ".new") & 0o777 == 0o700)
        leaveSocket(place.stagingPath)
        _ = unsafe chmod(place.stagingPath, 0o777)
        try place.publish()
        #expect(mode(directory.socket) == S_IFSOCK | 0o600)
        #expect(left == ["agent.sock"])
        place.remove()
        #expect(left.isEmpty)
    }

    @Test func orForAGroup() throws {
        let place = try SocketPlace(path: directory.socket, groupName: String(getegid()))
        try place.stage()
        leaveSocket(place.stagingPath)
        try place.publish()
        #expect(mode(directory.socket) == S_IFSOCK | 0o660)
        var information = stat()
        #expect(unsafe lstat(directory.socket, &information) == 0 && information.st_gid == getegid())
    }

    @Test func groupsAreFoundByNameOrNumber() throws {
        #expect(try SocketPlace.group("0") == 0)
        #expect(try SocketPlace.group("root") == 0)
        #expect(throws: SocketProblem.self) { try SocketPlace.group("no-such-group-here") }
        #expect(throws: SocketProblem.self) { try SocketPlace.group("4294967295") }
    }

    @Test func takesThePlaceOfALeftOverSocketAndOfNothingElse() throws {
        leaveSocket(directory.socket)
        let place = try SocketPlace(path: directory.socket)
        try place.stage()
        leaveSocket(place.stagingPath)
        try place.publish()
        #expect(left == ["agent.sock"])
        place.remove()
        try Data("x".utf8).write(to: URL(filePath: directory.socket))
        #expect(throws: SocketProblem.self) { try place.stage() }
        place.remove()
        #expect(left == ["agent.sock"], "a file that is no socket stays")
    }

    @Test func doesNotFollowALink() throws {
        _ = unsafe symlink("/etc/passwd", directory.socket)
        #expect(throws: SocketProblem.self) { try SocketPlace(path: directory.socket).stage() }
    }

    @Test func whatAKilledAgentLeftIsNoHindrance() throws {
        let place = try SocketPlace(path: directory.socket)
        try place.stage()
        leaveSocket(place.stagingPath)
        // Killed here, before the socket is in its place.
        let next = try SocketPlace(path: directory.socket)
        try next.stage()
        leaveSocket(next.stagingPath)
        try next.publish()
        #expect(left == ["agent.sock"])
    }

    @Test func aStagingDirectoryOfSomeoneElseIsNotUsed() throws {
        _ = unsafe mkdir(directory.socket + ".new", 0o777)
        _ = unsafe chmod(directory.socket + ".new", 0o777)
        #expect(throws: SocketProblem.self) { try SocketPlace(path: directory.socket).stage() }
    }

    @Test func theNextAgentsSocketStays() throws {
        let place = try SocketPlace(path: directory.socket)
        try place.stage()
        leaveSocket(place.stagingPath)
        try place.publish()
        // Another was put there meanwhile, while ours still exists so that its number is not given again.
        _ = unsafe rename(directory.socket, directory.path + "/old")
        leaveSocket(directory.socket)
        place.remove()
        #expect(left == ["agent.sock", "old"])
    }

    @Test func directoriesAreMade() throws {
        let place = try SocketPlace(path: directory.path + "/a/b/agent.sock")
        try place.stage()
        #expect(mode(directory.path + "/a/b") & 0o777 == 0o755)
        #expect(throws: SocketProblem.self) { try SocketPlace(path: "/proc/none/agent.sock").stage() }
        #expect(throws: SocketProblem.self) { try SocketPlace(path: "/" + String(repeating: "x", count: 200)) }
    }
}
