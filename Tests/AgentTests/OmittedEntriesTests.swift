import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Testing

/// A sweep whose text of real servers leaves entries out, as that of some kernels does where another network namespace has virtual servers.
@Suite struct OmittedEntriesTests {
    private func reconciler(_ kernel: any NodeKernel, log: TestLog) -> Reconciler {
        Reconciler(
            kernel: kernel, compiler: ServiceCompiler(settings: CompilerSettings(), node: NodeFacts(name: "n1")), journal: MemoryJournal(),
            logger: log.logger)
    }

    private func sweep(_ agent: Reconciler, _ kernel: any NodeKernel) async {
        agent.beginSweep()
        repeat {
            _ = await agent.work()
            while let look = agent.nextRuleLook() { _ = await agent.take(await kernel.observe(.rules), of: look) }
        } while agent.hasWork
    }

    @Test func haveNotDriftedAndAreLookedAtInSlices() async {
        let (fake, log) = (FakeKernel(), TestLog())
        let agent = reconciler(OmittingKernel(fake), log: log)
        let objects = (0..<600).flatMap { [service($0), slice($0, endpoints: $0.isMultiple(of: 2) ? [1, 2] : [])] }
        #expect(await agent.take(SourceUpdate(changed: objects)).succeeded)
        let right = fake.state
        fake.clearLog()
        await sweep(agent, fake)
        #expect(log.drifts == [] && fake.log.operations.isEmpty)
        #expect(fake.log.exactLooks.allSatisfy { $0 <= 50 })
        #expect(fake.log.exactLooks.reduce(0, +) >= right.virtualServers.keys.count(where: OmittingKernel.omits))
    }

    @Test func areFoundToHaveDriftedInTheSameSweep() async {
        let (fake, log) = (FakeKernel(), TestLog())
        let agent = reconciler(OmittingKernel(fake), log: log)
        // Of those that are left out, every other one has no real servers.
        let objects = (0..<12).flatMap { [service($0), slice($0, endpoints: $0.isMultiple(of: 2) ? [1, 2] : [])] }
        #expect(await agent.take(SourceUpdate(changed: objects)).succeeded)
        let right = fake.state
        fake.meddle { state in
            for key in state.virtualServers.keys { state.virtualServers[key]?.realServers[.init(ip("10.9.9.9"), port: 1)] = .init() }
        }
        await sweep(agent, fake)
        expectAlike(fake.state, right)
        #expect(log.drifts.count == 12)
    }
}

/// Another kernel, but for what its sweeps leave out.
private struct OmittingKernel: NodeKernel {
    private let kernel: FakeKernel

    init(_ kernel: FakeKernel) { self.kernel = kernel }

    static func omits(_ key: VirtualServer.Key) -> Bool { key.address.map { $0.byte(at: 3) & 2 != 0 } ?? false }

    func observe(_ scope: ObservationScope, expecting expected: ExpectedState?) async -> Observation {
        await kernel.observe(scope, expecting: expected)
    }

    func observe(
        virtualServers keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: VirtualServerState] { try await kernel.observe(virtualServers: keys) }

    func traffic(
        of keys: [VirtualServer.Key]
    ) async throws(KernelFailure) -> [VirtualServer.Key: [RealServer.Key: ObservedRealServer]] { try await kernel.traffic(of: keys) }

    func beginFlows() async { await kernel.beginFlows() }
    func nextFlows() async throws(KernelFailure) -> [TrackedFlow]? { try await kernel.nextFlows() }
    func end(_ flows: [TrackedFlow]) async -> [KernelFailure] { await kernel.end(flows) }

    func beginSweep(passingServers: Bool) async { await kernel.beginSweep(passingServers: passingServers) }

    func nextSightings() async -> [Sighting]? {
        await kernel.nextSightings()?.map { sighting in
            guard case .realServers(let seen) = sighting else { return sighting }
            return .realServers(seen.filter { !Self.omits($0.key) })
        }
    }

    func apply(_ operations: ArraySlice<Operation>) async -> [OperationFailure] { await kernel.apply(operations) }
    func takeCost() async -> KernelCost { await kernel.takeCost() }
    func announcements() async -> AsyncStream<[KernelAnnouncement]> { await kernel.announcements() }
}
