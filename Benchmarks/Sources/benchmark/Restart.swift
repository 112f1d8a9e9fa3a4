/// A restart where everything stands: what it takes to see that nothing is to be done.
extension Benchmark {
    /// What a start is made of, as the agent's log names it.
    private static let steps = ["read", "compile", "look", "plan", "apply"]

    func restart() throws -> [Row] {
        let manifests = try manifests(services)
        defer { manifests.remove() }
        let namespace = try Namespace()
        let first = try AgentProcess(agent, manifests, in: namespace)
        _ = try first.inForce()
        first.stop()
        let floor = Floor(path: floor)
        var (ours, floors, whole, operations) = ([Double](), [Double](), [Double](), [Int]())
        var steps: [String: [Double]] = [:]
        for run in 1...runs {
            floors.append(try floor.run(["read"], in: namespace))
            let agent = try AgentProcess(agent, manifests, in: namespace)
            let line = try agent.inForce().line
            agent.stop()
            ours.append(line.seconds("look-ms") + line.seconds("plan-ms"))
            whole.append((line.arrived - agent.started).seconds)
            for step in Self.steps { steps[step, default: []].append(line.seconds("\(step)-ms")) }
            operations.append(line.fields["operations"].flatMap { Int($0) } ?? -1)
            progress(
                "run \(run) of \(runs): one read \((floors.last ?? 0).secondsText); ours \((ours.last ?? 0).secondsText), whole "
                    + "\((whole.last ?? 0).secondsText), read \(line.seconds("read-ms").secondsText), \(operations.last ?? -1) operations")
        }
        let table = "\(services) × \(endpoints)"
        return [
            row("adoption after a restart, \(table): look and compare", ours, "one read", floors, 2),
            Row(
                what: "operations of that", ours: "\(operations.max() ?? -1)", figure: Double(operations.max() ?? -1),
                target: .atMost(0, unit: "")),
            Row(what: "the whole restart, with reading the manifests", ours: whole.median.secondsText),
            Row(
                what: "the restart's steps",
                ours: Self.steps.map { "\($0) \((steps[$0] ?? []).median.secondsText)" }.joined(separator: ", ")),
        ]
    }
}
