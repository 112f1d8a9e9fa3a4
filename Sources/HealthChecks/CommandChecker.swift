internal import NIOCore
internal import Programs
internal import Synchronization

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
            let program = Program(
                words[0], Array(words.dropFirst()),
                environment: [
                    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                    "IPVS_BACKEND_ADDRESS": address, "IPVS_BACKEND_PORT": "\(port)", CommandMark.variable: mark.value,
                ], directory: "/", hasOwnSession: true)
            let process: Int32
            do throws(ProgramStartError) {
                process = try await program.start()
            } catch {
                let name = FailureMeaning.short(words[0])
                return .hindered(error.isMissing ? "there is no program \(name)" : "\(name) could not be started: \(error)")
            }
            run.began(process)
            await ChildEnd.wait(for: process)
            // Whatever it has left behind, it was not asked to. Its number is its group's until it is reaped, and nobody else's.
            let wasEnded = run.finish()
            ProcessTree.killGroup(process)
            let ending = ChildEnd.reap(process)
            if wasEnded { await ProcessTree.aside { ProcessTree.end(mark) } }
            return Self.outcome(of: ending)
        }

        private static func outcome(of ending: Program.Ending?) -> CheckOutcome {
            switch ending {
            case .exited(0): .good
            case .exited(let status): .bad("exit status \(status)")
            case .killed(let signal): .bad("killed by signal \(signal)")
            case nil: .hindered("somebody else has taken note of its end")
            // Only what is run with a limit ends so.
            case .timedOut, .printedTooMuch, .cancelled, .notStarted: .hindered("it was not run to its end")
            }
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

    /// The first process has ended, and is about to be gone. Returns whether it had to be ended.
    func finish() -> Bool {
        state.withLock { state in
            state.isFinished = true
            return state.wasEnded
        }
    }
}
