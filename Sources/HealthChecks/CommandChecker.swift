internal import NIOCore
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// A program is run with the backend's address and port in its environment; exit status 0 is good.
///
/// It has a session of its own and a word of ours in its environment. At its time's end the session's process group is killed, and whoever
/// else carries the word: children that made sessions of their own, and children of theirs whose parents are gone. Only one that wiped
/// its environment too would stay.
final class CommandChecker: Checker {
    private let words: [String]
    private let address: String
    private let port: UInt16
    private let target: CheckTarget
    /// How many runs are not over, those included whose time is.
    private let unfinished: NIOLoopBoundBox<Int>

    init(_ words: [String], address: String, port: UInt16, _ target: CheckTarget) throws(CheckerProblem) {
        guard let program = words.first, program.hasPrefix("/") else {
            throw CheckerProblem("a command begins with a program's whole path")
        }
        self.words = words
        self.address = address
        self.port = port
        self.target = target
        unfinished = NIOLoopBoundBox(0, eventLoop: target.loop)
    }

    func begin(_ report: @escaping (CheckOutcome) -> Void) -> any RunningCheck {
        let check = CommandCheck(timeout: target.timeout, report: report)
        // The last one may just be on its way out; one before that hangs in the kernel, where no signal reaches it.
        guard unfinished.value < 2 else {
            report(.hindered("earlier runs of \(FailureMeaning.short(words[0])) cannot be killed"))
            return check
        }
        unfinished.value += 1
        let job = Job(words: words, address: address, port: port, run: check.run)
        let bound = NIOLoopBound(check, eventLoop: target.loop)
        Task { [unfinished] in
            let outcome = await job.carryOut()
            bound.eventLoop.execute {
                unfinished.value -= 1
                bound.value.give(outcome)
            }
        }
        return check
    }

    /// What is done off the event loop.
    private struct Job: Sendable {
        var words: [String]
        var address: String
        var port: UInt16
        var run: CommandRun

        func carryOut() async -> CheckOutcome {
            let mark = CommandMark()
            let outcome = await CommandChecker.outcome(
                of: words,
                environment: ["IPVS_BACKEND_ADDRESS": address, "IPVS_BACKEND_PORT": "\(port)", CommandMark.variable: mark.value], run: run)
            // Whatever it has left behind, it was not asked to.
            let group = run.finish()
            let wasEnded = run.wasEnded
            await ProcessTree.aside { ProcessTree.end(group: group, mark: wasEnded ? mark : nil) }
            return outcome
        }
    }

    fileprivate static func outcome(of words: [String], environment: [String: String], run: CommandRun) async -> CheckOutcome {
        var options = PlatformOptions()
        options.createSession = true
        var variables: [Environment.Key: String] = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
        ]
        for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
        let configuration = Configuration(
            executable: .path(FilePath(words[0])), arguments: Arguments(Array(words.dropFirst())), environment: .custom(variables),
            workingDirectory: "/", platformOptions: options)
        do {
            let result = try await Subprocess.run(configuration, input: .none, output: .discarded, error: .discarded) { execution in
                run.began(execution.processIdentifier.value)
            }
            switch result.terminationStatus {
            case .exited(0): return .good
            case .exited(let status): return .bad("exit status \(status)")
            case .signaled(let signal): return .bad("killed by signal \(signal)")
            }
        } catch let error as SubprocessError where error.code == .executableNotFound {
            return .hindered("there is no program \(FailureMeaning.short(words[0]))")
        } catch {
            return .hindered("\(FailureMeaning.short(words[0])) could not be started: \(FailureMeaning.short("\(error)"))")
        }
    }
}

/// The side of a command that the event loop holds.
private final class CommandCheck: RunningCheck {
    let run = CommandRun()
    private let timeout: Duration
    private var report: ((CheckOutcome) -> Void)?

    init(timeout: Duration, report: @escaping (CheckOutcome) -> Void) {
        self.timeout = timeout
        self.report = report
    }

    var silence: CheckOutcome {
        // A machine that is too busy to start a program has not asked the backend anything.
        run.hasBegun
            ? .bad("still running after \(timeout.short), and killed") : .hindered("it could not be started within \(timeout.short)")
    }

    func give(_ outcome: CheckOutcome) {
        let report = report
        self.report = nil
        report?(outcome)
    }

    func end() {
        report = nil
        run.end()
    }
}

/// A process that may have to be killed before it is known, and must not be after it is gone.
final class CommandRun: Sendable {
    private struct State {
        var group: Int32?
        var wasEnded = false
        var isFinished = false
    }

    private let state = Mutex(State())

    var hasBegun: Bool { state.withLock { $0.group != nil } }

    var wasEnded: Bool { state.withLock { $0.wasEnded } }

    func began(_ group: Int32) {
        state.withLock { state in
            state.group = group
            if state.wasEnded { ProcessTree.killGroup(group) }
        }
    }

    func end() {
        state.withLock { state in
            state.wasEnded = true
            // Not after it is gone: its number may be another's by then.
            if !state.isFinished, let group = state.group { ProcessTree.killGroup(group) }
        }
    }

    /// The first process is gone. Returns its group, which may hold others.
    func finish() -> Int32? {
        state.withLock { state in
            state.isFinished = true
            return state.group
        }
    }
}
