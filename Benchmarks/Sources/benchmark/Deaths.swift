import Foundation

/// Real servers that die under a constant load of clients, with the agent probing them, and then with keepalived doing so.
///
/// A client, the balancer and the servers have a network namespace each. A server dies as a machine without power does, and
/// comes back. Both balancers see the same deaths at the same times under the same load, and probe at equal intervals.
extension Benchmark {
    func deathsOfServers() throws -> [Row] {
        guard let deathsProgram else { throw BenchmarkFailure("the scenario deaths needs --deaths-program") }
        progress("\(deaths) deaths with the agent")
        let ours = try run(deathsProgram) { try AgentUnderDeaths(agent, $0) }
        guard (try? Command.run(["sh", "-c", "command -v keepalived"])) != nil else {
            throw BenchmarkFailure("keepalived is not installed: integration/install-packages bench")
        }
        progress("\(deaths) deaths with keepalived")
        return rows(ours, try run(deathsProgram) { try Keepalived($0) })
    }

    /// The same for whoever balances.
    private func run(_ program: String, _ balancing: (DeathLab) throws -> any Balancing) throws -> DeathRun {
        let lab = try DeathLab()
        let servers = try Recorded(
            lab.servers.wrapped([program, "serve", DeathLab.server(0), "\(DeathPlan.servers)", "\(DeathLab.serverPort)"]))
        defer { servers.stop() }
        try servers.waitFor("ready")
        let balancer = try balancing(lab)
        defer { balancer.stop() }
        let watch = try Recorded(lab.balancer.wrapped([program, "watch", "4"]))
        defer { watch.stop() }
        Thread.sleep(forTimeInterval: DeathPlan.settling)
        let seconds = Int((Double(deaths) * DeathPlan.spacing + DeathPlan.lasting + 3).rounded(.up))
        let load = try Recorded(
            lab.clients.wrapped([
                program, "load", DeathLab.address, "\(DeathLab.port)", "\(deathRate)", "\(seconds)", "\(Int(DeathPlan.patience * 1000))",
            ]))
        defer { load.stop() }
        let began = ContinuousClock.now + .seconds(1)
        for (time, command) in DeathPlan.commands(deaths) {
            let left = (began + .seconds(time) - .now).seconds
            if left > 0 { Thread.sleep(forTimeInterval: left) }
            try servers.tell(command)
        }
        try load.waitFor("done")
        return try DeathRun(servers: servers.lines, weights: watch.lines, load: load.lines, verdicts: balancer.verdicts())
    }

    private func rows(_ ours: DeathRun, _ theirs: DeathRun) -> [Row] {
        func row(_ what: String, _ words: (DeathRun) -> String) -> Row {
            Row(what: what, ours: words(ours), other: "keepalived: \(words(theirs))")
        }
        let bound = DeathPlan.bound
        let longest = ours.drained.max() ?? .nan
        let latest = ours.verdicts.percentile(0.99)
        return [
            Row(what: "verdict to acknowledged weight 0, of \(ours.verdicts.count) told: median", ours: ours.verdicts.median.secondsText),
            Row(
                what: "the same: 99th percentile", ours: latest.secondsText, figure: latest * 1000, target: .atMost(50, unit: " ms")),
            row("death to drained: median") { $0.drained.median.secondsText },
            row("death to drained: 99th percentile") { $0.drained.percentile(0.99).secondsText },
            Row(
                what: "death to drained: longest (fall × interval + timeout is \(bound.secondsText))", ours: longest.secondsText,
                other: "keepalived: \((theirs.drained.max() ?? .nan).secondsText)", figure: longest * 1000,
                target: .atMost((bound + 0.05) * 1000, unit: " ms")),
            row("deaths that were drained") { "\($0.drained.count) of \($0.deaths)" },
            row("failed requests, of \(deathRate) a second") { "\($0.failures) of \($0.requests)" },
            row("requests answered after more than 0.3 s") { "\($0.slow)" },
            row("failed requests that began while every dead server was drained") { "\($0.strays)" },
            row("latest start of a request") { $0.latest.secondsText },
        ]
    }
}

/// What came of one run.
struct DeathRun {
    var deaths = 0
    /// Seconds from each death to the first look at the kernel's table that shows no weight.
    var drained: [Double] = []
    var verdicts: [Double]
    var requests = 0
    var failures = 0
    var slow = 0
    /// Failures that no undrained dead server explains.
    var strays = 0
    var latest = 0.0

    /// From lines such as `died 3 NANOSECONDS`, `weight NANOSECONDS 10.1.1.4 0`, `failed BEGAN ENDED why`, `done 9 1 NANOSECONDS`.
    init(servers: [[Substring]], weights: [[Substring]], load: [[Substring]], verdicts: [Double]) throws {
        self.verdicts = verdicts
        var changes: [String: [(time: Int, weight: Int)]] = [:]
        for line in weights where line.first == "weight" && line.count == 4 {
            if let time = Int(line[1]), let weight = Int(line[3]) { changes[String(line[2]), default: []].append((time, weight)) }
        }
        // When a server was dead and yet asked.
        var harmful: [ClosedRange<Int>] = []
        for (index, line) in servers.enumerated() where line.first == "died" && line.count == 3 {
            guard let server = Int(line[1]), let died = Int(line[2]) else { continue }
            deaths += 1
            let lived = servers[index...].first { $0.first == "lived" && $0[1] == line[1] }.flatMap { Int($0[2]) } ?? .max
            let rested = changes[DeathLab.server(server)]?.first { $0.time >= died && $0.weight <= 0 }?.time ?? .max
            if rested < lived { drained.append(Double(rested - died) / 1e9) }
            // A request that was under way at that moment is lost, too.
            harmful.append(died - 100_000_000...min(lived, rested))
        }
        for line in load {
            switch line.first {
            case "slow": slow += 1
            case "failed":
                guard let began = Int(line[1]) else { continue }
                if !harmful.contains(where: { $0.contains(began) }) { strays += 1 }
            case "done":
                guard line.count == 4, let answered = Int(line[1]), let failed = Int(line[2]), let late = Int(line[3]) else { continue }
                (requests, failures, latest) = (answered + failed, failed, Double(late) / 1e9)
            default: break
            }
        }
        guard deaths > 0, requests > 0 else { throw BenchmarkFailure("nothing died, or nothing was asked") }
    }
}
