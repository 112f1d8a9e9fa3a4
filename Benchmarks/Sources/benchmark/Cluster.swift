import Foundation

/// From a cluster's API to the kernel's acknowledgement: everything at the start, one slice, and a hundred slices a second.
extension Benchmark {
    func kubernetes() throws -> [Row] {
        guard let apiServer else {
            progress("no --api-server: left out")
            return []
        }
        var rows: [Row] = []
        var medians: [Double] = []
        for size in [10, services].sorted() {
            let namespace = try Namespace()
            let server = try ClusterProcess(apiServer, services: size, endpoints: endpoints, in: namespace)
            defer { server.stop() }
            let agent = try AgentProcess(
                agent, following: server.flags, in: namespace, ["--hostname-override", "n1", "--ipvs-sync-period", "10m"])
            defer { agent.stop() }
            let line = try agent.inForce().line
            let memory = try agent.usage()
            if size == services {
                rows += [
                    Row(
                        what: "\(size) Services of a cluster, from the first request to the last acknowledgement",
                        ours: line.seconds("total-ms").secondsText, other: "of that, to list \(line.seconds("read-ms").secondsText)"),
                    Row(
                        what: "resident memory then", ours: "\(memory.residentMiB.short) MiB, peak \(memory.peakMiB.short)",
                        figure: memory.peakMiB, target: .atMost(200, unit: " MiB")),
                ]
            }
            let seconds = try events(server, agent, size)
            medians.append(seconds.median)
            let isMore = medians.count > 1
            rows += [
                Row(
                    what: "one EndpointSlice event among \(size): median", ours: seconds.median.secondsText,
                    other: isMore ? "among 10" : "",
                    figure: isMore ? seconds.median / medians[0] : nil, target: isMore ? .atMost(1.5, unit: " ×") : nil),
                Row(what: "one EndpointSlice event among \(size): 99th percentile", ours: seconds.percentile(0.99).secondsText),
            ]
            if size == services { rows.append(try crowd(server, agent, size)) }
        }
        return rows
    }

    /// From an event's sending to the kernel's acknowledgement.
    private func events(_ server: ClusterProcess, _ agent: AgentProcess, _ size: Int) throws -> [Double] {
        var seconds: [Double] = []
        Thread.sleep(forTimeInterval: 2)
        // The first ones warm up.
        for number in 0..<changes + 10 {
            agent.clearLog()
            let began = try server.change(number * 7919 % size, version: number + 1)
            let line = try agent.line("applied a change", within: .seconds(120))
            if number >= 10 { seconds.append((line.arrived - began).seconds) }
            Thread.sleep(forTimeInterval: 0.02 + Double(number % 7) / 200)
        }
        return seconds
    }

    /// What a crowd of events costs.
    private func crowd(_ server: ClusterProcess, _ agent: AgentProcess, _ size: Int) throws -> Row {
        let before = try agent.usage()
        let began = ContinuousClock.now
        let count = idleSeconds * loadRate
        for number in 0..<count {
            waitForTurn(number, since: began)
            _ = try server.change(number * 7919 % size, version: 100_000 + number)
        }
        let after = try agent.usage()
        let share = (after.cpuSeconds - before.cpuSeconds) / (after.at - before.at).seconds * 100
        return Row(what: "\(loadRate) EndpointSlice events a second for \(idleSeconds) s: CPU", ours: "\(share.short) % of one")
    }
}

/// A running API server for tests, with a cluster of its own making.
private final class ClusterProcess {
    private static let port = 16443
    private let process = Process()
    private let input = Pipe()
    private let kubeconfig: String
    private let namespace: Namespace

    init(_ program: String, services: Int, endpoints: Int, in namespace: Namespace) throws {
        self.namespace = namespace
        kubeconfig = FileManager.default.temporaryDirectory.path + "/benchmark-kubeconfig-\(getpid())"
        try Data(
            """
            current-context: c
            contexts: [{name: c, context: {cluster: c, user: c}}]
            clusters: [{name: c, cluster: {server: "http://127.0.0.1:\(Self.port)"}}]
            users: [{name: c, user: {}}]
            """.utf8
        ).write(to: URL(filePath: kubeconfig))
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = namespace.wrapped([program, "generate", "\(Self.port)", "\(services)", "\(endpoints)"])
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        progress("generating \(services) Services of \(endpoints) endpoints each")
        guard let line = try output.fileHandleForReading.read(upToCount: 6), line == Data("ready\n".utf8) else {
            throw BenchmarkFailure("the API server for tests does not start")
        }
    }

    /// What makes an agent follow it.
    var flags: [String] { ["--kubernetes", "--kubeconfig", kubeconfig] }

    /// Changes a Service's slice, and says when.
    func change(_ index: Int, version: Int) throws -> ContinuousClock.Instant {
        let line = Data("\(index) \(version)\n".utf8)
        let began = ContinuousClock.now
        try input.fileHandleForWriting.write(contentsOf: line)
        return began
    }

    func stop() {
        try? input.fileHandleForWriting.close()
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: kubeconfig)
    }
}
