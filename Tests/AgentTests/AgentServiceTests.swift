import Addresses
import Agent
import FakeKernel
import NodeKernel
import NodeModel
import ServiceCompiler
import ServiceLifecycle
import ServiceModel
import Telemetry
import TestSupport
import Testing

/// A source that delivers what a test gives it.
private struct StubSource: ServiceSource {
    let updates: AsyncStream<SourceUpdate>
    let send: AsyncStream<SourceUpdate>.Continuation
    let isUpdateComing: Bool

    init(isUpdateComing: Bool = false) {
        (updates, send) = AsyncStream.makeStream()
        self.isUpdateComing = isUpdateComing
    }

    func readOnce() throws(SourceProblem) -> SourceUpdate { SourceUpdate() }
    func run() async {}
}

@Suite(.timeLimit(.minutes(15))) struct AgentServiceTests {
    private let folder = TemporaryFolder("agent")

    private func service(
        _ kernel: FakeKernel, _ source: StubSource, syncPeriod: Duration = .seconds(3600), minimumPeriod: Duration = .zero
    ) -> AgentService {
        AgentService(
            kernel: kernel, source: source, compiler: ServiceCompiler(settings: .init(), node: NodeFacts(name: "n1")), excluded: [],
            journal: FileJournal(directory: folder.path), syncPeriod: syncPeriod, minimumPeriod: minimumPeriod, logger: quiet)
    }

    /// Runs the agent while a body drives it, and ends it as SIGTERM does.
    private func run(_ service: AgentService, while body: @Sendable @escaping () async throws -> Void) async throws {
        let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: quiet))
        async let running: Void = group.run()
        try await body()
        await group.triggerGracefulShutdown()
        try await running
    }

    @Test func followsTheSourceAndLeavesEverythingInForceAtItsEnd() async throws {
        let (kernel, source) = (FakeKernel(), StubSource())
        try await run(service(kernel, source)) {
            source.send.yield(SourceUpdate(changed: [AgentTests.service(1), slice(1, endpoints: [1])]))
            try await eventually { kernel.state.virtualServers.count == 1 }
            source.send.yield(SourceUpdate(changed: [AgentTests.service(2)]))
            try await eventually { kernel.state.virtualServers.count == 2 }
        }
        #expect(kernel.state.addresses.count == 2)
    }

    @Test func aSweepComesToItsEndWhereAnUpdateIsAlwaysComing() async throws {
        let (kernel, source) = (FakeKernel(), StubSource(isUpdateComing: true))
        kernel.setSlice(2)
        try await run(service(kernel, source, syncPeriod: .milliseconds(20))) {
            source.send.yield(SourceUpdate(changed: (0..<20).flatMap { [AgentTests.service($0), slice($0, endpoints: [1])] }))
            try await eventually { kernel.state.virtualServers.count == 20 }
            kernel.meddle { $0.virtualServers = [:] }
            try await eventually { kernel.state.virtualServers.count == 20 }
        }
    }

    @Test func putsBackWhatTheKernelAnnouncesAtOnce() async throws {
        let (kernel, source) = (FakeKernel(), StubSource())
        try await run(service(kernel, source)) {
            source.send.yield(SourceUpdate(changed: [AgentTests.service(1)]))
            try await eventually { kernel.state.addresses.count == 1 }
            kernel.state.addresses = []
            kernel.announce(.addressRemoved(ip("10.96.1.1")))
            try await eventually { kernel.state.addresses.count == 1 }
        }
    }

    /// Its end wakes the loop. (Nothing rests, whose end would wake it, too.)
    @Test func whatIsSaidByHandEndsByItself() async throws {
        let (kernel, source) = (FakeKernel(), StubSource())
        let service = service(kernel, source)
        try await run(service) {
            source.send.yield(SourceUpdate(changed: [AgentTests.service(1)]))
            try await eventually { kernel.state.virtualServers.count == 1 }
            let request = HandRequest(state: "maintenance", expires: Moment.now.advanced(by: .seconds(2)))
            _ = try service.administration.set("address", "10.244.9.9", request)
            try await eventually { service.events.after(0).contains { $0.kind == .handExpired } }
            #expect(service.administration.hands().items.isEmpty)
        }
    }

    @Test func looksAtTheKernelAtAnInterval() async throws {
        let (kernel, source) = (FakeKernel(), StubSource())
        try await run(service(kernel, source, syncPeriod: .milliseconds(20))) {
            source.send.yield(SourceUpdate(changed: [AgentTests.service(1)]))
            try await eventually { kernel.state.virtualServers.count == 1 }
            kernel.state.virtualServers = [:]
            try await eventually { kernel.state.virtualServers.count == 1 }
        }
    }

    @Test func triesAgainWhatFailed() async throws {
        let (kernel, source) = (FakeKernel(), StubSource())
        kernel.setFault { operation in
            if case .addVirtualServer = operation { KernelFailure(.resource, "no memory") } else { nil }
        }
        try await run(service(kernel, source)) {
            source.send.yield(SourceUpdate(changed: [AgentTests.service(1)]))
            try await eventually { kernel.log.failures > 0 }
            kernel.setFault { _ in nil }
            try await eventually { kernel.state.virtualServers.count == 1 && kernel.state.addresses.count == 1 }
        }
    }

    @Test func changesWaitForTheLeastTimeBetweenThemAndNothingElseDoes() async throws {
        let (kernel, source) = (FakeKernel(), StubSource())
        try await run(service(kernel, source, minimumPeriod: .seconds(3600))) {
            source.send.yield(SourceUpdate(changed: [AgentTests.service(1)]))
            try await eventually { kernel.state.addresses.count == 1 }
            source.send.yield(SourceUpdate(changed: [AgentTests.service(2)]))
            kernel.state.addresses = []
            kernel.announce(.addressRemoved(ip("10.96.1.1")))
            try await eventually { kernel.state.addresses.count == 1 }
            #expect(kernel.state.virtualServers.count == 1)
        }
    }

    @Test func whatCameMeanwhileIsWrittenAtItsEnd() async throws {
        let (kernel, source) = (FakeKernel(), StubSource())
        try await run(service(kernel, source, minimumPeriod: .milliseconds(100))) {
            for number in 1...20 { source.send.yield(SourceUpdate(changed: [AgentTests.service(number)])) }
            try await eventually { kernel.state.virtualServers.count == 20 }
        }
    }
}
