import ArgumentParser
import CommandSupport
import Glibc
import NearNames

extension OutputOptions {
    /// Prints what a look shows, once or again and again. `look` is told whether colours are wanted.
    func show(_ look: () async throws -> some Report) async throws {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var isFirst = true
        repeat {
            let text = try await look().text(self, style: output == .table || output == .wide ? .standard : .plain)
            // Clears the screen and goes to its corner (ECMA-48: ED, CUP), so that the new picture stands where the old one did.
            if watch, isTerminal {
                StandardOutput.write("\u{1b}[H\u{1b}[2J")
            } else if !isFirst, output == .table || output == .wide {
                StandardOutput.write("\n")
            }
            if !text.isEmpty { StandardOutput.write(text + "\n") }
            isFirst = false
            if watch { try await Task.sleep(for: .seconds(interval)) }
        } while watch
    }
}

/// Something that can be printed in every format.
protocol Report {
    func text(_ options: OutputOptions, style: Style) throws -> String
}

extension ItemList: Report {
    func text(_ options: OutputOptions, style: Style) throws -> String {
        var listing = self
        if let column = options.sort {
            do throws(SortProblem) {
                try listing.sort(by: column)
            } catch {
                throw CommandFailure(
                    "there is no column \(error.option)\(NearNames.suggestion(for: error.option, among: error.columns)) (\(error.columns.joined(separator: ", ")))",
                    status: ExitStatus.invalid)
            }
        }
        return try listing.text(options.output, style: style)
    }
}

/// Writes to standard output, all of it. A reader that has gone (`| head`) ends the program quietly, as it does others.
enum StandardOutput {
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { Glibc.exit(errno == EPIPE ? 0 : 1) }
            bytes.removeFirst(written)
        }
    }
}
