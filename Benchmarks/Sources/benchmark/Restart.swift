/// A restart where everything stands: what it takes to see that nothing is to be done.
extension Benchmark {
    func restart() throws -> [Row] {
        let manifests = try manifests(services)
        defer { manifests.remove() }
        let namespace = try Namespace()
        let first = try AgentProcess(agent, manifests, in: namespace)
        _ = try first.inForce()
        first.stop()
        let floor = Floor(path: floor)
        var (ours, floors, whole, operations) = ([Double](), [Double](), [Double](), [Int]())
        for run in 1...runs {
            floors.append(try floor.run(["read"], in: namespace))
            let agent = try AgentProcess(agent, manifests, in: namespace)
            let line = try agent.inForce().line
            agent.stop()
            ours.append(line.seconds("look-ms") + line.seconds("plan-ms"))
            whole.append((line.arrived - agent.started).seconds)
            operations.append(line.fields["operations"].flatMap { Int($0) } ?? -1)
            progress(
                "run \(run) of \(runs): one read \((floors.last ?? 0).secondsText); ours \((ours.last ?? 0).secondsText), whole "
                    + "\((whole.last ?? 0).secondsText), \(operations.last ?? -1) operations")
        }
        let table = "\(services) × \(endpoints)"
        return [
            row("adoption after a restart, \(table): look and compare", ours, "one read", floors, 2),
            Row(
                what: "operations of that", ours: "\(operations.max() ?? -1)", figure: Double(operations.max() ?? -1),
                target: .atMost(0, unit: "")),
            Row(what: "the whole restart, with reading the manifests", ours: whole.median.secondsText),
        ]
    }
}
