import Foundation
import Testing

extension LabTests {
    /// Every kind of Service from every kind of client: does it connect, where does it land, and whose address does the server see.
    ///
    /// What comes out is compared with `docs/reachability.md`, which `make reachability` writes.
    @Suite @MainActor struct Reachability {
        private static let document = Laboratory.package + "/docs/reachability.md"

        @Test func theMatrixIsTheDocuments() async throws {
            var matrix = ReachabilityMatrix()
            for network in Topology.Kind.allCases { try await run(network, into: &matrix) }
            let text = matrix.text
            if let directory = ProcessInfo.processInfo.environment["IPVS_LAB_RESULTS"], !directory.isEmpty {
                try text.write(toFile: directory + "/reachability.md", atomically: true, encoding: .utf8)
                return
            }
            let written = try String(contentsOfFile: Self.document, encoding: .utf8)
            if written == text { return }
            let (old, new) = (Set(written.split(separator: "\n")), Set(text.split(separator: "\n")))
            Issue.record(
                """
                docs/reachability.md says otherwise; if what it is now is right, `make reachability` writes it.
                only there:\n\(old.subtracting(new).sorted().joined(separator: "\n"))
                only now:\n\(new.subtracting(old).sorted().joined(separator: "\n"))
                """)
        }

        private func run(_ network: Topology.Kind, into matrix: inout ReachabilityMatrix) async throws {
            try await Scene.with(network, ReachabilityCase.all.map(\.manifest)) { scene in
                try scene.manifests.write(Self.nodes, to: "nodes.yaml")
                try await ReachabilityStage.build()
                _ = try await scene.startAgent()
                let other = scene.arguments("run", []).map {
                    $0 == "n1" ? "n2" : $0 == scene.directory + "/run" ? scene.directory + "/run-n2" : $0
                }
                let agent = try scene.start(other, in: "n2")
                try await eventually("the other node's agent says that all is in force", within: .seconds(60)) {
                    agent.error.contains("in force: ")
                }
                try await ask(Self.requests, on: network, scene, into: &matrix)
                // What was not answered is asked once more: a node may have been slow, or have kept a refusal back (the kernel sends so many a
                // second).
                let unanswered = matrix.unanswered
                try await ask(
                    { client, network in
                        Self.requests(of: client, on: network).filter {
                            unanswered[client]?.contains(String($0.prefix { $0 != " " })) == true
                        }
                    }, on: network, scene, into: &matrix)
                agent.signal(SIGTERM)
                _ = try await agent.result()
                let cleanup = try await Program(
                    other.filter { $0 != "--manifests" && $0 != scene.manifests.path }.map { $0 == "run" ? "cleanup" : $0 }, in: "n2"
                ).result()
                #expect(cleanup.status == 0, "\(cleanup.text)")
            }
            try await ReachabilityStage.remove()
        }

        /// Has all clients send their requests side by side.
        private func ask(
            _ requests: (ReachabilityClient, Topology.Kind) -> [String], on network: Topology.Kind, _ scene: Scene,
            into matrix: inout ReachabilityMatrix
        ) async throws {
            var programs: [(ReachabilityClient, Program)] = []
            for client in ReachabilityClient.allCases {
                let path = scene.directory + "/\(client)"
                try requests(client, network).joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
                let command = ["bash", "-c", "exec \"$0\" list <\"$1\"", Laboratory.peer, path]
                programs.append((client, try scene.start(command, in: client.namespace)))
            }
            for (client, program) in programs {
                let result = try await program.result(within: .seconds(300))
                #expect(result.status == 0, "\(result.error)")
                matrix.take(result.lines, of: client, on: network)
            }
        }

        /// Each client begins at another place, so that no two go through one virtual server side by side.
        private static func requests(of client: ReachabilityClient, on network: Topology.Kind) -> [String] {
            let variants = ReachabilityVariant.all.filter { $0.network == network }
            let lines = ReachabilityCase.all.filter { client.asks(for: $0.entrance) }.flatMap { one in
                variants.map { variant in
                    let bind = client.source(variant.isIPv6).map { " --bind \($0)" } ?? ""
                    return "\(one.number)/\(variant.isIPv6 ? 6 : 4)/\(variant.transport.rawValue) \(variant.transport.verb) "
                        + "\(one.address(variant, for: client)) \(one.port(variant.transport)) --count 4 --timeout 1500\(bind)"
                }
            }
            let place = lines.count * (ReachabilityClient.allCases.firstIndex(of: client) ?? 0) / ReachabilityClient.allCases.count
            return Array(lines[place...] + lines[..<place])
        }

        private static let nodes = (0..<2).map { index in
            """
            apiVersion: v1
            kind: Node
            metadata: {name: n\(index + 1)}
            spec: {podCIDRs: ["10.244.\(index).0/24", "fd00:10:244:\(index)::/64"]}
            status:
              addresses:
                - {type: InternalIP, address: "192.0.2.\(10 + index)"}
                - {type: InternalIP, address: "2001:db8:1::\(10 + index)"}

            """
        }.joined(separator: "---\n")
    }
}
