import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import ServiceCompiler
import ServiceLifecycle
import ServiceModel
import Telemetry
import TestSupport
import Testing

/// A source that delivers what a test gives it.
private struct GivenSource: ServiceSource {
    let updates: AsyncStream<SourceUpdate>
    let send: AsyncStream<SourceUpdate>.Continuation

    init() { (updates, send) = AsyncStream.makeStream() }

    func readOnce() throws(SourceProblem) -> SourceUpdate { SourceUpdate() }
    func run() async {}
}

@Suite(.timeLimit(.minutes(15))) struct InquiriesTests {
    private let folder = TemporaryFolder("agent")
    private let kernel = FakeKernel()
    private let source = GivenSource()

    /// Runs an agent while a body asks it.
    private func run(_ body: (AgentService) async throws -> Void) async throws {
        let service = AgentService(
            kernel: kernel, source: source, compiler: ServiceCompiler(settings: .init(), node: NodeFacts(name: "n1")), excluded: [],
            journal: FileJournal(directory: folder.path), syncPeriod: .seconds(3600), logger: quiet, version: "1", sourcePath: "/m")
        let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: quiet))
        async let running: Void = group.run()
        do { try await body(service) } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running
        await #expect(throws: InquiryFailure.stopping) { try await service.inquiries.status() }
    }

    @Test func aFailingOperationShowsWithItsRemedyUntilItIsHealed() async throws {
        kernel.setFault { operation in
            guard case .addVirtualServer = operation else { return nil }
            return KernelFailure(.missingFeature, "the kernel has no scheduler", remedy: "modprobe ip_vs_rr")
        }
        try await run { agent in
            #expect(try await agent.inquiries.status().state == .starting)
            source.send.yield(SourceUpdate(changed: [service(1), slice(1, endpoints: [1])]))
            try await eventually { try await agent.inquiries.status().failing.count > 0 }
            let status = try await agent.inquiries.status()
            let failing = try #require(status.failing.items.first { $0.operation.hasPrefix("add virtual server tcp 10.96.1.1:80") })
            #expect(failing.cause == "missingFeature" && failing.message == "the kernel has no scheduler")
            #expect(failing.remedy == "modprobe ip_vs_rr" && failing.attempts >= 1 && failing.nextAttempt != nil)
            #expect(status.state == .impaired && status.inForceSince == nil)
            #expect(try await agent.inquiries.services(["default/s1"]).first?.virtualServers.first?.state == .missing)
            #expect(try await agent.inquiries.plan().operations.contains { $0.hasPrefix("add virtual server tcp 10.96.1.1:80") })
            kernel.setFault { _ in nil }
            try await eventually { try await agent.inquiries.status().state == .inForce }
            let healed = try await agent.inquiries.status()
            #expect(healed.failing.count == 0 && healed.inForceSince != nil)
            #expect(healed.wanted == .init(services: 1, virtualServers: 1, realServers: 1, addresses: 1, entries: healed.wanted.entries))
            #expect(try await agent.inquiries.plan().operations.isEmpty)
            #expect(agent.events.after(0).map(\.kind).contains(.recovered))
        }
    }

    @Test func aServiceShowsWhatIsMadeOfItAndWhatOfThatStands() async throws {
        try await run { agent in
            await #expect(throws: InquiryFailure.starting) { try await agent.inquiries.plan() }
            source.send.yield(
                SourceUpdate(changed: [
                    service(1, ports: [80, 443]), slice(1, ports: [80, 443], endpoints: [1, 3]), service(2, labels: ["app": "two"]),
                ]))
            try await eventually { try await agent.inquiries.status().state == .inForce }
            #expect(try await agent.inquiries.serviceNames().sorted() == ["default/s1", "default/s2"])
            let reports = try await agent.inquiries.services(["default/s2", "default/none", "default/s1"])
            #expect(reports.map(\.name) == ["default/s2", "default/s1"])
            // One without labels says so, which is not the same as saying nothing.
            #expect(reports.map(\.labels) == [["app": "two"], [:]])
            let report = try #require(reports.last)
            #expect(report.addresses == ["10.96.1.1"])
            #expect(report.virtualServers.map(\.port) == [80, 443])
            #expect(report.virtualServers.allSatisfy { $0.state == .inForce && $0.scheduler == "rr" && $0.protocol == "tcp" })
            #expect(report.virtualServers[0].realServers.map(\.address) == ["10.244.0.1", "10.244.0.3"])
            #expect(report.virtualServers[0].realServers.allSatisfy { $0.state == .inForce && $0.weight == 1 && $0.port == 8080 })
        }
    }

    @Test func aServerThatAnotherServiceHasIsShownAsTaken() async throws {
        try await run { agent in
            source.send.yield(SourceUpdate(changed: [service(1, address: ip("10.96.1.9")), service(2, address: ip("10.96.1.9"))]))
            try await eventually { try await agent.inquiries.status().state == .inForce }
            let reports = try await agent.inquiries.services(["default/s1", "default/s2"])
            #expect(reports.map { $0.virtualServers.first?.state } == [.inForce, .taken])
            #expect(reports.last?.virtualServers.first?.takenBy == "default/s1")
        }
    }

    @Test(arguments: [3, 1200])
    func thePlanIsTheOneThatAWholeComparisonMakes(services: Int) async throws {
        kernel.setFault { operation in
            // Every third fails, so that much is left to be done.
            guard case .addRealServer(_, let key) = operation, let address = key.address else { return nil }
            return address.description.hasSuffix("3") ? KernelFailure(.resource, "no memory") : nil
        }
        try await run { agent in
            source.send.yield(SourceUpdate(changed: (0..<services).flatMap { [service($0), slice($0, endpoints: [1, 3])] }))
            try await eventually { try await agent.inquiries.status().failing.count > 0 || services == 3 }
            try await eventually { kernel.state.addresses.count == services }
            let plan = try await agent.inquiries.plan()
            let expected = (0..<services).filter { "\(IPAddress(ipv4: 0x0a60_0100 + UInt32($0)))".hasSuffix("3") }.count * 2
            #expect(plan.operations.count == expected && plan.count == expected && !plan.isCutOff)
            #expect(plan.operations.allSatisfy { $0.hasPrefix("add real server") })
            #expect(Set(plan.operations).count == plan.operations.count)
        }
    }

    @Test func aSourceThatCannotBeReadIsStale() async throws {
        try await run { agent in
            source.send.yield(SourceUpdate(changed: [service(1)]))
            try await eventually { try await agent.inquiries.status().state == .inForce }
            source.send.yield(SourceUpdate(problems: [SourceProblem(place: "/m", message: "the directory cannot be read")]))
            try await eventually { try await agent.inquiries.status().sources.first?.staleSince != nil }
            let status = try await agent.inquiries.status()
            #expect(status.state == .impaired && status.sources.first?.remedy != nil)
            #expect(try await agent.inquiries.status().sources.first?.staleSince == status.sources.first?.staleSince)
            source.send.yield(SourceUpdate(problems: []))
            try await eventually { try await agent.inquiries.status().state == .inForce }
        }
    }

    @Test func whoAsksAnAgentThatDoesNotAnswerIsToldWhatItDoes() async throws {
        let board = StatusBoard()
        let inquiries = Inquiries(board: board, patience: .milliseconds(20))
        board.began("looking at the kernel", at: Moment(millisecondsSince1970: 0))
        await #expect(throws: InquiryFailure.busy(board.activity)) { try await inquiries.status() }
        let crowded = Inquiries(board: board, patience: .seconds(2))
        let failures = await withTaskGroup { group in
            for _ in 0..<70 {
                group.addTask { () -> InquiryFailure? in
                    do throws(InquiryFailure) {
                        _ = try await crowded.status()
                        return nil
                    } catch { return error }
                }
            }
            return await group.reduce(into: [InquiryFailure?]()) { $0.append($1) }
        }
        #expect(failures.count { $0 == .crowded } >= 6)
        #expect(!failures.contains(nil))
    }
}
