import Foundation
import Testing

/// One test's stage: a topology, manifests of its own, and agents on n1. It leaves n1 as it found it.
@MainActor final class Scene {
    let topology: Topology
    let manifests: ManifestDirectory
    /// Flags of every agent and command of this scene.
    var flags: [String] = []
    /// What the agent follows; nil for the manifests.
    var source: [String]?
    let directory: String
    private var programs: [Program] = []

    private init(_ kind: Topology.Kind) async throws {
        topology = try await Topology.up(kind)
        directory = FileManager.default.temporaryDirectory.path + "/lab-scene-" + UUID().uuidString
        manifests = try ManifestDirectory(directory + "/manifests")
    }

    /// Lets a test play, and clears the stage however it ends.
    static func with(
        _ kind: Topology.Kind = .bridge, _ services: [ServiceManifest] = [], _ body: (Scene) async throws -> Void
    ) async throws {
        let scene = try await Scene(kind)
        for service in services { try scene.manifests.write(service) }
        do {
            try await body(scene)
        } catch {
            Issue.record("\(error)\n\(scene.logs)")
        }
        try await scene.clear()
    }

    private func clear() async throws {
        for program in programs {
            program.signal(SIGKILL)
            _ = try await program.result()
        }
        let cleanup = try await run("cleanup")
        if cleanup.status != 0 { Issue.record("cleanup after the test: status \(cleanup.status)\n\(cleanup.text)") }
        try FileManager.default.removeItem(atPath: directory)
    }

    private var logs: String { programs.map { "--- a program's end:\n" + ($0.output + $0.error).suffix(2000) }.joined(separator: "\n") }

    // MARK: The agent

    func arguments(_ verb: String, _ more: [String]) -> [String] {
        [
            Laboratory.agent, verb, "--runtime-directory", directory + "/run", "--hostname-override", "n1", "--cluster-cidr",
            Topology.podRanges,
        ]
            + (verb == "cleanup" ? [] : source ?? ["--manifests", manifests.path]) + flags + more
    }

    /// Runs one of the agent's commands on n1 to its end.
    func run(_ verb: String, _ more: String..., environment: [String: String] = [:]) async throws -> Program.Result {
        try await Program(arguments(verb, more), in: "n1", environment: environment).result()
    }

    /// Starts an agent on n1 and waits until all is in force.
    func startAgent(_ more: String..., environment: [String: String] = [:]) async throws -> Program {
        let agent = try start(arguments("run", more), in: "n1", environment: environment)
        try await eventually("the agent says that all is in force", within: .seconds(60)) {
            guard agent.isRunning else { throw LabFailure("the agent has ended") }
            return agent.error.contains("in force: ")
        }
        return agent
    }

    /// Starts a program that ends with the scene.
    func start(_ arguments: [String], in namespace: String, environment: [String: String] = [:]) throws -> Program {
        let program = try Program(arguments, in: namespace, environment: environment)
        programs.append(program)
        return program
    }

    // MARK: What stands on the node

    /// The kernel's table as `ipvsadm`, which is none of ours, prints it: a line a virtual or real server.
    var table: [String] {
        get async throws { try await Program.run("ipvsadm", "-Sn", in: "n1").lines.map { $0.trimmingCharacters(in: .whitespaces) } }
    }

    /// Waits until the table has a line that contains this text, or has none.
    @discardableResult
    func untilTable(has text: String, _ present: Bool = true, within limit: Duration = .seconds(15)) async throws -> Duration {
        try await eventually("the table \(present ? "has" : "has no") \(text)", within: limit) {
            try await table.contains { $0.contains(text) } == present
        }
    }
}
