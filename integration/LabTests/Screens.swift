import Foundation
import Testing

/// A terminal of 80 × 24, as tmux has it. Its server is a program of the scene and ends with it.
@MainActor private struct ScreenTerminal {
    private let socket: String

    init(_ scene: Scene) async throws {
        socket = scene.directory + "/tmux"
        // In the foreground: one that goes to the background keeps what its starter waits for.
        let server = try scene.start(["tmux", "-S", socket, "-f", "/dev/null", "-D"], in: "n1", environment: Self.environment)
        let path = socket
        try await eventually("tmux takes commands") {
            guard server.isRunning else { throw LabFailure("tmux has ended: \(server.error)") }
            return FileManager.default.fileExists(atPath: path)
        }
    }

    private static let environment = ["LC_ALL": "C.UTF-8", "TERM": "xterm-256color"]

    private func tmux(_ arguments: [String]) async throws -> String {
        let result = try await Program(["tmux", "-S", socket] + arguments, environment: Self.environment).result()
        guard result.status == 0 else { throw LabFailure("tmux \(arguments): \(result.text)") }
        return result.output
    }

    /// Runs ipvsctl in the terminal; below its screen it is said how it ended. The shell outlives what interrupts it.
    func open(_ words: String) async throws {
        _ = try await tmux([
            "new-session", "-d", "-s", "screen", "-x", "80", "-y", "24",
            "trap : INT; \(Laboratory.control) \(words); echo it ended with $?; sleep 6000",
        ])
    }

    func close() async throws { _ = try await tmux(["kill-session", "-t", "screen"]) }

    func press(_ keys: String...) async throws { _ = try await tmux(["send-keys", "-t", "screen"] + keys) }

    /// Types a text, letter by letter.
    func type(_ text: String) async throws { _ = try await tmux(["send-keys", "-t", "screen"] + text.map(String.init)) }

    /// Waits for a screen that fits, none of which is wider than the terminal, and returns its lines.
    @discardableResult
    func until(_ what: String, _ isSo: ([String]) -> Bool) async throws -> [String] {
        var lines: [String] = []
        do {
            try await eventually("the screen shows \(what)", within: .seconds(30)) {
                lines = try await tmux(["capture-pane", "-p", "-t", "screen"])
                    .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                return isSo(lines)
            }
        } catch {
            throw LabFailure("\(error):\n\(lines.joined(separator: "\n"))")
        }
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.joined(separator: "\n"))")
        return lines
    }

    func untilThere(_ text: String) async throws { try await until(text) { $0.contains { $0.contains(text) } } }
}

extension LabTests {
    /// `top` and `--watch` in a real terminal, with keys pressed as a person would.
    @Suite @MainActor struct Screens {
        /// The first line below the heading of the columns.
        private static func first(_ lines: [String]) -> String { lines.indices.contains(4) ? lines[4] : "" }

