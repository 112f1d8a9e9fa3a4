import Programs

/// A tool that is to be run, and what came of it.
struct ToolRun: Sendable {
    var path: String
    var arguments: [String]
    var input = ""
    /// Whether it gives way to everything else that wants the processor.
    var givesWay = false

    struct Result: Sendable {
        var cause: RuleError.Cause?
        var output = ""
        var message = ""
    }

    /// How a tool is run; tests put their own in its place.
    typealias Runner = @Sendable (ToolRun) async -> Result

    /// What the tools print at most: 100,000 rules of 160 bytes.
    static let outputLimit = 16 << 20

    /// What is kept of their errors.
    static let messageLimit = 1 << 16

    /// Runs the tool for so many seconds at most. There is no shell, and nothing of our environment but the path. Cancelled, it is told to end.
    static func runner(seconds: Int) -> Runner {
        { run in
            let directory = run.path.lastIndex(of: "/").map { String(run.path[..<$0]) } ?? ""
            let outcome = await Program(run.path, run.arguments, environment: ["PATH": directory, "LC_ALL": "C"], givesWay: run.givesWay)
                .run(run.input, seconds: seconds, outputLimit: outputLimit, errorLimit: messageLimit)
            return Result(cause: RuleError.Cause(outcome.ending), output: outcome.output, message: outcome.errors)
        }
    }
}

extension RuleError.Cause {
    /// Nil where the tool has done what it was asked.
    init?(_ ending: Program.Ending) {
        switch ending {
        case .exited(0): return nil
        case .exited(let status): self = .failed(status: status)
        case .killed(let signal): self = .killed(signal: signal)
        case .timedOut(let seconds): self = .timedOut(seconds: seconds)
        case .printedTooMuch(let limit): self = .notRun("it printed more than \(limit) bytes")
        case .cancelled: self = .notRun("cancelled")
        case .notStarted(let error): self = error.isMissing ? .toolMissing : .notRun(error.description)
        }
    }
}
