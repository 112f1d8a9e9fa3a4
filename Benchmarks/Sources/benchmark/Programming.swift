/// The first programming of many Services, against the floors and ipvsadm.
extension Benchmark {
    func programming() throws -> [Row] {
        let manifests = try manifests(services)
        defer { manifests.remove() }
        let floor = Floor(path: floor)
        let restore = manifests.ipvsadmText
        // What the agent writes for each Service with a cluster IP: one entry in each of two sets.
        let entries = 2 * services
        var floors = (ipvs: [Double](), addresses: [Double](), sets: [Double](), sum: [Double](), files: [Double](), memory: [Double]())
        var ours = (ipvs: [Double](), addresses: [Double](), sets: [Double](), whole: [Double](), started: [Double]())
        var steps: [String: [Double]] = [:]
        var (adm, mebibytes): ([Double], [Double]) = ([], [])
        for run in 1...runs {
            // Each side once in every run, one after the other.
            let ipvs = try floor.run(["ipvs", "\(services)", "\(endpoints)", "\(batch)"], in: Namespace())
            let addressed = try Namespace()
            try addressed.run(["ip", "link", "add", "floor0", "type", "dummy"])
            let addresses = try floor.run(["addresses", "\(services)", "floor0"], in: addressed)
            let sets = try floor.run(["sets", "\(entries)"], in: Namespace())
            floors.ipvs.append(ipvs)
            floors.addresses.append(addresses)
            floors.sets.append(sets)
            floors.sum.append(ipvs + addresses + sets)
            floors.files.append(try floor.run(["files", manifests.directory], in: Namespace()))

            let agent = try AgentProcess(agent, manifests, in: Namespace())
            let (applied, line) = try agent.inForce()
            // Pages of the program and its libraries are not written to.
            let usage = try agent.usage()
            let ownMemory = usage.residentMiB - usage.fileMiB
            agent.stop()
            floors.memory.append(try floor.run(["memory", "\(Int(ownMemory))"], in: Namespace()))
            mebibytes.append(ownMemory)
            guard let applied, applied.fields["failures"] == "0" else { throw BenchmarkFailure("not every operation succeeded") }
            ours.ipvs.append(applied.seconds("ipvs-ms"))
            ours.addresses.append(applied.seconds("links-ms"))
            ours.sets.append(applied.seconds("sets-ms"))
            ours.whole.append(line.seconds("total-ms"))
            ours.started.append((line.arrived - agent.started).seconds)
            for step in ["read", "compile", "look", "plan", "apply"] { steps[step, default: []].append(line.seconds("\(step)-ms")) }
            steps["rules", default: []].append(applied.seconds("rules-ms"))

            adm.append(try Namespace().run(["ipvsadm", "-R"], input: restore).seconds)
            progress(
                "run \(run) of \(runs): floors \(ipvs.secondsText), \(addresses.secondsText), \(sets.secondsText), files "
                    + "\((floors.files.last ?? 0).secondsText), memory \((floors.memory.last ?? 0).secondsText); ours "
                    + "\((ours.ipvs.last ?? 0).secondsText), \((ours.addresses.last ?? 0).secondsText), "
                    + "\((ours.sets.last ?? 0).secondsText), whole \((ours.whole.last ?? 0).secondsText); ipvsadm \((adm.last ?? 0).secondsText)"
            )
        }
        let table = "\(services) × \(endpoints)"
        let withFiles = zip(floors.sum, floors.files).map(+)
        var rows = [
            row("IPVS, \(table)", ours.ipvs, "floor", floors.ipvs, 1.25),
            row("\(services) addresses", ours.addresses, "floor", floors.addresses, 1.5),
            row("\(entries) set entries", ours.sets, "floor", floors.sets, 1.5),
            row("whole run, \(table), from reading the manifests", ours.whole, "the floors' sum", floors.sum, 3),
            row("… against the reading of as many files, too", ours.whole, "floors and files", withFiles),
            row("… and the having of as much memory", ours.whole, "floors, files and memory", zip(withFiles, floors.memory).map(+)),
            Row(
                what: "floors of any program: open, read and close \(services) files; write to \(mebibytes.median.short) MiB once",
                ours: "",
                other: "\(floors.files.median.secondsText); \(floors.memory.median.secondsText)"),
            Row(
                what: "`ipvsadm -R` of the same table", ours: ours.ipvs.median.secondsText, other: "ipvsadm \(adm.median.secondsText)",
                figure: adm.median / ours.ipvs.median, target: .atLeast(5, unit: " ×")),
        ]
        rows.append(Row(what: "whole run, from the start of the process", ours: ours.started.median.secondsText))
        let detail = ["read", "compile", "look", "plan", "apply", "rules"].map { "\($0) \((steps[$0] ?? []).median.secondsText)" }
        rows.append(Row(what: "the whole run's steps (rules are part of apply)", ours: detail.joined(separator: ", ")))
        return rows
    }

    /// A row that compares medians.
    func row(_ what: String, _ ours: [Double], _ name: String, _ other: [Double], _ limit: Double? = nil) -> Row {
        Row(
            what: what, ours: ours.median.secondsText, other: "\(name) \(other.median.secondsText)", figure: ours.median / other.median,
            target: limit.map { .atMost($0, unit: " ×") })
    }
}
