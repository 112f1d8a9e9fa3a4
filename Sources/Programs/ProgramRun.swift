import Dispatch
import Glibc
import Synchronization

extension Program {
    /// What came of a program that was run to its end.
    package struct Outcome: Sendable {
        package var ending: Ending
        package var output = ""
        package var errors = ""
    }

    /// Runs the program with this to read, for so many seconds at most, and takes so many bytes of what it prints: with more of output it is
    /// ended; more of errors is dropped. Cancelled, it is told to end. When this returns it is gone, but for one that the kernel itself
    /// holds. What it has started itself may go on.
    package func run(_ input: String = "", seconds: Int, outputLimit: Int, errorLimit: Int = 0) async -> Outcome {
        await ProgramRun(self, input, outputLimit: outputLimit, errorLimit: errorLimit).end(within: seconds)
    }
}

/// A program that runs beside us, from its start to its end.
private final class ProgramRun: Sendable {
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
    private let program: Program
    private let input: String
    private let outputLimit: Int
    private let errorLimit: Int

    /// Programs are waited for here, and not by threads that all tasks share.
    private static let queue = DispatchQueue(label: "ipvs-agent.programs", attributes: .concurrent)
    /// How long a program has to end once it was told to.
    private static let grace = Duration.seconds(1)
    /// How often to look whether a program has ended whose outputs somebody else still holds.
    private static let glance = Duration.milliseconds(50)

    init(_ program: Program, _ input: String, outputLimit: Int, errorLimit: Int) {
        (self.program, self.input, self.outputLimit, self.errorLimit) = (program, input, outputLimit, errorLimit)
    }

    func end(within seconds: Int) async -> Program.Outcome {
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

    private func carryOut(_ seconds: Int) -> Program.Outcome {
        do throws(ProgramStartError) {
            var output = try ProgramOutput(limit: outputLimit)
            var errors = try ProgramOutput(limit: errorLimit)
            guard try start(output, errors) else { return Program.Outcome(ending: .cancelled) }
            output.closeTheirs()
            errors.closeTheirs()
            return followToTheEnd(seconds, &output, &errors)
        } catch {
            return Program.Outcome(ending: .notStarted(error))
        }
    }

    private func followToTheEnd(_ seconds: Int, _ output: inout ProgramOutput, _ errors: inout ProgramOutput) -> Program.Outcome {
        var ending: Program.Ending
        if let status = wait(until: .now + .seconds(seconds), &output, &errors) {
            ending = Program.Ending(waitStatus: status)
        } else {
            ending = output.isOverfull ? .printedTooMuch(limit: outputLimit) : .timedOut(seconds: seconds)
            stop(&output, &errors)
        }
        if life.withLock({ $0.isCancelled }) { ending = .cancelled }
        return Program.Outcome(ending: ending, output: output.text, errors: errors.text.trimmed)
    }

    /// Starts it, unless it was cancelled before.
    private func start(_ output: borrowing ProgramOutput, _ errors: borrowing ProgramOutput) throws(ProgramStartError) -> Bool {
        let input = try ProgramInput(input)
        let streams: [Program.Stream] = [.descriptor(input.descriptor), .descriptor(output.theirs), .descriptor(errors.theirs)]
        return try life.withLock { (life) throws(ProgramStartError) in
            guard !life.isCancelled else { return false }
            life.state = .running(try program.spawn(streams))
            return true
        }
    }

    /// Reads what the program says until it has ended, and returns how it did; nil where its time is up, or it says too much.
    private func wait(until deadline: ContinuousClock.Instant, _ output: inout ProgramOutput, _ errors: inout ProgramOutput) -> Int32? {
        var status: Int32?
        while true {
            // Its outputs end with it, unless it has handed them on.
            let left = deadline - .now
            let patience = status == nil ? max(.zero, min(left, Self.glance)) : .zero
            let hasSpoken = ProgramOutput.read(&output, &errors, for: patience)
            if output.isOverfull { return nil }
            if let status, !hasSpoken { return status }
            status = status ?? reap()
            if status == nil, left <= .zero { return nil }
        }
    }

    /// Has the program end, and then makes it.
    private func stop(_ output: inout ProgramOutput, _ errors: inout ProgramOutput) {
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
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}
