import Foundation

/// What probing costs: many addresses of this machine's loopback, served by one process and probed by another. It needs no kernel of its own.
extension Benchmark {
    func probes() throws -> [Row] {
        guard let probeLoad else { throw BenchmarkFailure("the scenario probes needs --probe-load") }
        let port = 20_000 + Int(getpid()) % 10_000
        let server = try ProbeServer(probeLoad, port: port)
        defer { server.stop() }
        let loads: [(words: String, backends: Int, interval: Int, more: [String], target: Bool)] = [
            ("1000 TCP probes a second", 5000, 5000, [], true),
            ("1000 HTTP probes a second", 5000, 5000, ["--kind", "http"], true),
            ("1000 HTTP probes a second, a fifth of which never get an answer", 5000, 5000, ["--kind", "http", "--silent", "20"], true),
            ("10000 TCP probes a second", 10_000, 1000, ["--loops", "2"], false),
            ("10000 HTTP probes a second", 10_000, 1000, ["--kind", "http", "--loops", "2"], false),
        ]
        return try loads.flatMap { load in
            progress(load.words)
            let run = try ProbeRun(
                probeLoad,
                ["--port", "\(port)", "--backends", "\(load.backends)", "--interval", "\(load.interval)", "--seconds", "\(probeSeconds)"]
                    + load.more)
            return run.rows(load.words, isJudged: load.target)
        }
    }
}

/// What one run of the prober printed.
private struct ProbeRun: Decodable {
    var rate: Double
    var good: Double
    var bad: Double
    var hindered: Double
    var up: Double
    var down: Double
    var latestMilliseconds: Double
    var latestShare: Double
    var cpu: Double
    var residentMiB: Double

    init(_ program: String, _ words: [String]) throws {
        let output = try Command.run([program, "probe"] + words).output
        self = try JSONDecoder().decode(ProbeRun.self, from: Data(output.utf8))
    }

    func rows(_ words: String, isJudged: Bool) -> [Row] {
        let counts = "\(good.short) good, \(bad.short) bad, \(hindered.short) hindered; \(up.short) up, \(down.short) down"
        var late = Row(what: "\(words): latest start", ours: "\(latestMilliseconds.short) ms, \(rate.short) begun a second", other: counts)
        late.figure = latestShare
        if isJudged { late.target = .atMost(0.1, unit: " of the interval") }
        let cost = Row(what: "\(words): CPU, most memory", ours: "\((cpu * 100).short) % of one, \(residentMiB.short) MiB")
        return [late, cost]
    }
}

/// The servers, for as long as it is held.
private final class ProbeServer {
    private let process = Process()

    init(_ program: String, port: Int) throws {
        process.executableURL = URL(filePath: program)
        process.arguments = ["serve", "--port", "\(port)"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        guard !output.fileHandleForReading.availableData.isEmpty else { throw BenchmarkFailure("the servers did not begin") }
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
