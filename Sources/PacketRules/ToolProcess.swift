import CProcess
import Dispatch
import Glibc
import Synchronization

/// A program that runs beside us, from its start to its end.
///
/// It is started by posix_spawn(3), which has the child use our memory until it is that program. A fork would have each page of our memory
/// copied that is written to next: with many Services that costs more than the tools of iptables do, and the loop waits for it.
final class ToolProcess: Sendable {
    private enum State {
        case waiting
        case running(pid_t)
        case over
    }

    private struct Life {
        var state = State.waiting
        var isCancelled = false
    }

    private let life = Mutex(Life())
    private let run: ToolRun

    /// Programs are waited for here, and not by threads that all tasks share.
    private static let queue = DispatchQueue(label: "ipvs-agent.tools", attributes: .concurrent)
    /// How long a program has to end once it was told to.
    private static let grace = Duration.seconds(1)
    /// How often to look whether a program has ended whose outputs somebody else still holds.
    private static let glance = Duration.milliseconds(50)

    init(_ run: ToolRun) { self.run = run }

    /// Runs the program for so many seconds at most. When this returns it is gone, but for one that the kernel itself holds.
    func end(within seconds: Int) async -> ToolRun.Result {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                Self.queue.async { continuation.resume(returning: self.carryOut(seconds)) }
            }
        } onCancel: {
            life.withLock { life in
                life.isCancelled = true
                if case .running(let id) = life.state { _ = kill(id, SIGTERM) }
            }
        }
    }

    // MARK: On a thread of its own

    private func carryOut(_ seconds: Int) -> ToolRun.Result {
        do throws(ToolStartError) {
            var output = try ToolOutput(limit: ToolRun.outputLimit)
            var errors = try ToolOutput(limit: ToolRun.messageLimit)
            try start(output, errors)
            output.closeTheirs()
            errors.closeTheirs()
            return followToTheEnd(seconds, &output, &errors)
        } catch {
            return ToolRun.Result(cause: Self.cause(of: error))
        }
    }

    private func followToTheEnd(_ seconds: Int, _ output: inout ToolOutput, _ errors: inout ToolOutput) -> ToolRun.Result {
        var cause: RuleError.Cause?
        if let status = wait(until: .now + .seconds(seconds), &output, &errors) {
            cause = Self.cause(of: status)
        } else {
            cause = output.isOverfull ? .notRun("it printed more than \(ToolRun.outputLimit) bytes") : .timedOut(seconds: seconds)
            stop(&output, &errors)
        }
        if life.withLock({ $0.isCancelled }) { cause = .notRun("cancelled") }
        return ToolRun.Result(cause: cause, output: output.text, message: errors.text.trimmed)
    }

    private func start(_ output: borrowing ToolOutput, _ errors: borrowing ToolOutput) throws(ToolStartError) {
        let input = try ToolInput(run.input)
        let code = life.withLock { life -> Int32 in
            guard !life.isCancelled else { return ECANCELED }
            var id: pid_t = 0
            let code = run.spawn(&id, [input.descriptor, output.theirs, errors.theirs])
            if code == 0 { life.state = .running(id) }
            return code
        }
        guard code == 0 else { throw ToolStartError(code: code) }
    }

    /// Reads what the program says until it has ended, and returns how it did; nil where its time is up, or it says too much.
    private func wait(until deadline: ContinuousClock.Instant, _ output: inout ToolOutput, _ errors: inout ToolOutput) -> Int32? {
        var status: Int32?
        while true {
            // Its outputs end with it, unless it has handed them on.
            let left = deadline - .now
            let patience = status == nil ? max(.zero, min(left, Self.glance)) : .zero
            let hasSpoken = ToolOutput.read(&output, &errors, for: patience)
            if output.isOverfull { return nil }
            if let status, !hasSpoken { return status }
            status = status ?? reap()
            if status == nil, left <= .zero { return nil }
        }
    }

    /// Has the program end, and then makes it.
    private func stop(_ output: inout ToolOutput, _ errors: inout ToolOutput) {
        for signal in [SIGTERM, SIGKILL] {
            life.withLock { if case .running(let id) = $0.state { _ = kill(id, signal) } }
            output.forget()
            if wait(until: .now + Self.grace, &output, &errors) != nil { return }
        }
        // Not even that has ended it: the kernel holds it. Its end is waited for elsewhere.
        Self.queue.async { [self] in while reap() == nil { sleep(1) } }
    }

    /// How it ended, if it has. Under the lock, since its number may be another's afterwards.
    private func reap() -> Int32? {
        life.withLock { life in
            guard case .running(let id) = life.state else { return 0 }
            var status: Int32 = 0
            let found = unsafe waitpid(id, &status, WNOHANG)
            // Somebody else has taken note of its end where it is no child any more.
            guard found != 0 else { return nil }
            life.state = .over
            return found == id ? status : 0
        }
    }

    private static func cause(of error: ToolStartError) -> RuleError.Cause {
        switch error.code {
        case ENOENT: .toolMissing
        case ECANCELED: .notRun("cancelled")
        default: .notRun(error.description)
        }
    }

    /// See wait(2): the lowest seven bits are the signal, the next byte the status.
    private static func cause(of status: Int32) -> RuleError.Cause? {
        if status & 0x7f != 0 { return .killed(signal: status & 0x7f) }
        let status = status >> 8 & 0xff
        return status == 0 ? nil : .failed(status: status)
    }
}

extension ToolRun {
    /// Starts the program with these as its standard input, output and errors; returns 0 or an error number.
    fileprivate func spawn(_ id: inout pid_t, _ descriptors: [Int32]) -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard unsafe posix_spawn_file_actions_init(&actions) == 0, unsafe posix_spawnattr_init(&attributes) == 0 else { return ENOMEM }
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        for (target, descriptor) in descriptors.enumerated() {
            let code = unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
            if code != 0 { return code }
        }
        // Nothing else of what we have open is the program's, and no signal is blocked or ignored in it.
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        let code = unsafe posix_spawn_file_actions_addclosefrom_np(&actions, Int32(descriptors.count))
        if code != 0 { return code }
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        return unsafe withCStrings([path] + arguments) { words in
            unsafe withCStrings(["PATH=\(directory)", "LC_ALL=C"]) { variables in
                unsafe posix_spawn(&id, path, &actions, &attributes, words, variables)
            }
        }
    }
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

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}
