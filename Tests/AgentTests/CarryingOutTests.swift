import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceModel
import Telemetry
import TestSupport
import Testing

/// What people change in the kernel through the agent.
@Suite struct CarryingOutTests {
    private let kernel = FakeKernel()
    private let journal = MemoryJournal()
    private static let nobodys = VirtualServer.Key.address(ip("192.0.2.1"), port: 53, .udp)
    private static let ours = VirtualServer.Key.address(ip("10.96.1.1"), port: 80, .tcp)
    private static let onOurs = VirtualServer.Key.address(ip("10.96.1.1"), port: 81, .tcp)
    private static let server = VirtualServerState(
        .init(scheduler: .roundRobin), realServers: [.init(ip("192.0.2.21"), port: 53): .init(weight: 3)])

    private func agent(_ events: EventLog = EventLog()) async -> Reconciler {
        let agent = reconciler(kernel, journal: journal, events: events)
        _ = await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1, 2])]))
        return agent
    }

    @Test func whatNobodyAsksForIsMadeAndStays() async throws {
        let events = EventLog()
        let agent = await agent(events)
        let report = try await agent.carryOut(HandChange(servers: [Self.nobodys: Self.server])).get()
        #expect(report.operations.map(\.outcome) == ["done", "done"] && report.putBack.isEmpty)
        #expect(kernel.state.virtualServers[Self.nobodys] == Self.server)
        #expect(events.after(0, limit: 100).contains { $0.kind == .changedByHand })
        // It has not drifted, and an agent that comes later leaves it, too.
        let before = kernel.state
        await sweep(agent, kernel)
        #expect(kernel.state.virtualServers == before.virtualServers)
        #expect(!events.after(0, limit: 100).contains { $0.kind == .drift })
        let next = reconciler(kernel, journal: journal)
        _ = await next.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1, 2])]))
        #expect(kernel.state.virtualServers == before.virtualServers)
        // The same again is nothing to do.
        #expect(try await next.carryOut(HandChange(servers: [Self.nobodys: Self.server])).get().operations.isEmpty)
        let gone = try await next.carryOut(HandChange(servers: [Self.nobodys: Self.server], removes: true)).get()
        #expect(gone.operations.map(\.operation) == ["remove virtual server udp 192.0.2.1:53"])
        #expect(kernel.state.virtualServers[Self.nobodys] == nil)
    }

    @Test(arguments: [(ours, "Service default/s1"), (onOurs, "the agent, which serves its address")])
    func whatTheAgentManagesIsRefusedWholeAndNamed(key: VirtualServer.Key, owner: String) async throws {
        let agent = await agent()
        let before = kernel.state
        let answer = await agent.carryOut(HandChange(servers: [Self.nobodys: Self.server, key: Self.server]))
        guard case .failure(.managed(let servers)) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(servers.map(\.virtualServer) == ["\(key)"] && servers.first?.owner.hasPrefix(owner) == true)
        #expect(kernel.state.virtualServers == before.virtualServers)
    }

    @Test func whatIsToGoAndIsManagedStays() async throws {
        let agent = await agent()
        _ = try await agent.carryOut(HandChange(servers: [Self.nobodys: Self.server])).get()
        let report = try await agent.carryOut(HandChange(servers: [Self.nobodys: Self.server, Self.ours: Self.server], removes: true)).get()
        #expect(report.leftAlone.map(\.owner) == ["Service default/s1"] && report.operations.count == 1)
        #expect(kernel.state.virtualServers[Self.nobodys] == nil && kernel.state.virtualServers[Self.ours] != nil)
    }

    @Test func forcedItIsPutBackAtTheNextLook() async throws {
        let events = EventLog()
        let agent = await agent(events)
        let before = kernel.state
        let report = try await agent.carryOut(HandChange(servers: [Self.ours: Self.server], force: true)).get()
        #expect(report.putBack.map(\.owner) == ["Service default/s1"] && report.looksEverySeconds == 30)
        #expect(kernel.state.virtualServers[Self.ours] == Self.server)
        await sweep(agent, kernel)
        #expect(
            kernel.state.virtualServers[Self.ours]?.realServers.filter { $0.value.weight > 0 }
                == before.virtualServers[Self.ours]?.realServers)
        #expect(events.after(0, limit: 100).contains { $0.kind == .drift })
    }

    @Test func aTrialChangesNothing() async throws {
        let agent = await agent()
        let before = kernel.state
        let report = try await agent.carryOut(HandChange(servers: [Self.nobodys: Self.server], isTrial: true)).get()
        #expect(report.isTrial && report.operations.map(\.outcome) == ["planned", "planned"])
        #expect(kernel.state.virtualServers == before.virtualServers)
    }

    @Test func onlyTheKindsThatAreWantedAreDone() async throws {
        let agent = await agent()
        _ = try await agent.carryOut(HandChange(servers: [Self.nobodys: Self.server])).get()
        var other = Self.server
        other.realServers = [.init(ip("192.0.2.22"), port: 53): .init()]
        let report = try await agent.carryOut(HandChange(servers: [Self.nobodys: other], actions: [.add])).get()
        #expect(report.operations.map(\.operation) == ["add real server 192.0.2.22:53 to udp 192.0.2.1:53 masquerade weight 1"])
        #expect(kernel.state.virtualServers[Self.nobodys]?.realServers.count == 2)
    }

    @Test func whatFailsIsNamedAndTheRestIsDone() async throws {
        let agent = await agent()
        kernel.setFault { operation in
            guard case .addVirtualServer(let server) = operation, server.key == Self.nobodys else { return nil }
            return KernelFailure(.missingFeature, "the kernel has no scheduler", remedy: "modprobe ip_vs_rr")
        }
        let second = VirtualServer.Key.address(ip("192.0.2.2"), port: 53, .udp)
        let report = try await agent.carryOut(HandChange(servers: [Self.nobodys: Self.server, second: Self.server])).get()
        #expect(report.operations.map(\.outcome).filter { $0 == "failed" }.count == 2)
        #expect(report.operations.contains { $0.message == "the kernel has no scheduler" && $0.remedy == "modprobe ip_vs_rr" })
        #expect(kernel.state.virtualServers[second] == Self.server && kernel.state.virtualServers[Self.nobodys] == nil)
        // Nothing of it is tried again by itself.
        kernel.setFault { _ in nil }
        #expect(agent.retryDelay == nil)
    }

    /// Ended at any operation, the kernel holds a part, which nobody takes for the agent's, and the same again does the rest.
    @Test func endedInTheMiddleTheSameAgainDoesTheRest() async throws {
        let agent = await agent()
        let others = Dictionary(
            uniqueKeysWithValues: (1...4).map { (VirtualServer.Key.address(ip("192.0.2.\($0)"), port: 53, .udp), Self.server) })
        for done in stride(from: 0, through: 8, by: 2) {
            var part = others
            for key in others.keys.sorted().dropFirst(done / 2) { part[key] = nil }
            _ = try await agent.carryOut(HandChange(servers: part)).get()
            let next = reconciler(kernel, journal: journal)
            _ = await next.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1, 2])]))
            for (key, server) in part { #expect(kernel.state.virtualServers[key] == server) }
            #expect(try await next.carryOut(HandChange(servers: others)).get().operations.count == 8 - part.count * 2)
            _ = try await next.carryOut(HandChange(servers: others, removes: true)).get()
        }
    }

    @Test func nothingIsDoneBeforeTheTableHasBeenSeen() async {
        let answer = await reconciler(kernel).carryOut(HandChange(servers: [Self.nobodys: Self.server]))
        guard case .failure(.notNow(.starting)) = answer else {
            Issue.record("\(answer)")
            return
        }
    }
}
