import Foundation

extension Benchmark {
    /// A listing of everything, ours against `ipvsadm -Ln`, one after the other on the same table.
    func listing() throws -> [Row] {
        guard let control else { throw BenchmarkFailure("the scenario listing needs --control, an ipvsctl built for release") }
        let namespace = try Namespace()
        try namespace.run(["ipvsadm", "-R"], input: Self.table(services: services, endpoints: endpoints))
        var times: (ours: [Double], theirs: [Double]) = ([], [])
        for _ in 0..<runs {
            let theirs = try namespace.run(["ipvsadm", "-Ln"])
            let ours = try namespace.run([control, "get", "services", "--no-agent"])
            let counted = ours.output.split(separator: "\n").count - 1
            guard counted == services, theirs.output.split(separator: "\n").count == 3 + services * (1 + endpoints) else {
                throw BenchmarkFailure("a listing is not whole: \(counted) of \(services) virtual servers")
            }
            times.ours.append(ours.seconds)
            times.theirs.append(theirs.seconds)
        }
        let (ours, theirs) = (times.ours.median, times.theirs.median)
        return [
            Row(
                what: "list \(services) virtual servers × \(endpoints)", ours: ours.secondsText,
                other: "ipvsadm -Ln: \(theirs.secondsText)",
                figure: theirs / ours, target: .atLeast(5, unit: " ×"))
        ]
    }

    private static func table(services: Int, endpoints: Int) -> String {
        func address(_ first: Int, _ number: Int) -> String { "\(first).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)" }
        var text = ""
        for service in 0..<services {
            text += "-A -t \(address(10, service)):80 -s rr\n"
            for endpoint in 0..<endpoints {
                text += "-a -t \(address(10, service)):80 -r \(address(11, service * endpoints + endpoint)):8080 -m -w 1\n"
            }
        }
        return text
    }
}
