import Addresses
import ArgumentParser
import Glibc
import HealthChecks
import HealthModel

/// Probes so many addresses of loopback, each at its interval, and prints one line of JSON.
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "probe", abstract: "Probe for a while, and print what it cost as JSON.")

    @Option(help: "The port that answers; the next one does not.") var port: UInt16
    @Option(help: "How many backends.") var backends = 5000
    @Option(help: "Milliseconds from one probe of a backend to the next.") var interval = 5000
    @Option(help: "How many of a hundred backends never answer.") var silent = 0
    @Option(help: "tcp or http.") var kind = CheckKind.tcp
    @Option(help: "Event loops.") var loops = 1
    @Option(help: "Seconds that are measured.") var seconds = 20

    func validate() throws {
        guard backends > 0, backends < 1 << 22, interval >= 10, (0...100).contains(silent), loops > 0, seconds > 0 else {
            throw ValidationError("a number is out of its range")
        }
    }

    func run() async throws {
        // The connection table's limit is not what is measured: on loopback, where no rule asks for it, nothing is tracked.
        var limits = ProbeLimits.ofThisNode()
        limits.countsConnections = false
        let prober = Prober(limits: limits, loops: loops)
        let running = Task { await prober.run() }
        let news = Task {
            var verdicts = (up: 0, down: 0, hindered: 0)
            for await piece in prober.news {
                if piece.hindrance != nil { verdicts.hindered += 1 }
                switch piece.verdict {
                case .up: verdicts.up += 1
                case .down: verdicts.down += 1
                case .unknown: break
                }
            }
            return verdicts
        }
        prober.change(begin: (0..<backends).map(probe), end: [])
        // The first interval is for verdicts; from then on it is even.
        try await Task.sleep(for: .milliseconds(interval + 2000))
        let before = (figures: await prober.figures(), cpu: cpuSeconds(), at: ContinuousClock.now)
        try await Task.sleep(for: .seconds(seconds))
        let after = (figures: await prober.figures(), cpu: cpuSeconds(), at: ContinuousClock.now)
        let resident = residentMiB()
        running.cancel()
        await running.value
        let verdicts = await news.value
        let passed = (after.at - before.at) / .seconds(1)
        let fields: [(String, Double)] = [
            ("rate", Double(after.figures.begun - before.figures.begun) / passed),
            ("good", Double(after.figures.good - before.figures.good)), ("bad", Double(after.figures.bad - before.figures.bad)),
            ("hindered", Double(after.figures.hindered - before.figures.hindered)),
            ("up", Double(verdicts.up)), ("down", Double(verdicts.down)), ("hindrances", Double(verdicts.hindered)),
            ("latestMilliseconds", after.figures.latest / .milliseconds(1)), ("latestShare", after.figures.latestShare),
            ("cpu", (after.cpu - before.cpu) / passed), ("residentMiB", resident), ("underWay", Double(after.figures.underWay)),
        ]
        print("{" + fields.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}")
    }

    private func probe(_ number: Int) -> Probe {
        var timing = ProbeTiming()
        timing.interval = .milliseconds(interval)
        timing.timeout = min(.seconds(2), timing.interval)
        // 127.1.0.0 and on: each its own.
        let isSilent = number % 100 < silent
        let check = HealthCheck(kind == .http || isSilent ? .http(.init()) : .tcp)
        return Probe(
            address: IPAddress(ipv4: 0x7f01_0000 + UInt32(number)), port: isSilent ? port + 1 : port, check: check, timing: timing, rise: 2,
            fall: 3)
    }

    private func cpuSeconds() -> Double {
        var usage = rusage()
        guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return 0 }
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    private func residentMiB() -> Double {
        var usage = rusage()
        // In KiB, the most that it has been.
        return unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 ? Double(usage.ru_maxrss) / 1024 : 0
    }
}
