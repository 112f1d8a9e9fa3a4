import Addresses
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import ServiceModel
import TestSupport
import Testing

@testable import Agent

/// The picture of the kernel, which holds what is wanted instead of what is the same and stands.
@Suite struct PictureTests {
    @Test(arguments: 1...10) func isWhatStandsWhateverFails(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        #expect(await agent.take(SourceUpdate(changed: (0..<6).flatMap { [service($0), slice($0, endpoints: [1, 2])] })).succeeded)
        agent.saveMemory()
        kernel.setFault { operation in
            guard case .addRealServer(let server, to: _) = operation, server.key.address.byte(at: 3) % 2 == 0 else { return nil }
            return KernelFailure(.resource, "no memory")
        }
        for _ in 0..<20 {
            let endpoints = (1...9).filter { _ in Bool.random(using: &random) }
            _ = await agent.take(SourceUpdate(changed: [slice(Int.random(in: 0..<6, using: &random), endpoints: endpoints)]))
            #expect(agent.picture.state.virtualServers == kernel.state.virtualServers)
        }
        #expect(kernel.log.failures > 0)
        kernel.setFault { _ in nil }
        #expect(await agent.retry().succeeded)
        #expect(agent.picture.state.virtualServers == kernel.state.virtualServers)
    }
}
