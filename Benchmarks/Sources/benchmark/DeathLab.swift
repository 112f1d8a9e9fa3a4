import Foundation

/// Which server dies when, and how all are probed.
enum DeathPlan {
    static let servers = 40
    static let interval = 0.5
    static let timeout = 0.3
    static let (rise, fall) = (2, 2)
    /// From one death to the next.
    static let spacing = 0.5
    /// How long a server stays dead: long enough to be found out.
    static let lasting = 6.0
    /// How long probes have before the first death.
    static let settling = 6.0
    /// The longest that a death may stay undetected.
    static var bound: Double { Double(fall) * interval + timeout }
    /// How long a client waits: a SYN is sent again after 1 s and after 3 s.
    static let patience = 4.0

    /// What the servers are told, and when.
    static func commands(_ deaths: Int) -> [(time: Double, command: String)] {
        let all = (0..<deaths).flatMap { death in
            let (begins, server) = (Double(death) * spacing, death * 7 % servers)
            return [(begins, "die \(server)"), (begins + lasting, "live \(server)")]
        }
        return all.sorted { $0.0 < $1.0 }
    }
}

/// Three namespaces in a row: clients, the balancer, servers.
final class DeathLab {
    static let (address, port, serverPort) = ("10.96.0.1", 80, 8080)
    let clients: Namespace
    let balancer: Namespace
    let servers: Namespace

    init() throws {
        (clients, balancer, servers) = (try Namespace(), try Namespace(), try Namespace())
        try Command.run(
            ["ip", "-batch", "-"],
            input: """
                link add c0 netns \(clients.name) type veth peer name c1 netns \(balancer.name)
                link add s0 netns \(servers.name) type veth peer name s1 netns \(balancer.name)

                """)
        try configure(clients, ["addr add 10.0.0.2/24 dev c0", "link set c0 up", "route add default via 10.0.0.1"])
        try configure(
            balancer, ["addr add 10.0.0.1/24 dev c1", "addr add 10.1.0.1/16 dev s1", "link set c1 up", "link set s1 up"])
        try configure(
            servers,
            (0..<DeathPlan.servers).map { "addr add \(Self.server($0))/16 dev s0" } + ["link set s0 up", "route add default via 10.1.0.1"])
        try balancer.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    }

    static func server(_ number: Int) -> String { "10.1.1.\(number + 1)" }

    private func configure(_ namespace: Namespace, _ lines: [String]) throws {
        try Command.run(["ip", "-n", namespace.name, "-batch", "-"], input: lines.map { $0 + "\n" }.joined())
    }
}

/// Who balances and probes.
protocol Balancing {
    /// The seconds from verdicts to their acknowledgement, where the balancer tells.
    func verdicts() throws -> [Double]
    func stop()
}

final class AgentUnderDeaths: Balancing {
    private let agent: AgentProcess
    private let directory: String

    init(_ program: String, _ lab: DeathLab) throws {
        directory = NSTemporaryDirectory() + "benchmark-deaths-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(Self.manifest.utf8).write(to: URL(filePath: directory + "/all.yaml"))
        agent = try AgentProcess(program, following: ["--manifests", directory], in: lab.balancer, ["--hostname-override", "balancer"])
        _ = try agent.inForce()
    }

    private static var manifest: String {
        let endpoints = (0..<DeathPlan.servers).map {
            "  - addresses: [\"\(DeathLab.server($0))\"]\n    conditions: {ready: true}\n"
        }
        return """
            apiVersion: v1
            kind: Service
            metadata: {name: web}
            spec:
              clusterIP: \(DeathLab.address)
              selector: {app: web}
              ports: [{name: http, port: \(DeathLab.port), targetPort: \(DeathLab.serverPort)}]
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: web-a, labels: {kubernetes.io/service-name: web}}
            addressType: IPv4
            ports: [{name: http, port: \(DeathLab.serverPort), protocol: TCP}]
            endpoints:
            \(endpoints.joined())---
            apiVersion: ipvs-agent.dev/v1alpha1
            kind: HealthPolicy
            metadata: {name: web}
            spec:
              services: [default/web]
              check: {type: tcp}
              interval: \(Int(DeathPlan.interval * 1000))ms
              timeout: \(Int(DeathPlan.timeout * 1000))ms
              rise: \(DeathPlan.rise)
              fall: \(DeathPlan.fall)

            """
    }

