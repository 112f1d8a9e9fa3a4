import Foundation

struct BenchmarkFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Programs that are run to their end.
enum Command {
    /// Runs a program, with a text on its standard input, and returns what it prints and how long it took.
    @discardableResult
    static func run(_ words: [String], input: String? = nil) throws -> (output: String, seconds: Double) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        let output = Pipe()
        process.standardOutput = output
        if let input {
            // A file, since a pipe would have to be fed while the program runs.
            let path = NSTemporaryDirectory() + "benchmark-input-\(getpid())"
            try input.write(toFile: path, atomically: false, encoding: .utf8)
            process.standardInput = FileHandle(forReadingAtPath: path)
            try FileManager.default.removeItem(atPath: path)
        }
        let began = ContinuousClock.now
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let seconds = (ContinuousClock.now - began).seconds
        guard process.terminationStatus == 0 else {
            throw BenchmarkFailure("\(words.joined(separator: " ")) ended with status \(process.terminationStatus)")
        }
        return (String(decoding: data, as: UTF8.self), seconds)
    }
}

/// A network namespace, which goes with its owner. Each run has a fresh one: a destination that was removed shortly before makes every
/// new one dearer. Estimators are off in it.
final class Namespace {
    let name = "benchmark-\(UInt32.random(in: 0...UInt32.max))"

    init() throws {
        try Command.run(["ip", "netns", "add", name])
        // Without any local address there is no local table, and IPVS takes every real server for a broadcast address (`inet_addr_type`).
        try Command.run(["ip", "-n", name, "link", "set", "lo", "up"])
        // The setting is there as soon as IPVS is; it was loaded by the lab.
        try run(["sysctl", "-qw", "net.ipv4.vs.run_estimation=0"])
    }

    deinit { _ = try? Command.run(["ip", "netns", "delete", name]) }

    func wrapped(_ words: [String]) -> [String] { ["ip", "netns", "exec", name] + words }

    @discardableResult
    func run(_ words: [String], input: String? = nil) throws -> (output: String, seconds: Double) {
        try Command.run(wrapped(words), input: input)
    }
}

/// The C program that sends and reads the same and does nothing else.
struct Floor {
    let path: String

    /// The seconds that a floor took.
    func run(_ words: [String], in namespace: Namespace) throws -> Double {
        let line = try namespace.run([path] + words).output
        guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            let seconds = object["seconds"] as? Double
        else { throw BenchmarkFailure("the floor printed no seconds: \(line)") }
        return seconds
    }
}
