import Foundation

/// A line of the agent's log, and when it arrived.
struct LogLine {
    var arrived: ContinuousClock.Instant
    var fields: [String: String]

    var message: String { fields["message"] ?? "" }

    /// The seconds of a field in milliseconds; 0 where there is none.
    func seconds(_ field: String) -> Double { (fields[field].flatMap(Double.init) ?? 0) / 1000 }
}

/// A running agent whose log is read as it comes.
final class AgentProcess {
    let started: ContinuousClock.Instant
    private let process = Process()
    private let log: LogReader
    /// Kept for as long as the agent runs in it.
    private let namespace: Namespace

    convenience init(_ program: String, _ manifests: Manifests, in namespace: Namespace, _ options: [String] = []) throws {
        try self.init(program, following: ["--manifests", manifests.directory], in: namespace, options)
    }

    init(_ program: String, following source: [String], in namespace: Namespace, _ options: [String] = []) throws {
        self.namespace = namespace
        let errors = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        // `ip netns exec` becomes the agent: the process is the agent's own.
        process.arguments = namespace.wrapped([program, "run"] + source + ["--log-format", "json"] + options)
        process.standardError = errors
        log = LogReader(errors.fileHandleForReading.fileDescriptor, keeping: errors)
        started = .now
        try process.run()
        try errors.fileHandleForWriting.close()
        log.start()
    }

    /// The next line with that beginning.
    func line(_ beginning: String, within limit: Duration) throws -> LogLine {
        let deadline = ContinuousClock.now + limit
        while let line = log.next(before: deadline) {
            if line.message.hasPrefix(beginning) { return line }
            try refuse(line)
        }
        throw BenchmarkFailure("the agent did not say \"\(beginning)\" within \(limit.seconds.short) s")
    }

    /// Waits until everything is in force.
    func inForce() throws -> (applied: LogLine?, line: LogLine) {
        var applied: LogLine?
        let deadline = ContinuousClock.now + .seconds(1200)
        while let line = log.next(before: deadline) {
            if line.message == "applied a change" { applied = line }
            if line.message.hasPrefix("in force") { return (applied, line) }
            try refuse(line)
        }
        throw BenchmarkFailure("the agent did not bring everything in force")
    }

    /// Figures of an agent that fails at something mean nothing.
    private func refuse(_ line: LogLine) throws {
        if line.fields["level"] == "error" { throw BenchmarkFailure("the agent says: \(line.message)") }
    }

    /// Forgets lines that have come so far.
    func clearLog() { log.clear() }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }

    deinit { if process.isRunning { stop() } }

    func usage() throws -> ProcessUsage { try ProcessUsage(of: process.processIdentifier) }
}

/// Reads lines on a thread of its own, so that the agent never waits for a reader and a line's time is that of its arrival.
private final class LogReader: @unchecked Sendable {
    private let descriptor: Int32
    private let owner: Pipe
    private let condition = NSCondition()
    private var lines: [LogLine] = []
    private var isAtEnd = false

    init(_ descriptor: Int32, keeping owner: Pipe) {
        self.descriptor = descriptor
        self.owner = owner
    }

    func start() { Thread { [self] in read() }.start() }

    func next(before deadline: ContinuousClock.Instant) -> LogLine? {
        condition.lock()
        defer { condition.unlock() }
        while lines.isEmpty, !isAtEnd {
            let left = (deadline - .now).seconds
            guard left > 0, condition.wait(until: Date(timeIntervalSinceNow: left)) else { return nil }
        }
        return lines.isEmpty ? nil : lines.removeFirst()
    }

    func clear() { condition.withLock { lines = [] } }

    private func read() {
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            let arrived = ContinuousClock.now
            guard count > 0 else { break }
            pending += buffer[..<count]
            while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let fields = (try? JSONDecoder().decode([String: String].self, from: Data(pending[..<end]))) ?? [:]
                pending.removeSubrange(...end)
                condition.withLock {
                    lines.append(LogLine(arrived: arrived, fields: fields))
                    condition.signal()
                }
            }
        }
        condition.withLock {
            isAtEnd = true
            condition.signal()
        }
    }
}

/// What a process has used so far, from /proc (see proc(5)).
struct ProcessUsage {
    var cpuSeconds = 0.0
    /// How often each of its threads has given the CPU up to wait.
    var waits: [String: Int] = [:]
    var residentMiB = 0.0
    var peakMiB = 0.0
    var fileMiB = 0.0
    var at = ContinuousClock.now

    init(of process: Int32) throws {
        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        // The name in parentheses may hold anything, so fields are counted from behind it; utime and stime are the 14th and 15th of all.
        guard let end = stat.lastIndex(of: ")") else { throw BenchmarkFailure("/proc/\(process)/stat is not what it was") }
        let fields = stat[end...].split(separator: " ")
        cpuSeconds = (fields[12...13].compactMap { Double($0) }.reduce(0, +)) / Double(sysconf(Int32(_SC_CLK_TCK)))
        let status = try Self.numbers("/proc/\(process)/status")
        residentMiB = Double(status["VmRSS"] ?? 0) / 1024
        peakMiB = Double(status["VmHWM"] ?? 0) / 1024
        fileMiB = Double(status["RssFile"] ?? 0) / 1024
        for task in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task") {
            // A thread may have ended meanwhile.
            waits[task] = (try? Self.numbers("/proc/\(process)/task/\(task)/status"))?["voluntary_ctxt_switches"]
        }
    }

    /// How often threads have waited since an earlier look. Threads come and go: of one that is gone since, nothing is known.
    func waits(since earlier: ProcessUsage) -> Int {
        waits.reduce(0) { $0 + max(0, $1.value - (earlier.waits[$1.key] ?? 0)) }
    }

    private static func numbers(_ path: String) throws -> [String: Int] {
        var numbers: [String: Int] = [:]
        for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let word = parts[1].split(whereSeparator: \.isWhitespace).first else { continue }
            numbers[String(parts[0])] = Int(word)
        }
        return numbers
    }
}
