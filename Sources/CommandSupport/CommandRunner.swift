package import ArgumentParser
import Glibc

/// The version of both programs.
package enum Version {
    package static let text = "0.1.0"
}

/// The exit statuses of both programs.
package enum ExitStatus {
    package static let success = ExitCode(0)
    package static let failure = ExitCode(1)
    /// Wrong usage or invalid input.
    package static let invalid = ExitCode(2)
    /// A plan, or a difference, that is not empty.
    package static let different = ExitCode(3)
    /// A privilege, a kernel feature or a tool is missing.
    package static let unavailable = ExitCode(4)
}

/// Something that ends a program: what is wrong, in a sentence, and the status to exit with.
package struct CommandFailure: Error, CustomStringConvertible {
    package let description: String
    package let status: ExitCode

    package init(_ description: String, status: ExitCode = ExitStatus.failure) {
        self.description = description
        self.status = status
    }
}

extension ParsableCommand {
    /// Parses the arguments, runs the command, and exits as `ExitStatus` says. `prepare` comes between the two, in the caller's thread.
    package static func runToExit(
        _ arguments: [String]? = nil, prepare: (any ParsableCommand) throws -> Void = { _ in }
    ) async -> Never {
        Glibc.exit(await status(arguments, prepare).rawValue)
    }

    private static func status(_ arguments: [String]?, _ prepare: (any ParsableCommand) throws -> Void) async -> ExitCode {
        do {
            var command = try parseAsRoot(arguments)
            try prepare(command)
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            return ExitStatus.success
        } catch let failure as CommandFailure {
            if !failure.description.isEmpty { printError("error: \(failure)") }
            return failure.status
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code.isSuccess { print(message) } else if !message.isEmpty { printError(message) }
            // The parser's own status for wrong usage is 64.
            return code == .validationFailure ? ExitStatus.invalid : code
        }
    }
}

/// Says what is wrong and ends the program with its status.
package func exit(_ failure: CommandFailure) -> Never {
    printError("error: \(failure)")
    Glibc.exit(failure.status.rawValue)
}

/// Writes a line for a person to standard error.
package func printError(_ text: String) {
    var bytes = Array((text + "\n").utf8)[...]
    while !bytes.isEmpty {
        let written = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { return }
        bytes.removeFirst(written)
    }
}
