import Addresses
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import ServiceModel
import Testing

@testable import Agent

/// Sweeps where there are too many virtual servers for the kernel to list them each time: those that are known are looked at one by one.
@Suite struct ManyServersTests {
    private static let objects = (0..<40).flatMap { [service($0), slice($0, endpoints: [1, 2])] }
    private static let key = VirtualServer.Key.address(ip("10.96.1.1"), port: 80, .tcp)
    private static let real = RealServer.Key(ip("10.244.0.1"), port: 8080)

    private func agent(_ kernel: FakeKernel, _ log: TestLog) async -> Reconciler {
        let agent = reconciler(kernel, log: log)
        agent.sweeps.mostPassed = 39
        #expect(await agent.take(SourceUpdate(changed: Self.objects)).succeeded)
        kernel.clearLog()
        return agent
    }

    @Test func eachIsLookedAtExactlyAndNothingHasDrifted() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = await agent(kernel, log)
        for number in 1...20 {
            await sweep(agent, kernel)
            let looks = kernel.log.exactLooks
            if number.isMultiple(of: 10) { #expect(looks.reduce(0, +) < 40) } else { #expect(looks == [16, 16, 8], "sweep \(number)") }
            kernel.clearLog()
        }
        #expect(log.drifts == [] && kernel.log.operations.isEmpty)
        // One less, and they are passed by again.
        _ = await agent.take(SourceUpdate(removed: Array(Self.objects.prefix(2).map(\.key))))
        kernel.clearLog()
        await sweep(agent, kernel)
        #expect(kernel.log.exactLooks.reduce(0, +) < 39)
    }

    @Test func whatDriftsIsPutBackByTheNextSweep() async {
        let meddlings: [(inout NodeState) -> Void] = [
            { $0.virtualServers[Self.key]?.realServers[Self.real]?.weight = 0 },
            { $0.virtualServers[Self.key]?.realServers[Self.real] = nil },
            { $0.virtualServers[Self.key]?.realServers[.init(ip("10.9.9.9"), port: 1)] = .init() },
            { $0.virtualServers[Self.key]?.configuration.scheduler = .sourceHashing },
            { $0.virtualServers[Self.key] = nil },
            { $0.virtualServers = [:] },
            { $0.addresses = [] },
            { $0.sets = [:] },
        ]
        for (number, meddling) in meddlings.enumerated() {
            let (kernel, log) = (FakeKernel(), TestLog())
            let agent = await agent(kernel, log)
            let right = kernel.state
            kernel.meddle(meddling)
            await sweep(agent, kernel)
            expectAlike(kernel.state, right)
            #expect(!log.drifts.isEmpty, "\(number)")
        }
    }

    @Test func whatOthersAddIsFoundByTheTenthSweep() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = await agent(kernel, log)
        let right = kernel.state
        kernel.meddle { $0.virtualServers[.address(ip("10.96.1.1"), port: 81, .tcp)] = VirtualServerState(.init(scheduler: .roundRobin)) }
        for _ in 1...9 { await sweep(agent, kernel) }
        #expect(log.drifts == [])
        await sweep(agent, kernel)
        #expect(log.drifts == ["virtual server tcp 10.96.1.1:81 has appeared (rr)"])
        expectAlike(kernel.state, right)
    }

    @Test func whatTheAgentChangesMeanwhileIsNoDrift() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = await agent(kernel, log)
        agent.beginSweep()
        var slices = 0
        repeat {
            _ = await agent.work()
            slices += 1
            let number = slices * 7 % 40
            _ = await agent.take(SourceUpdate(changed: [slice(number, endpoints: [1, 3])], removed: [service((number + 1) % 40).key]))
        } while agent.hasWork
        #expect(slices > 3 && log.drifts == [])
    }

    /// A kernel that does not answer keeps a sweep waiting once, and not for each of all.
    @Test func afterAFailureTheNextSweepPassesByThem() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = await agent(kernel, log)
        let right = kernel.state
        kernel.setLookFault { _ in KernelFailure(.resource, "no answer") }
        await sweep(agent, kernel)
        #expect(kernel.log.exactLooks == [16])
        kernel.setLookFault { _ in nil }
        kernel.meddle { $0.virtualServers[Self.key]?.configuration.scheduler = .sourceHashing }
        kernel.clearLog()
        await sweep(agent, kernel)
        #expect(kernel.log.exactLooks.reduce(0, +) < 40)
        expectAlike(kernel.state, right)
        kernel.clearLog()
        await sweep(agent, kernel)
        #expect(kernel.log.exactLooks == [16, 16, 8])
    }

    @Test func virtualServersThatCannotBeSeenArePassedByUntilTheyAreSeen() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = await agent(kernel, log)
        kernel.hide(.virtualServers, KernelFailure(.privilege, "not permitted"))
        await sweep(agent, kernel)
        await sweep(agent, kernel)
        #expect(agent.hiddenParts.scope == .virtualServers)
        kernel.hide(.virtualServers, nil)
        await sweep(agent, kernel)
        #expect(agent.hiddenParts.scope == [])
    }
}