    func verdicts() throws -> [Double] {
        var seconds: [Double] = []
        while let line = try? agent.line("applied verdicts", within: .seconds(1)) {
            // One line tells of all verdicts that were in hand, with the time of the oldest.
            if let down = line.fields["down"].flatMap(Int.init), down > 0 { seconds.append(line.seconds("verdict-ms")) }
        }
        return seconds
    }

    func stop() {
        agent.stop()
        try? FileManager.default.removeItem(atPath: directory)
    }
}

/// keepalived with its own settings, and checks of the same kind at equal intervals. It leaves the weight 0 to what is down
/// (`inhibit_on_failure`), so that connections which stand go on as they do with the agent.
final class Keepalived: Balancing {
    private let process: Recorded
    private let configuration: String

    init(_ lab: DeathLab) throws {
        try lab.balancer.run(["ip", "addr", "add", DeathLab.address + "/32", "dev", "lo"])
        configuration = NSTemporaryDirectory() + "benchmark-keepalived-\(getpid()).conf"
        // Its checks that follow a failure run from end to start.
        let pause = DeathPlan.interval - DeathPlan.timeout
        let servers = (0..<DeathPlan.servers).map {
            """
              real_server \(DeathLab.server($0)) \(DeathLab.serverPort) {
                weight 1
                inhibit_on_failure
                TCP_CHECK {
                  connect_timeout \(DeathPlan.timeout)
                  retry \(DeathPlan.fall - 1)
                  delay_before_retry \(pause.short)
                }
              }

            """
        }
        let text = """
            virtual_server \(DeathLab.address) \(DeathLab.port) {
              delay_loop \(DeathPlan.interval)
              lvs_sched rr
              lvs_method NAT
              protocol TCP
            \(servers.joined())}

            """
        try Data(text.utf8).write(to: URL(filePath: configuration))
        process = try Recorded(
            lab.balancer.wrapped([
                "keepalived", "--dont-fork", "--check", "--log-console", "--use-file", configuration, "--pid", configuration + ".pid",
                "--checkers_pid", configuration + ".checkers",
            ]))
        for _ in 0..<100 {
            if try lab.balancer.run(["cat", "/proc/net/ip_vs"]).output.contains("->") { return }
            Thread.sleep(forTimeInterval: 0.1)
        }
        throw BenchmarkFailure("keepalived did not begin: \(process.lines.suffix(5).map { $0.joined(separator: " ") })")
    }

    func verdicts() -> [Double] { [] }

    func stop() {
        process.stop()
        try? FileManager.default.removeItem(atPath: configuration)
    }
}

/// A program whose output is kept in a file, and that is told lines.
final class Recorded {
    private let process = Process()
    private let input = Pipe()
    private let path = NSTemporaryDirectory() + "benchmark-output-\(UInt64.random(in: 0...UInt64.max))"

    init(_ words: [String]) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), let output = FileHandle(forWritingAtPath: path) else {
            throw BenchmarkFailure("cannot write \(path)")
        }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
        try process.run()
    }

    /// Its output so far, in words.
    var lines: [[Substring]] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map { $0.split(separator: " ") }
    }

    func tell(_ line: String) throws { try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8)) }

    /// Waits for a line that begins with this word, or for the program's end.
    func waitFor(_ word: String) throws {
        while !lines.contains(where: { $0.first.map(String.init) == word }) {
            guard process.isRunning else { throw BenchmarkFailure("a program ended before it said \"\(word)\"") }
            Thread.sleep(forTimeInterval: 0.2)
        }
    }

    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: path)
    }
}
