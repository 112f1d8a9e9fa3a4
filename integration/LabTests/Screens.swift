import Foundation
import Testing

extension LabTests {
    /// `top` and `--watch` in a real terminal, that of tmux: 80 × 24, keys pressed as a person would.
    @Suite @MainActor struct Screens {
        private static let socket = "ipvsctl-screens"

        private static func tmux(_ arguments: String...) async throws -> String {
            let result = try await Program(
                ["tmux", "-L", socket, "-f", "/dev/null"] + arguments, environment: ["LC_ALL": "C.UTF-8", "TERM": "xterm-256color"]
            ).result()
            guard result.status == 0 else { throw LabFailure("tmux \(arguments): \(result.text)") }
            return result.output
        }

        private static func screen(colours: Bool = false) async throws -> String {
            colours ? try await tmux("capture-pane", "-e", "-p", "-t", "top") : try await tmux("capture-pane", "-p", "-t", "top")
        }

        /// Waits for a screen that fits, which none of another width does.
        @discardableResult private static func until(_ what: String, _ isSo: (String) -> Bool) async throws -> String {
            try await eventually("the screen shows \(what)", within: .seconds(60)) { isSo(try await screen()) }
            let shown = try await screen()
            let lines = shown.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.allSatisfy { $0.count <= 80 }, "\(shown)")
            return shown
        }

        /// Keeps the screen as a picture, where whoever runs the tests wants results.
        private static func keep(_ name: String) async throws {
            guard let results = ProcessInfo.processInfo.environment["IPVS_LAB_RESULTS"], !results.isEmpty else { return }
            let text = try await screen(colours: true)
            try Data(text.utf8).write(to: URL(filePath: "\(results)/\(name).screen"))
            try await Program.script(
                "\(Laboratory.package)/integration/screen-picture 80 <\(results)/\(name).screen >\(results)/\(name).svg")
        }

        private static func press(_ keys: String...) async throws {
            for key in keys { _ = try await tmux("send-keys", "-t", "top", key) }
        }

        private static func open(_ command: String) async throws {
            _ = try await tmux("new-session", "-d", "-s", "top", "-x", "80", "-y", "24", "\(command); echo it ended with $?; sleep 600")
        }

        private static func close() async throws { _ = try await tmux("kill-server") }

        @Test func keysDoWhatTheyPromise() async throws {
            let services = ["alpha", "beta", "gamma"].enumerated().map { place, name in
                ServiceManifest(name: name, addresses: ["10.96.0.\(40 + place)"])
            }
            try await Scene.with(.bridge, services) { scene in
                _ = try await scene.startAgent()
                let socket = scene.directory + "/run/agent.sock"
                try await Self.open("nsenter --net=/run/netns/n1 \(Laboratory.control) top --interval 1 --socket \(socket)")
                _ = try await scene.load("10.96.0.41", connections: 12)
                try await Self.until("names") { $0.contains("default/alpha:80") && $0.contains("6 virtual servers") }
                // The one with connections comes first when sorted by connections that stand.
                try await Self.press("s")
                try await Self.press("s")
                try await Self.press("s")
                try await Self.press("s")
                try await Self.until("that it is sorted by active connections") { screen in
                    screen.contains("s sort (active)") && Self.first(screen).hasPrefix("default/beta:7 ")
                }
                try await Self.keep("top")
                try await Self.press("r")
                try await Self.until("the reverse") { !Self.first($0).hasPrefix("default/beta:7 ") }
                try await Self.press("r")
                try await Self.press("/")
                for letter in ["b", "e", "t", "a"] { try await Self.press(letter) }
                try await Self.until("the search") { $0.contains("search: beta_") && $0.contains("2 virtual servers") }
                try await Self.keep("top-search")
                try await Self.press("Enter")
                try await Self.press("Down")
                try await Self.press("Enter")
                try await Self.until("the real servers") { $0.contains("4 real servers") && $0.contains("10.244.0.11:7") }
                try await Self.press("Down")
                try await Self.press("d")
                try await Self.until("the question") { $0.contains("drain ") && $0.contains("y for yes") }
                try await Self.keep("top-drain")
                try await Self.press("n")
                try await Program.script("sysctl -qw net.ipv4.vs.run_estimation=0", in: "n1")
                try await Self.until("that rates stand still") { $0.contains("rates stand still: the kernel's estimator is off") }
                try await Self.keep("top-estimator")
                try await Program.script("sysctl -qw net.ipv4.vs.run_estimation=1", in: "n1")
                try await Self.until("that they go on") { !$0.contains("rates stand still") }
                try await Self.press("Escape")
                try await Self.until("all again") { $0.contains("6 virtual servers") }
                try await Self.press("q")
                try await Self.until("the end") { $0.contains("it ended with 0") }
                try await Self.close()
            }
        }

        /// The first line below the heading of the columns.
        private static func first(_ screen: String) -> String {
            let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
            return lines.indices.contains(4) ? String(lines[4]) : ""
        }

        @Test func watchShowsChanges() async throws {
            try await Scene.with(.bridge) { _ in
                try await Program.script("ipvsadm -A -t 192.0.2.77:80 -s rr", in: "n1")
                try await Self.open(
                    "nsenter --net=/run/netns/n1 \(Laboratory.control) get services --watch --interval 0.5 --no-agent")
                try await Self.until("the first") { $0.contains("tcp 192.0.2.77:80") && !$0.contains("192.0.2.78") }
                try await Program.script("ipvsadm -A -t 192.0.2.78:80 -s wrr", in: "n1")
                try await Self.until("the second in its place") {
                    $0.contains("tcp 192.0.2.78:80") && $0.components(separatedBy: "tcp 192.0.2.77:80").count == 2
                }
                try await Self.keep("watch")
                try await Self.press("C-c")
                try await Self.until("the end") { $0.contains("it ended with 130") }
                try await Self.close()
                try await Program.script("ipvsadm -C", in: "n1")
            }
        }

        @Test func tenThousandServicesAreUsable() async throws {
            try await Scene.with(.bridge) { scene in
                let lines = (0..<10_000).map { "-A -t 10.97.\($0 / 250).\($0 % 250 + 1):80 -s rr" }
                let file = scene.directory + "/table"
                try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
                try await Program.script("ipvsadm -R <\(file)", in: "n1")
                try await Self.open("nsenter --net=/run/netns/n1 \(Laboratory.control) top --interval 1 --no-agent")
                try await Self.until("them all") { $0.contains("10000 virtual servers") }
                try await Self.press("End")
                try await Self.until("the last") { $0.contains("tcp 10.97.39.250:80") }
                try await Self.press("/")
                for letter in ["9", "7", ".", "7", ".", "7", ":"] { try await Self.press(letter) }
                try await Self.until("the one that is searched for") { $0.contains("1 virtual server ") }
                try await Self.keep("top-many")
                try await Self.press("Enter")
                try await Self.press("q")
                try await Self.until("the end") { $0.contains("it ended with 0") }
                try await Self.close()
                try await Program.script("ipvsadm -C", in: "n1")
            }
        }
    }
}
