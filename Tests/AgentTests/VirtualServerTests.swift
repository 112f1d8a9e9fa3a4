import Addresses
import FakeKernel
import HealthModel
import IPVSModel
import NodeModel
import Planner
import ServiceModel
import Telemetry
import Testing

@testable import Agent

/// Virtual servers that are asked for in LVS's words, on the way to the kernel.
@Suite struct VirtualServerTests {
    private static let key = VirtualServer.Key.address(ip("198.51.100.1"), port: 80, .tcp)

    private static func document(
        _ name: String = "web", key: VirtualServer.Key = key, created: Int64? = nil, servers: [UInt8] = [1, 2],
        forwarding: ForwardingMethod = .masquerade, health: HealthPolicy? = nil, annotations: [String: String] = [:]
    ) -> SourceObject {
        var realServers: [RealServer.Key: RealServer.Configuration] = [:]
        for server in servers {
            realServers[RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32(server)), port: 80)] = .init(
                forwarding: forwarding, weight: 3, upperThreshold: 9, lowerThreshold: 4)
        }
        var annotations = annotations
        if let health { annotations["health-policy"] = health.name }
        return .virtualServer(
            VirtualServerRequest(
                name: name, created: created, key: key, configuration: .init(scheduler: .weightedRoundRobin), realServers: realServers,
                health: health, annotations: annotations))
    }

    @Test func itStandsBesideServicesAndGoesWhole() async {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        #expect(await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1])])).succeeded)
        let before = kernel.state
        #expect(await agent.take(SourceUpdate(changed: [Self.document()])).succeeded)
        #expect(kernel.state.addresses.contains(ip("198.51.100.1")))
        #expect(kernel.state.virtualServers[Self.key]?.realServers.values.map(\.upperThreshold) == [9, 9])
        #expect(kernel.state.sets[SetKey(.externalIP, .ipv4)]?.entries == [.addressPort(ip("198.51.100.1"), 80, .tcp)])
        #expect(kernel.state.sets[SetKey(.boundAddresses, .ipv4)]?.entries.contains(.address(ip("198.51.100.1"))) == true)
        // A restart finds what it would make.
        let restarted = reconciler(kernel)
        let round = await restarted.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1]), Self.document()]))
        #expect(round.plan.isEmpty, "\(round.plan)")
        #expect(await restarted.take(SourceUpdate(removed: [Self.document().key])).succeeded)
        expectAlike(kernel.state, before)
    }

    /// An LVS user gives the address to a link of the node's, as keepalived does: it is served there, and not bound twice.
    @Test func anAddressThatAnotherLinkHoldsIsServedThere() async {
        let kernel = FakeKernel()
        kernel.state.otherAddresses[ip("198.51.100.1")] = "eth0"
        let agent = reconciler(kernel)
        #expect(await agent.take(SourceUpdate(changed: [Self.document()])).succeeded)
        #expect(kernel.state.virtualServers[Self.key]?.realServers.count == 2)
        #expect(!kernel.state.addresses.contains(ip("198.51.100.1")))
        #expect(kernel.state.sets[SetKey(.boundAddresses, .ipv4)]?.entries == [], "the node's own ports are not refused there")
        #expect(await agent.take(SourceUpdate(removed: [Self.document().key])).succeeded)
        #expect(kernel.state.virtualServers.isEmpty)
    }

    /// A mark of people's own rules shows nobody that it is ours; that is remembered beside the kernel.
    @Test func aMarkIsRememberedAndGoes() async {
        let (kernel, journal) = (FakeKernel(), MemoryJournal())
        let mark = VirtualServer.Key.firewallMark(7, .ipv4)
        #expect(await reconciler(kernel, journal: journal).take(SourceUpdate(changed: [Self.document(key: mark)])).succeeded)
        #expect(kernel.state.virtualServers[mark]?.realServers.count == 2)
        let others = VirtualServer.Key.firewallMark(8, .ipv4)
        kernel.state.virtualServers[others] = VirtualServerState(.init(scheduler: .roundRobin))
        let restarted = reconciler(kernel, journal: journal)
        #expect(await restarted.take(SourceUpdate(changed: [Self.document(key: mark)])).plan.isEmpty)
        #expect(await restarted.take(SourceUpdate(removed: [Self.document().key])).succeeded)
        #expect(kernel.state.virtualServers.keys.map(\.self) == [others])
    }

    /// Whether the two come one after the other, at once, or in parts before the source has been read whole.
    @Test(arguments: [[true, true], [true], [false, true]])
    func theOlderOfAServiceAndADocumentHasTheAddress(areSynced: [Bool]) async {
        let kernel = FakeKernel()
        let log = TestLog()
        let agent = reconciler(kernel, log: log)
        var older = Service(name: name(1), created: 10, clusterAddresses: [ip("10.96.1.1")], ports: [ServicePort(name: "p80", port: 80)])
        older.externalAddresses = [ip("198.51.100.1")]
        var parts = [[Self.document(created: 20)], [.service(older), slice(1, endpoints: [7])]]
        if areSynced.count == 1 { parts = [parts[0] + parts[1]] }
        for (objects, isSynced) in zip(parts, areSynced) { _ = await agent.take(SourceUpdate(changed: objects, isSynced: isSynced)) }
        #expect(kernel.state.virtualServers[Self.key]?.realServers.keys.map(\.port) == [8080])
        let words = "VirtualServer web: tcp 198.51.100.1:80 belongs to Service default/s1, which is older; it passes over when that goes"
        #expect(log.lines.contains(words), "\(log.lines)")
        _ = await agent.take(SourceUpdate(removed: [.init(.service, name(1))]))
        #expect(kernel.state.virtualServers[Self.key]?.realServers.count == 2)
    }

    /// What it says of health is in force at once, and what people say by hand reaches it by its name.
    @Test func itsServersAreProbedAndDrainedByItsName() async throws {
        var node = await ProbedAgent(nil)
        var policy = HealthPolicy(name: "ipvs-agent.dev/web")
        policy.check = HealthCheck(.tcp)
        await node.take(Self.document(health: policy))
        #expect(Set(node.probes.map(\.address)) == [ip("10.244.0.1"), ip("10.244.0.2")])
        func weights() -> [UInt8: Int32] {
            let servers = node.kernel.state.virtualServers[Self.key]?.realServers ?? [:]
            return Dictionary(servers.map { ($0.key.address.bytes[3], $0.value.weight) }) { $1 }
        }
        #expect(weights() == [1: 3, 2: 3])
        await node.say(.up, 2)
        await node.say(.down("refused"), 1)
        #expect(weights() == [1: 0, 2: 3])
        await node.say(.up, 1)
        #expect(weights() == [1: 3, 2: 3])
        let target = try #require(HandScope("endpoint", "ipvs-agent.dev/web/10.244.0.2:80"))
        _ = await node.agent.take(hands: HandStates([target: HandEntry(state: .drain, since: .now)]))
        #expect(weights() == [1: 3, 2: 0])
        _ = await node.agent.take(hands: HandStates([.address(ip("10.244.0.1")): HandEntry(state: .drain, since: .now)]))
        #expect(weights() == [1: 0, 2: 3])
        #expect(node.kernel.state.virtualServers[Self.key]?.realServers.values.map(\.upperThreshold) == [9, 9])
        _ = await node.agent.take(hands: HandStates())
        _ = await node.agent.take(SourceUpdate(removed: [Self.document().key]))
        node.collect()
        #expect(node.probes.isEmpty)
    }

    /// Every port goes to such a server, so none of its own can be asked.
    @Test func aServerOfEveryPortIsProbedWhereTheCheckNamesOne() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        let mark = VirtualServer.Key.firewallMark(7, .ipv4)
        let request = VirtualServerRequest(
            name: "marked", key: mark, configuration: .init(scheduler: .roundRobin),
            realServers: [RealServer.Key(ip("10.244.0.1"), port: 0): .init()])
        await node.take(.virtualServer(request))
        #expect(node.probes.isEmpty && node.kernel.state.virtualServers[mark]?.realServers.values.map(\.weight) == [1])
        await node.take(.healthPolicy(ProbedAgent.policy { $0.check = HealthCheck(.tcp, port: 8080) }))
        #expect(node.probes.map(\.port) == [8080])
    }
}
