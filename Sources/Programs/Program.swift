import CProcess
import Dispatch
import Glibc

/// A program that is to be run. Nothing of ours is its own but what stands here: no descriptors, no environment, no signals.
///
/// It is started by posix_spawn(3), which has the child use our memory until it is that program. A fork would have each page of our memory
/// copied that is written to next: with many Services that costs more than most programs do, and the loop waits for it.
package struct Program: Sendable {
    /// With a slash a path; otherwise a name that is looked for along our own PATH.
    package var name: String
    package var arguments: [String]
    package var environment: [String: String]
    /// Where it begins; ours, where none is said.
    package var directory: String?
    /// Whether it leads a session, and so a process group, of its own.
    package var hasOwnSession = false
    /// Whether it gives way to everything else that wants the processor. It still gets a hundredth of one that is never idle, unlike with
    /// SCHED_IDLE: see sched(7).
    package var givesWay = false

    package init(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil,
        hasOwnSession: Bool = false, givesWay: Bool = false
    ) {
        (self.name, self.arguments, self.environment) = (name, arguments, environment)
        (self.directory, self.hasOwnSession, self.givesWay) = (directory, hasOwnSession, givesWay)
    }

    /// How a program ended, or why it was not run to its end.
    package enum Ending: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
        case timedOut(seconds: Int)
        case printedTooMuch(limit: Int)
        case cancelled
        case notStarted(ProgramStartError)

        /// From what wait(2) says: the lowest seven bits are the signal, the next byte the status.
        package init(waitStatus status: Int32) {
            self = status & 0x7f != 0 ? .killed(signal: status & 0x7f) : .exited(status >> 8 & 0xff)
        }
    }

    /// Starts it with nothing to read and with what it prints dropped. Who does has to wait for its end (``ChildEnd``).
    package func start() async throws(ProgramStartError) -> Int32 {
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Int32, ProgramStartError>, Never>) in
            // The kernel reads the program before this comes back: not on threads that all tasks share.
            Self.queue.async {
                do throws(ProgramStartError) {
                    continuation.resume(returning: .success(try spawn([.nowhere, .nowhere, .nowhere])))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private static let queue = DispatchQueue(label: "ipvs-agent.starts", attributes: .concurrent)

    /// What one of a program's standard descriptors is.
    enum Stream {
        case descriptor(Int32)
        case nowhere
    }

    /// Starts the program with these as its standard input, output and errors.
    func spawn(_ streams: [Stream]) throws(ProgramStartError) -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard unsafe posix_spawn_file_actions_init(&actions) == 0 else { throw ProgramStartError(code: ENOMEM) }
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        guard unsafe posix_spawnattr_init(&attributes) == 0 else { throw ProgramStartError(code: ENOMEM) }
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        for (target, stream) in streams.enumerated() {
            let target = Int32(target)
            switch stream {
            case .descriptor(let ours): try check(unsafe posix_spawn_file_actions_adddup2(&actions, ours, target))
            case .nowhere: try check(unsafe posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0))
            }
        }
        // Nothing else of what we have open is the program's, and no signal is blocked or ignored in it.
        try check(unsafe posix_spawn_file_actions_addclosefrom_np(&actions, Int32(streams.count)))
        if let directory { try check(unsafe posix_spawn_file_actions_addchdir_np(&actions, directory)) }
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let session = hasOwnSession ? SPAWN_IN_OWN_SESSION : 0
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session))
        var id: Int32 = 0
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        try check(
            unsafe withCStrings([name] + arguments) { words in
                unsafe withCStrings(variables) { variables in unsafe posix_spawnp(&id, name, &actions, &attributes, words, variables) }
            })
        // posix_spawnattr_setschedpolicy(3) knows policies, and not how nice one is. One that has ended meanwhile needs none.
        if givesWay { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(id), 19) }
        return id
    }

    private func check(_ code: Int32) throws(ProgramStartError) { if code != 0 { throw ProgramStartError(code: code) } }
}

/// Why a program was not started.
package struct ProgramStartError: Error, Hashable, CustomStringConvertible {
    var code: Int32

    /// The last error of a call.
    static var last: ProgramStartError { ProgramStartError(code: errno) }

    /// Whether there is no such program.
    package var isMissing: Bool { code == ENOENT }

    package var description: String { unsafe String(cString: strerror(code)) }
}

/// Calls with the words as C has them: pointers to each, and null at the end.
private func withCStrings<Value>(_ words: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value) -> Value {
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    unsafe pointers.append(nil)
    return unsafe pointers.withUnsafeMutableBufferPointer { buffer in
        // There is one element at least.
        guard let first = buffer.baseAddress else { preconditionFailure("an array with an element has an address") }
        return unsafe body(first)
    }
}
