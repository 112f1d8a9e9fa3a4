import Subprocess

/// A program that is to be run, and what came of it.
struct ToolRun: Sendable {
    var path: String
    var arguments: [String]
    var input = ""

    struct Result: Sendable {
        var cause: RuleError.Cause?
        var output = ""
        var message = ""
    }

    /// How a tool is run; tests put their own in its place.
    typealias Runner = @Sendable (ToolRun) async -> Result

    /// What the tools print at most: 100,000 rules of 160 bytes.
    static let outputLimit = 16 << 20

    /// Runs the program for so many seconds at most. There is no shell, and nothing of our environment but the path.
    static func runner(seconds: Int) -> Runner {
        { run in
            await withTaskGroup(of: Result?.self) { group in
                group.addTask { await start(run) }
                group.addTask {
                    do { try await Task.sleep(for: .seconds(seconds)) } catch { return nil }
                    return Result(cause: .timedOut(seconds: seconds))
                }
                defer { group.cancelAll() }
                // The first of the two to end: the tool, or its time. Cancelled, the tool is told to end and then made to.
                while let first = await group.next() {
                    if let result = first { return result }
                }
                return Result(cause: .notRun("cancelled"))
            }
        }
    }

    private static func start(_ run: ToolRun) async -> Result {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
        // The program is found by its name in the directory where it was seen: a path would need the types of swift-system here.
        guard let slash = run.path.lastIndex(of: "/") else { return Result(cause: .toolMissing) }
        do {
            let result = try await Subprocess.run(
                .name(String(run.path[run.path.index(after: slash)...])), arguments: Arguments(run.arguments),
                environment: .custom(["PATH": String(run.path[..<slash]), "LC_ALL": "C"]), platformOptions: options,
                input: .string(run.input), output: .string(limit: outputLimit), error: .string(limit: 1 << 16))
            let message = result.standardError.trimmed
            let cause: RuleError.Cause? =
                switch result.terminationStatus {
                case .exited(0): nil
                case .exited(let status): .failed(status: status)
                case .signaled(let signal): .killed(signal: signal)
                }
            return Result(cause: cause, output: result.standardOutput, message: message)
        } catch let error as SubprocessError where error.code == .executableNotFound {
            return Result(cause: .toolMissing)
        } catch {
            return Result(cause: .notRun("\(error)"))
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
