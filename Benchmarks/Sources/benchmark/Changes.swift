import Foundation

/// From a file's rename to the kernel's acknowledgement, among few Services and among many.
extension Benchmark {
    private struct Latency {
        var size: Int
        var seconds: [Double] = []
        var costs: Set<String> = []
        /// Changes that the agent took together with another, so that its line tells of more than one.
        var cost: String { costs.sorted().joined(separator: " / ") }
    }

    func latency() throws -> [Row] {
        var (alone, looking): ([Latency], [Latency]) = ([], [])
        for size in sizeList.sorted() {
            let manifests = try manifests(size)
            defer { manifests.remove() }
            let namespace = try Namespace()
            alone.append(try changes(manifests, namespace, []))
            // The agent looks at the kernel again as soon as the last look is a second old.
            looking.append(try changes(manifests, namespace, ["--ipvs-sync-period", "1s"]))
        }
        return rows(alone, "alone") + rows(looking, "during looks at the whole kernel") + [costRow(alone + looking)]
    }

    private func changes(_ manifests: Manifests, _ namespace: Namespace, _ options: [String]) throws -> Latency {
        let agent = try AgentProcess(agent, manifests, in: namespace, options)
        defer { agent.stop() }
        _ = try agent.inForce()
        Thread.sleep(forTimeInterval: 2)
        var latency = Latency(size: manifests.services)
        // The first ones warm up.
        for number in 0..<changes + 10 {
            agent.clearLog()
            let began = try manifests.change(number * 7919 % manifests.services, version: number + 1 + (options.isEmpty ? 0 : 1 << 16))
            let line = try agent.line("applied a change", within: .seconds(120))
            if number >= 10 {
                latency.seconds.append((line.arrived - began).seconds)
                latency.costs.insert(
                    ["operations", "messages", "sends", "processes"].map { "\(line.fields[$0] ?? "?") \($0)" }.joined(separator: ", "))
            }
            // Changes fall at different times within the agent's own periods.
            Thread.sleep(forTimeInterval: 0.02 + Double(number % 7) / 200)
        }
        progress(
            "\(manifests.services) Services \(options.joined(separator: " ")): median \(latency.seconds.median.secondsText), 99th percentile "
                + "\(latency.seconds.percentile(0.99).secondsText); \(latency.cost)")
        return latency
    }

    private func rows(_ latencies: [Latency], _ when: String) -> [Row] {
        guard let least = latencies.first else { return [] }
        let figures: [(String, ([Double]) -> Double)] = [("median", { $0.median }), ("99th percentile", { $0.percentile(0.99) })]
        return figures.flatMap { name, of in
            latencies.enumerated().map { index, latency in
                Row(
                    what: "one changed endpoint among \(latency.size), \(when): \(name)", ours: of(latency.seconds).secondsText,
                    other: index == 0 ? "" : "among \(least.size)", figure: index == 0 ? nil : of(latency.seconds) / of(least.seconds),
                    target: index == 0 ? nil : .atMost(1.5, unit: " ×"))
            }
        }
    }

    private func costRow(_ latencies: [Latency]) -> Row {
        let costs = latencies.reduce(into: Set<String>()) { $0.formUnion($1.costs) }
        return Row(
            what: "what one changed endpoint costs, all sizes", ours: costs.sorted().joined(separator: " / "), other: "kinds of cost",
            figure: Double(costs.count), target: .atMost(1, unit: ""))
    }
}
