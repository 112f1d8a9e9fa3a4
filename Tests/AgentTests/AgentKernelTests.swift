import Addresses
import Agent
import FakeKernel
import Foundation
import LinuxKernel
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import TestSupport
import Testing

/// The agent on a real kernel: what it leads to, and what a change costs there.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"))
struct AgentKernelTests {
    private static var settings: CompilerSettings {
        var settings = CompilerSettings()
        settings.managesSysctls = false
        return settings
    }

    private func reconciler(_ kernel: any NodeKernel) -> Reconciler {
        Reconciler(
            kernel: kernel, compiler: ServiceCompiler(settings: Self.settings, node: NodeFacts(name: "n1")), journal: MemoryJournal(),
            logger: quiet)
    }

    private func withKernel(_ body: (LinuxKernel) async throws -> Void) async rethrows {
        let kernel = LinuxKernel(linkName: "kube-ipvs0")
        #expect(await reconciler(kernel).cleanup().failures == [])
        try await body(kernel)
        #expect(await reconciler(kernel).cleanup().failures == [])
    }

    /// One endpoint is replaced: an addition and a removal for IPVS, in one send, and nothing else.
    @Test(arguments: [10, 10_000])
    func aChangedEndpointCostsTheSame(services: Int) async {
        await withKernel { kernel in
            let agent = reconciler(kernel)
            let objects = (0..<services).flatMap { [service($0), slice($0, endpoints: [1, 3, 5, 7, 9])] }
            let first = await agent.take(SourceUpdate(changed: objects))
            #expect(first.succeeded)
            _ = await kernel.takeCost()
            let (traffic, processes, compilations) = (await kernel.ipvsTraffic, await kernel.ruleProcesses, agent.compilations)
            let round = await agent.take(SourceUpdate(changed: [slice(4, endpoints: [1, 3, 5, 7, 11])]))
            #expect(round.succeeded && round.plan.operations.count == 2)
            let after = await kernel.ipvsTraffic
            #expect(after.messages - traffic.messages == 2)
            #expect(after.sends - traffic.sends == 1)
            #expect(await kernel.ruleProcesses == processes)
            let cost = await kernel.takeCost()
            #expect((cost.messages, cost.sends, cost.processes) == (2, 1, 0))
            #expect(Set(cost.durations.keys) == [.ipvs])
            #expect(await kernel.takeCost() == KernelCost())
            #expect(agent.compilations - compilations == 1)
        }
    }

    @Test func randomChangesLeadWhereACompileFromScratchLeads() async {
        await withKernel { kernel in
            var random = SeededGenerator(seed: 31)
            let agent = reconciler(kernel)
            var objects: [SourceObject.Key: SourceObject] = [:]
            for _ in 0..<60 {
                let object = randomObject(&random)
                let isRemoval = Int.random(in: 0..<4, using: &random) == 0
                objects[object.key] = isRemoval ? nil : object
                let update = isRemoval ? SourceUpdate(removed: [object.key]) : SourceUpdate(changed: [object])
                #expect(await agent.take(update).failures == [])
            }
            let fake = FakeKernel()
            _ = await reconciler(fake).take(SourceUpdate(changed: Array(objects.values)))
            let seen = await kernel.observe(.everything).state
            #expect(seen.virtualServers == fake.state.virtualServers)
            #expect(seen.addresses == fake.state.addresses)
            #expect(seen.sets.mapValues(\.entries) == fake.state.sets.mapValues(\.entries))
        }
    }
}
