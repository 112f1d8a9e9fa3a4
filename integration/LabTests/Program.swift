import Foundation

/// A program that was started. What it prints goes to files, so that nobody has to read along.
@MainActor final class Program {
    private let process = Process()
    private let directory: String
    private let name: String

    /// Starts a program, by name or path, in a network namespace (nil is the machine's own), with variables on top of those of the test.
    init(_ arguments: [String], in namespace: String? = nil, environment: [String: String] = [:]) throws {
        name = arguments.joined(separator: " ")
        directory = FileManager.default.temporaryDirectory.path + "/lab-program-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // nsenter and env become what they start, so the process is the program itself.
        process.executableURL = URL(filePath: namespace == nil ? "/usr/bin/env" : "/usr/bin/nsenter")
        process.arguments = (namespace.map { ["--net=/run/netns/\($0)", "--"] } ?? []) + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let outputs = try [Self.file(directory + "/output"), Self.file(directory + "/error")]
        (process.standardOutput, process.standardError) = (outputs[0], outputs[1])
        try Self.withoutBlockedSignals { try process.run() }
        // Foundation keeps them for ever, and a run of all tests starts more programs than it may have files.
        for file in outputs { try file.close() }
    }

    /// A child inherits which signals are blocked, and the threads of Swift's tasks block them all.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var (none, before) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private static func file(_ path: String) throws -> FileHandle {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        return try FileHandle(forWritingTo: URL(filePath: path))
    }

    /// What it has printed so far.
    var output: String { Self.text(directory + "/output") }
    /// What it has written to standard error so far.
    var error: String { Self.text(directory + "/error") }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    var isRunning: Bool { process.isRunning }
    var processIdentifier: Int32 { process.processIdentifier }

    func signal(_ number: Int32) { if process.isRunning { kill(process.processIdentifier, number) } }

    struct Result {
        /// The exit status; 128 and the signal's number where one ended it, as shells say it.
        var status: Int32
        var output: String
        var error: String

        /// Both outputs.
        var text: String { output + error }
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// Waits until it has ended; what takes longer than ``patience`` times the limit is killed and is a failure.
    func result(within limit: Duration = .seconds(30)) async throws -> Result {
        let deadline = ContinuousClock.now + limit * patience
        while process.isRunning {
            if ContinuousClock.now > deadline {
                signal(SIGKILL)
                throw LabFailure("not done within \(limit * patience): \(name)\n\(output)\(error)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        return Result(status: status, output: output, error: error)
    }

    /// Runs a program to its end.
    static func run(
        _ arguments: String..., in namespace: String? = nil, environment: [String: String] = [:], within limit: Duration = .seconds(30)
    ) async throws -> Result {
        try await Program(arguments, in: namespace, environment: environment).result(within: limit)
    }

    /// Runs a shell script that must succeed, and returns what it prints. One process for many commands: starting one is dear here.
    @discardableResult
    static func script(_ text: String, in namespace: String? = nil) async throws -> String {
        let result = try await run("bash", "-euc", text, in: namespace)
        guard result.status == 0 else { throw LabFailure("status \(result.status) of: \(text)\n\(result.text)") }
        return result.output
    }
}
