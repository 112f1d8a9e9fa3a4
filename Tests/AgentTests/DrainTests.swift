import Addresses
import FakeKernel
import HealthModel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Synchronization
import Telemetry
import Testing

@testable import Agent

@Suite struct DrainTests {
    private static let key = VirtualServer.Key.address(ip("10.96.1.1"), port: 80, .tcp)

    private static func real(_ number: Int) -> RealServer.Key { RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32(number)), port: 8080) }

    /// Connections of Service 1's real servers.
    private static func connections(_ counts: [Int: ConnectionCounts]) -> [VirtualServer.Key: [RealServer.Key: (
        ConnectionCounts, TrafficStatistics
    )]] {
        [key: Dictionary(uniqueKeysWithValues: counts.map { (real($0.key), ($0.value, TrafficStatistics())) })]
    }

    @Test func whatLeavesRestsUntilItsConnectionsAreOver() async {
        var node = await ProbedAgent(nil)
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        node.kernel.setTraffic(Self.connections([1: .init(active: 2)]))
        node.kernel.clearLog()
        await node.take(slice(1, endpoints: [2]))
        #expect(
            node.kernel.log.operations.map(\.description) == ["update real server 10.244.0.1:8080 of tcp 10.96.1.1:80 masquerade weight 0"])
        for _ in 0..<5 { await node.pass(.seconds(1)) }
        #expect(node.weights() == [1: 0, 2: 1])
        #expect(node.kernel.log.trafficLooks == [1, 1, 1, 1, 1], "only what is drained is looked at")
        node.kernel.setTraffic(Self.connections([1: .init(inactive: 3)]))
        await node.pass(.seconds(1))
        #expect(node.weights() == [2: 1])
        #expect(node.agent.nextDue == nil)
        let drains = node.events.after(0).filter { $0.kind == .drainBegan || $0.kind == .drainEnded }
        #expect(drains.map(\.kind) == [.drainBegan, .drainEnded])
        let about = "real server 10.244.0.1:8080 of tcp 10.96.1.1:80, Service default/s1"
        #expect(drains.allSatisfy { $0.about == about }, "\(drains.map(\.about))")
    }

    /// Killed between the two, an agent would leave a weight of 0 without a deadline, and the next one would begin the time anew.
    @Test func theDeadlineIsRememberedBeforeTheWeightIsZero() async {
        let (kernel, journal) = (FakeKernel(), MemoryJournal())
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(30)
        let agent = reconciler(kernel, journal: journal, settings: settings)
        @Sendable func weight() -> Int32? { kernel.state.virtualServers[Self.key]?.realServers[Self.real(1)]?.weight }
        _ = await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1, 2])]))
        let seen = Mutex<[Int32?]>([])
        journal.watch { content in
            if content.drains.keys.map(\.realServer) == [Self.real(1)] { seen.withLock { $0.append(weight()) } }
        }
        _ = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [2])]))
        #expect(weight() == 0)
        #expect(seen.withLock { $0 } == [1])
    }

    /// Until the kernel knows, clients are sent to a server that may be dead; who reads the log can wait.
    @Test func theKernelIsToldBeforeAnybodyElse() async {
        var node = await ProbedAgent(nil)
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        let events = node.events
        @Sendable func isTold() -> Bool { events.after(0).contains { $0.kind == .drainBegan } }
        let seen = Mutex<[Bool]>([])
        node.kernel.setFault { _ in
            seen.withLock { $0.append(isTold()) }
            return nil
        }
        await node.take(slice(1, endpoints: [2]))
        #expect(seen.withLock { $0 } == [false])
        #expect(isTold())
    }

    @Test func orUntilItsTimeIsUp() async {
        var node = await ProbedAgent(nil, drainTimeout: .seconds(10))
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        node.kernel.setTraffic(Self.connections([1: .init(active: 2)]))
        await node.take(slice(1, endpoints: [2]))
        for _ in 0..<9 { await node.pass(.seconds(1)) }
        #expect(node.weights() == [1: 0, 2: 1])
        await node.pass(.seconds(1))
        #expect(node.weights() == [2: 1])
    }

    /// Of servers that leave one after the other, each has the whole time.
    @Test func eachHasATimeOfItsOwn() async {
        var node = await ProbedAgent(nil, drainTimeout: .seconds(10))
        await node.take(service(1), slice(1, endpoints: [1, 2, 3]))
        node.kernel.setTraffic(Self.connections([1: .init(active: 1), 2: .init(active: 1)]))
        await node.take(slice(1, endpoints: [2, 3]))
        await node.pass(.seconds(5))
        await node.take(slice(1, endpoints: [3]))
        await node.pass(.seconds(4))
        #expect(node.weights() == [1: 0, 2: 0, 3: 1])
        await node.pass(.seconds(1))
        #expect(node.weights() == [2: 0, 3: 1])
        await node.pass(.seconds(4))
        #expect(node.weights() == [2: 0, 3: 1])
        await node.pass(.seconds(1))
        #expect(node.weights() == [3: 1])
    }

    /// What comes back meanwhile has no deadline any more: should it leave again, it has the whole time, a restart between the two or not.
    @Test(arguments: [false, true]) func whatLeavesAgainHasTheWholeTimeAgain(isKilledBetween: Bool) async {
        let (kernel, journal, clock) = (FakeKernel(), MemoryJournal(), TestClock())
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(10)
        var agent = reconciler(kernel, journal: journal, settings: settings, clock: clock)
        func pass(_ duration: Duration) async {
            clock.advance(by: duration)
            while agent.hasWork { _ = await agent.work() }
        }
        func weight() -> Int32? { kernel.state.virtualServers[Self.key]?.realServers[Self.real(1)]?.weight }
        _ = await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1, 2])]))
        kernel.setTraffic(Self.connections([1: .init(active: 1)]))
        _ = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [2])]))
        await pass(.seconds(8))
        _ = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [1, 2])]))
        #expect(weight() == 1)
        if isKilledBetween {
            agent = reconciler(kernel, journal: journal, settings: settings, clock: clock)
            // It has left when the next one comes.
            _ = await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [2])]))
        } else {
            _ = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [2])]))
        }
        await pass(.seconds(9))
        #expect(weight() == 0)
        await pass(.seconds(1))
        #expect(weight() == nil)
    }

    @Test func deadlinesCountWhereConnectionsCannotBeSeen() async {
        var node = await ProbedAgent(nil, drainTimeout: .seconds(10))
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        node.kernel.setLookFault { _ in .init(.privilege, "no") }
        await node.take(slice(1, endpoints: [2]))
        await node.pass(.seconds(9))
        #expect(node.weights() == [1: 0, 2: 1])
        await node.pass(.seconds(2))
        #expect(node.weights() == [2: 1])
    }

    @Test func aConnectionThatIsJustBeingMadeHasItsTime() async {
        var node = await ProbedAgent(nil)
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        await node.take(slice(1, endpoints: [2]))
        await node.pass(.milliseconds(900))
        #expect(node.weights() == [1: 0, 2: 1])
        await node.pass(.milliseconds(100))
        #expect(node.weights() == [2: 1])
    }

    /// Also where a look at those that rest already comes sooner.
    @Test func whatJoinsOthersAtRestHasItsTimeToo() async {
        var node = await ProbedAgent(nil)
        await node.take(service(1), slice(1, endpoints: [1, 2, 3]))
        node.kernel.setTraffic(Self.connections([1: .init(active: 2)]))
        await node.take(slice(1, endpoints: [2, 3]))
        await node.pass(.milliseconds(900))
        await node.take(slice(1, endpoints: [3]))
        await node.pass(.milliseconds(100))
        #expect(node.weights() == [1: 0, 2: 0, 3: 1], "it has rested for a tenth of a second")
        await node.pass(.seconds(1))
        #expect(node.weights() == [1: 0, 3: 1])
    }

    @Test func whatComesBackGoesOnAsBefore() async {
        var node = await ProbedAgent(nil)
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        node.kernel.setTraffic(Self.connections([1: .init(active: 2)]))
        await node.take(slice(1, endpoints: [2]))
        await node.pass(.seconds(3))
        await node.take(slice(1, endpoints: [1, 2]))
        #expect(node.weights() == [1: 1, 2: 1])
        await node.pass(.seconds(60))
        #expect(node.weights() == [1: 1, 2: 1] && node.agent.nextDue == nil)
        #expect(node.events.after(0).contains { $0.kind == .drainCancelled })
    }

    @Test(
        arguments: [
            ([.active], ConnectionCounts(inactive: 1, persistent: 1), true),
            ([.active, .inactive], ConnectionCounts(inactive: 1), false), ([.persistent], ConnectionCounts(persistent: 1), false),
            ([.persistent], ConnectionCounts(active: 1, inactive: 1), true), ([], ConnectionCounts(active: 1), true),
        ] as [(Set<HealthPolicy.DrainPolicy.Remainder>, ConnectionCounts, Bool)])
    func whatIsWaitedForIsSaidByThePolicy(waitFor: Set<HealthPolicy.DrainPolicy.Remainder>, counts: ConnectionCounts, isOver: Bool) async {
        var node = await ProbedAgent(ProbedAgent.policy { $0.drain.waitFor = waitFor })
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        node.kernel.setTraffic(Self.connections([1: counts]))
        await node.say(.down("refused"), 1)
        await node.pass(.seconds(2))
        #expect((node.weights()[1] == nil) == isOver)
    }

    @Test func theServiceSaysHowLong() async {
        var node = await ProbedAgent(nil, drainTimeout: .seconds(5))
        await node.take(service(1, annotations: ["drain-timeout": "20s"]), slice(1, endpoints: [1, 2]))
        node.kernel.setTraffic(Self.connections([1: .init(active: 2)]))
        await node.take(slice(1, endpoints: [2]))
        await node.pass(.seconds(15))
        #expect(node.weights() == [1: 0, 2: 1])
        await node.pass(.seconds(5))
        #expect(node.weights() == [2: 1])
        await node.take(service(1, annotations: ["drain-timeout": "0"]))
        await node.take(slice(1, endpoints: [3]))
        #expect(node.weights() == [3: 1], "nothing is waited for")
    }

    @Test func aDeletedServiceStaysReachableUntilItsConnectionsAreOver() async {
        let objects = [service(1, ports: [80, 443]), slice(1, ports: [80, 443], endpoints: [1, 2])]
        var node = await ProbedAgent(nil)
        await node.take(objects[0], objects[1], service(2), slice(2, endpoints: [1]))
        let rest = await fromScratch([service(2), slice(2, endpoints: [1])])
        node.kernel.setTraffic(Self.connections([1: .init(active: 2)]))
        _ = await node.agent.take(SourceUpdate(removed: objects.map(\.key)))
        #expect(node.weights() == [1: 0, 2: 0])
        await node.pass(.seconds(2))
        #expect(node.weights() == [1: 0])
        #expect(node.weights(port: 443) == [:])
        #expect(node.kernel.state.addresses.contains(ip("10.96.1.1")))
        let guarded = SetEntry.address(ip("10.96.1.1"))
        let entry = SetEntry.addressPort(ip("10.96.1.1"), 80, .tcp)
        #expect(node.kernel.state.sets[SetKey(.boundAddresses, .ipv4)]?.entries.contains(guarded) == true)
        #expect(node.kernel.state.sets[SetKey(.clusterIP, .ipv4)]?.entries.contains(entry) == true)
        #expect(node.agent.wanted.owners == ["default/s2"])
        node.kernel.clearLog()
        node.kernel.setTraffic([:])
        await node.pass(.seconds(1))
        #expect(
            node.kernel.log.operations.map(\.description).first == "unbind address 10.96.1.1",
            "as everything goes: the address first, the virtual server last")
        expectAlike(node.kernel.state, rest)
    }

    @Test func aServiceThatTakesTheAddressOverFindsItsConnectionsWhole() async {
        var node = await ProbedAgent(nil)
        await node.take(service(1), slice(1, endpoints: [1]))
        node.kernel.setTraffic(Self.connections([1: .init(active: 2)]))
        _ = await node.agent.take(SourceUpdate(removed: [service(1).key, slice(1, endpoints: []).key]))
        await node.pass(.seconds(3))
        await node.take(service(2, address: ip("10.96.1.1"), annotations: ["scheduler": "sh"]), slice(2, endpoints: [5]))
        #expect(node.weights(1) == [1: 0, 5: 1])
        #expect(node.kernel.state.virtualServers[Self.key]?.configuration.scheduler.rawValue == "sh")
        node.kernel.setTraffic([:])
        await node.pass(.seconds(1))
        #expect(node.weights(1) == [5: 1])
        expectAlike(
            node.kernel.state,
            await fromScratch([service(2, address: ip("10.96.1.1"), annotations: ["scheduler": "sh"]), slice(2, endpoints: [5])]))
    }

    @Test func aFlowWithoutConnectionsIsNeverKeptAtWhatHasGone() async {
        var node = await ProbedAgent(nil)
        let dns = Service(name: name(1), clusterAddresses: [ip("10.96.1.1")], ports: [ServicePort(name: "dns", transport: .udp, port: 53)])
        func endpoints(_ numbers: [Int]) -> SourceObject {
            .endpointSlice(
                EndpointSlice(
                    name: name(1), service: name(1), family: .ipv4, ports: [EndpointPort(name: "dns", transport: .udp, port: 53)],
                    endpoints: numbers.map { Endpoint(address: IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), nodeName: "n2") }))
        }
        await node.take(.service(dns), endpoints([1, 2]))
        await node.take(endpoints([2]))
        #expect(node.kernel.state.virtualServers.values.first?.realServers.count == 1)
    }

    @Test func whereStickyClientsAreKeptOnlyAHandLetsAServerRest() async {
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(30)
        settings.keepsStickyClients = true
        let kernel = FakeKernel()
        let agent = reconciler(kernel, settings: settings)
        var sticky = Service(name: name(1), clusterAddresses: [ip("10.96.1.1")], ports: [ServicePort(name: "p80", port: 80)])
        sticky.affinityTimeout = 600
        _ = await agent.take(SourceUpdate(changed: [.service(sticky), slice(1, endpoints: [1, 2, 3])]))
        #expect(kernel.state.sysctls["net.ipv4.vs.expire_quiescent_template"] == "0")
        _ = await agent.take(hands: HandStates([.address(ip("10.244.0.1")): HandEntry(state: .drain, since: .now)]))
        #expect(kernel.state.virtualServers[Self.key]?.realServers[Self.real(1)]?.weight == 0)
        _ = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [1, 3])]))
        #expect(kernel.state.virtualServers[Self.key]?.realServers[Self.real(2)] == nil, "its clients would be sent to it for ever")
    }

    @Test func aDrainGoesOnAfterARestartWithItsDeadline() async {
        let (kernel, journal, clock) = (FakeKernel(), MemoryJournal(), TestClock())
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(100)
        func agent(_ journal: MemoryJournal) -> Reconciler { reconciler(kernel, journal: journal, settings: settings, clock: clock) }
        func pass(_ duration: Duration, _ agent: Reconciler) async {
            clock.advance(by: duration)
            while agent.hasWork { _ = await agent.work() }
        }
        let objects = [service(1), slice(1, endpoints: [1, 2]), service(2), slice(2, endpoints: [1])]
        let first = agent(journal)
        _ = await first.take(SourceUpdate(changed: objects))
        kernel.setTraffic(Self.connections([1: .init(active: 1), 2: .init(active: 1)]))
        _ = await first.take(SourceUpdate(removed: [service(1).key, slice(1, endpoints: []).key]))
        await pass(.seconds(60), first)
        #expect(kernel.state.virtualServers[Self.key]?.realServers.count == 2)
        let standing = kernel.state
        kernel.clearLog()
        let second = agent(journal)
        _ = await second.take(SourceUpdate(changed: [objects[2], objects[3]]))
        #expect(kernel.log.operations.isEmpty && kernel.state == standing, "mid-drain nothing is done at a restart")
        await pass(.seconds(39), second)
        #expect(kernel.state.virtualServers[Self.key]?.realServers.count == 2)
        await pass(.seconds(1), second)
        expectAlike(kernel.state, await fromScratch([objects[2], objects[3]]))
        // Without the file the deadline is lost, and nothing else.
        kernel.state = standing
        let third = agent(MemoryJournal())
        _ = await third.take(SourceUpdate(changed: [objects[2], objects[3]]))
        #expect(kernel.state == standing)
        await pass(.seconds(99), third)
        #expect(kernel.state == standing)
        await pass(.seconds(1), third)
        expectAlike(kernel.state, await fromScratch([objects[2], objects[3]]))
    }

    @Test func whatABadDocumentMayStandForIsNotDrained() async {
        let kernel = FakeKernel()
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(100)
        _ = await reconciler(kernel, settings: settings).take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1])]))
        let standing = kernel.state
        let agent = reconciler(kernel, settings: settings)
        _ = await agent.take(SourceUpdate(problems: [SourceProblem(place: "x", message: "y")]))
        #expect(kernel.state == standing)
        _ = await agent.take(SourceUpdate(problems: []))
        #expect(kernel.state.virtualServers[Self.key]?.realServers[Self.real(1)]?.weight == 0)
    }

    @Test func aLookIsNeverAtMoreThanSome() async {
        var node = await ProbedAgent(nil)
        var traffic: [VirtualServer.Key: [RealServer.Key: (ConnectionCounts, TrafficStatistics)]] = [:]
        for number in 1...70 {
            await node.take(service(number), slice(number, endpoints: [1, 2]))
            traffic[.address(IPAddress(ipv4: 0x0a60_0100 + UInt32(number)), port: 80, .tcp)] = [Self.real(1): (.init(active: 1), .init())]
        }
        node.kernel.setTraffic(traffic)
        for number in 1...70 { await node.take(slice(number, endpoints: [2])) }
        node.kernel.clearLog()
        await node.pass(.seconds(1))
        #expect(node.kernel.log.trafficLooks.max() == Drains.atOnce)
        #expect(node.kernel.log.trafficLooks.reduce(0, +) == 70)
    }
}
