import Foundation

/// What an agent costs that has nothing to do, and one that always has.
extension Benchmark {
    func idle() throws -> [Row] {
        let manifests = try manifests(services)
        defer { manifests.remove() }
        let agent = try AgentProcess(agent, manifests, in: Namespace())
        defer { agent.stop() }
        _ = try agent.inForce()
        Thread.sleep(forTimeInterval: 5)
        progress("watching an idle agent for \(idleSeconds) s")
        let before = try agent.usage()
        var (after, waits) = (before, 0)
        for _ in 0..<idleSeconds {
            Thread.sleep(forTimeInterval: 1)
            let now = try agent.usage()
            waits += now.waits(since: after)
            after = now
        }
        let seconds = (after.at - before.at).seconds
        let table = "\(services) × \(endpoints)"
        return [
            Row(
                what: "idle, \(table), \(idleSeconds) s: CPU",
                ours: "\(((after.cpuSeconds - before.cpuSeconds) / seconds * 100).short) % of one"),
            Row(what: "idle: wake-ups a second", ours: (Double(waits) / seconds).short),
            Row(
                what: "resident memory at \(table)",
                ours: "\(after.residentMiB.short) MiB (\(after.fileMiB.short) of files), peak \(after.peakMiB.short)",
                figure: after.residentMiB, target: .atMost(100, unit: " MiB")),
        ]
    }

    /// Waits until it is the turn of one of many a second: somewhere in its part of the second, so that they are not in step with the kernel's tick,
    /// by which a process's time is counted.
    func waitForTurn(_ number: Int, since began: ContinuousClock.Instant) {
        let due = began + .seconds((Double(number) + Double.random(in: 0..<1)) / Double(loadRate))
        let pause = (due - .now).seconds
        if pause > 0 { Thread.sleep(forTimeInterval: pause) }
    }

    func load() throws -> [Row] {
        let manifests = try manifests(services)
        defer { manifests.remove() }
        let agent = try AgentProcess(agent, manifests, in: Namespace())
        defer { agent.stop() }
        _ = try agent.inForce()
        Thread.sleep(forTimeInterval: 2)
        var version = 0
        func change(for seconds: Int) throws {
            let began = ContinuousClock.now
            for number in 0..<seconds * loadRate {
                waitForTurn(number, since: began)
                version += 1
                _ = try manifests.change(number * 7919 % services, version: version)
                if number % (loadRate * 30) == 0 {
                    agent.clearLog()
                    progress("\(number / loadRate) of \(seconds) s, \(try agent.usage().residentMiB.short) MiB resident")
                }
            }
        }
        // The first seconds fill what is kept for reuse; from then on memory is to be flat.
        try change(for: min(30, max(1, loadSeconds / 10)))
        let before = try agent.usage()
        try change(for: loadSeconds)
        let after = try agent.usage()
        agent.clearLog()
        let seconds = (after.at - before.at).seconds
        let rate = Double(loadSeconds * loadRate) / seconds
        return [
            Row(
                what: "\(loadRate) changes a second for \(loadSeconds) s among \(services) Services: CPU",
                ours: "\(((after.cpuSeconds - before.cpuSeconds) / seconds * 100).short) % of one", other: "\(rate.short) written a second"),
            Row(
                what: "resident memory after that", ours: "\(after.residentMiB.short) MiB", other: "before \(before.residentMiB.short) MiB",
                figure: after.residentMiB / before.residentMiB, target: .atMost(1.05, unit: " ×")),
        ]
    }
}
