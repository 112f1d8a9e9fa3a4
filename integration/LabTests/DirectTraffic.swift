import Testing

extension LabTests {
    /// Traffic that no Service has to do with.
    @Suite @MainActor struct DirectTraffic {
        /// Between pods that talk directly nothing is translated, whatever is asked for: not the address and not the port.
        @Test(arguments: Topology.Kind.allCases) func directTrafficIsNotTranslated(_ kind: Topology.Kind) async throws {
            try await Scene.with(kind, [SourcesQemuRing.service]) { scene in
                scene.flags = ["--masquerade-all"]
                _ = try await scene.startAgent()
                for server in [0, 2].flatMap({ [Topology.endpoints4[$0], Topology.endpoints6[$0]] }) {
                    let connection = try await scene.hold(server)
                    let answer = try #require(connection.output.split(separator: "\n").first.flatMap { Answer(String($0)) })
                    // The client's own end of it, as its kernel has it.
                    let text = try await Program.script("ss -Htn state established dst '[\(server)]'", in: "client")
                    let local = try #require(text.split(separator: " ").dropFirst(2).first).replacing(#/[\[\]]/#, with: "")
                    #expect("\(answer.client):\(answer.clientPort)" == local, "\(text)")
                    #expect(answer.at.replacing(#/[\[\]]/#, with: "") == "\(server):7")
                    try await scene.release(connection)
                }
                // So masquerading was in force all the while.
                for address in SourcesQemuRing.addresses {
                    let answers = try await scene.ask(address, count: 4)
                    #expect(answers.failures == "" && answers.list.count == 4)
                    #expect(answers.clients.isSubset(of: Topology.nodeAddresses), "\(answers.clients)")
                }
            }
        }
    }
}