        @Test func keysDoWhatTheyPromise() async throws {
            let services = ["alpha", "beta", "gamma"].enumerated().map { place, name in
                ServiceManifest(name: name, addresses: ["10.96.0.\(40 + place)"])
            }
            try await Scene.with(.bridge, services) { scene in
                scene.flags = ["--drain-timeout", "300s", "--state-directory", scene.directory + "/state"]
                _ = try await scene.startAgent()
                let terminal = try await ScreenTerminal(scene)
                try await terminal.open("top --interval 1 --socket \(scene.directory)/run/agent.sock")
                let counts = try await scene.load("10.96.0.41", connections: 12)
                #expect(counts.values.reduce(0, +) == 12)
                try await terminal.untilThere("default/alpha:80")
                try await terminal.untilThere("6 virtual servers")
                // By connections per second, packets, bytes, name and then by those that stand.
                for order in ["packets", "bytes", "name", "active"] {
                    try await terminal.press("s")
                    try await terminal.untilThere("s sort (\(order))")
                }
                try await terminal.until("the one with connections first") { Self.first($0).hasPrefix("default/beta:7 ") }
                try await terminal.press("r")
                try await terminal.until("the reverse") { !Self.first($0).hasPrefix("default/beta:7 ") }
                try await terminal.press("r")
                try await terminal.type("/beta:7")
                try await terminal.until("the search") { $0[0].contains("1 virtual server ") && $0[2].hasPrefix("search: beta:7_") }
                try await terminal.press("Enter", "Down", "Enter")
                try await terminal.until("its real servers") { $0[0].contains("default/beta, ") && $0[0].contains("4 real servers") }

                // The key drains what is chosen, after a question.
                try await terminal.press("Down")
                try await terminal.press("d")
                let asked = try await terminal.until("the question") { $0[2].hasPrefix("drain ") && $0[2].contains("y for yes") }
                let server = String(asked[2].dropFirst("drain ".count).prefix { $0 != "?" })
                #expect(Topology.endpoints4.map { $0 + ":7" }.contains(server), "\(server)")
                try await terminal.press("n")
                try await terminal.until("no question") { !$0[2].contains("y for yes") }
                #expect(try await scene.line(server, of: "-t 10.96.0.41:7")?.hasSuffix("-w 1") == true, "nothing was said")
                try await terminal.press("d")
                try await terminal.untilThere("y for yes")
                try await terminal.press("y")
                try await scene.untilTable(has: "-t 10.96.0.41:7 -r \(server) -m -w 0")
                try await terminal.until("that it drains") { $0.contains { $0.hasPrefix(server) && $0.contains(" w 0 ") } }
                let drains = try await scene.control("get", "drains")
                #expect(drains.lines.contains { $0.contains(server) && $0.contains("\"ipvsctl top\"") }, "\(drains.text)")
                #expect(try await scene.control("ready", "default/beta/\(server)", "--wait").status == 0)
                try await terminal.until("that it is back") { $0.contains { $0.hasPrefix(server) && $0.contains(" w 1 ") } }

                // What was said of the drain stays until the next key.
                try await terminal.press("Up")
                try await Program.script("sysctl -qw net.ipv4.vs.run_estimation=0", in: "n1")
                try await terminal.untilThere("rates stand still: the kernel's estimator is off")
                try await Program.script("sysctl -qw net.ipv4.vs.run_estimation=1", in: "n1")
                try await terminal.until("that they go on") { !$0[2].contains("rates stand still") }
                try await terminal.press("Escape")
                try await terminal.untilThere("6 virtual servers")
                try await terminal.press("q")
                try await terminal.until("what stood there before, and the end") { $0[0] == "it ended with 0" }
            }
        }

        @Test func tenThousandServicesAndAWatchAreUsable() async throws {
            try await Scene.with(.bridge) { scene in
                let lines = (0..<10_000).map { "-A -t 10.97.\($0 / 250).\($0 % 250 + 1):80 -s rr" }
                let file = scene.directory + "/table"
                try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
                try await Program.script("ipvsadm -R <\(file)", in: "n1")
                let terminal = try await ScreenTerminal(scene)
                try await terminal.open("top --interval 1 --no-agent")
                try await terminal.untilThere("10000 virtual servers")
                try await terminal.press("End")
                try await terminal.untilThere("tcp 10.97.39.250:80")
                try await terminal.type("/10.97.7.7:")
                try await terminal.until("the one that is searched for") {
                    $0[0].contains("1 virtual server ") && Self.first($0).hasPrefix("tcp 10.97.7.7:80 ")
                }
                try await terminal.press("Enter", "q")
                try await terminal.untilThere("it ended with 0")
                try await terminal.close()
                try await Program.script("ipvsadm -C; ipvsadm -A -t 192.0.2.77:80 -s rr", in: "n1")

                // A new picture stands where the old one did.
                try await terminal.open("get services --watch --interval 0.5 --no-agent")
                try await terminal.until("the first") { lines in
                    lines.contains { $0.hasPrefix("tcp 192.0.2.77:80 ") } && !lines.contains { $0.contains("192.0.2.78") }
                }
                try await Program.script("ipvsadm -A -t 192.0.2.78:80 -s wrr", in: "n1")
                let shown = try await terminal.until("the second") { $0.contains { $0.hasPrefix("tcp 192.0.2.78:80 ") } }
                #expect(shown.count { $0.hasPrefix("tcp 192.0.2.77:80 ") } == 1 && shown[0].hasPrefix("VIRTUAL SERVER"), "\(shown)")
                try await terminal.press("C-c")
                try await terminal.untilThere("it ended with 130")
                try await terminal.close()
                try await Program.script("ipvsadm -C", in: "n1")
            }
        }
    }
}
