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

/// The second virtual server of Services with `externalTrafficPolicy: Local`, and its packet mark.
@Suite struct InsideMarkTests {
    private static let address = ip("203.0.113.1")

    private static func objects(_ numbers: ClosedRange<Int> = 1...1, policy: TrafficPolicy = .local, address: IPAddress = address)
        -> [SourceObject]
    {
        numbers.flatMap { number -> [SourceObject] in
            var object = Service(
                name: name(number), created: Int64(number), type: .loadBalancer,
                clusterAddresses: [IPAddress(ipv4: 0x0a60_0100 + UInt32(number))], ports: [ServicePort(name: "p80", port: 80)])
            object.externalTrafficPolicy = policy
            object.loadBalancerAddresses = [address]
            return [.service(object), slice(number, endpoints: [1, 2])]
        }
    }

    private static let set = SetKey(.insideMark, .ipv4)

    private func marks(_ kernel: FakeKernel) -> [UInt32] {
        kernel.state.virtualServers.keys.compactMap { key in
            if case .firewallMark(let mark, _) = key { mark } else { nil }
        }
    }

    private func entries(_ kernel: FakeKernel) -> Set<SetEntry> { kernel.state.sets[Self.set]?.entries ?? [] }

    @Test func theEntryLeadsToTheVirtualServerAndBothGoTogether() async throws {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        #expect(await agent.take(SourceUpdate(changed: Self.objects())).succeeded)
        let mark = try #require(marks(kernel).first)
        #expect(entries(kernel) == [.addressPortMark(Self.address, 80, .tcp, mark)])
        #expect(kernel.state.virtualServers[.firewallMark(mark, .ipv4)]?.realServers.count == 2)
        #expect(kernel.state.virtualServers[.address(Self.address, port: 80, .tcp)]?.realServers.count == 1)
        let round = await agent.take(SourceUpdate(changed: Self.objects(policy: .cluster)))
        #expect(round.succeeded && marks(kernel) == [] && entries(kernel) == [])
        // The entry first: without it, traffic from inside goes where the rest goes.
        let order = round.plan.operations.filter { "\($0)".contains("fwmark") || "\($0)".contains("INSIDE-MARK") }
        #expect(order.map { "\($0)".prefix(12) } == ["remove entry", "remove virtu"])
    }

    /// The mark that stands is kept, whatever one the name leads to: connections end with their virtual server.
    @Test func aRestartKeepsTheMarksThatStand() async throws {
        let kernel = FakeKernel()
        #expect(await reconciler(kernel).take(SourceUpdate(changed: Self.objects())).succeeded)
        let mark = try #require(marks(kernel).first)
        let other = mark ^ 1
        kernel.state.virtualServers[.firewallMark(other, .ipv4)] = kernel.state.virtualServers.removeValue(
            forKey: .firewallMark(mark, .ipv4))
        kernel.state.sets[Self.set]?.entries = [.addressPortMark(Self.address, 80, .tcp, other)]
        let before = kernel.state
        let restarted = reconciler(kernel)
        let round = await restarted.take(SourceUpdate(changed: Self.objects()))
        #expect(round.plan.isEmpty, "\(round.plan)")
        expectAlike(kernel.state, before)
    }

    /// Of two Services with one address the older one's mark counts, so that no traffic takes the other's way.
    @Test func theEntryIsThatOfWhoHasTheAddress() async throws {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        #expect(await agent.take(SourceUpdate(changed: Self.objects(2...2))).succeeded)
        let younger = entries(kernel)
        #expect(await agent.take(SourceUpdate(changed: Self.objects(1...1))).succeeded)
        #expect(entries(kernel).count == 1 && entries(kernel) != younger)
        let older = try #require(entries(kernel).first?.mark)
        #expect(kernel.state.virtualServers[.firewallMark(older, .ipv4)] != nil && marks(kernel).count == 2)
        #expect(await agent.take(SourceUpdate(removed: [.init(.service, name(1))])).succeeded)
        #expect(entries(kernel) == younger)
    }

    /// An entry with another mark is drift, and is put right although the kernel knows both by the same address and port.
    @Test func anotherMarkIsPutRight() async throws {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = reconciler(kernel, log: log)
        #expect(await agent.take(SourceUpdate(changed: Self.objects())).succeeded)
        let before = kernel.state
        kernel.state.sets[Self.set]?.entries = [.addressPortMark(Self.address, 80, .tcp, 7)]
        await sweep(agent, kernel)
        expectAlike(kernel.state, before)
        #expect(log.drifts.contains { $0.contains("INSIDE-MARK") }, "\(log.drifts)")
    }

    /// Virtual servers by marks of ours that nobody wants go; others' stay.
    @Test func marksOfOursAreTold() async {
        let kernel = FakeKernel()
        for mark in [0x1000_0007, 7, 0x2000_0000] as [UInt32] {
            kernel.state.virtualServers[.firewallMark(mark, .ipv4)] = VirtualServerState(.init(scheduler: .roundRobin))
        }
        let agent = reconciler(kernel)
        #expect(await agent.take(SourceUpdate(changed: Self.objects(policy: .cluster))).succeeded)
        #expect(Set(marks(kernel)) == [7, 0x2000_0000])
        #expect(await agent.cleanup().succeeded)
        #expect(Set(marks(kernel)) == [7, 0x2000_0000])
    }

    /// A kernel without the table mangle or the target: all else is in force, and what is missing is told and tried again.
    @Test func withoutTheTargetTheRestIsInForce() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        kernel.setFault { operation in
            guard case .changeRules(let change) = operation, change.tables["mangle"] != nil else { return nil }
            return KernelFailure(.missingFeature, "the kernel has no target SET")
        }
        let agent = reconciler(kernel, log: log)
        let round = await agent.take(SourceUpdate(changed: Self.objects()))
        #expect(round.failures.count == 2)
        for family in AddressFamily.allCases { #expect(kernel.state.rules[family]?.tables.keys.sorted() == ["filter", "nat"]) }
        #expect(kernel.state.virtualServers[.address(Self.address, port: 80, .tcp)]?.realServers.count == 1)
        #expect(log.lines.contains { $0.contains("mangle") && $0.contains("target SET") }, "\(log.lines)")
        #expect(agent.retryDelay != nil)
    }

    /// What becomes of marks while 60 Services come, go and change between the policies: no mark leads astray, and a restart changes nothing.
    @Test func noMarkLeadsAstray() async throws {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        for turn in 0..<4 {
            var changed: [SourceObject] = []
            for number in 1...60 {
                let policy: TrafficPolicy = (number + turn) % 3 == 0 ? .cluster : .local
                changed += Self.objects(number...number, policy: policy, address: IPAddress(ipv4: 0xcb00_7100 + UInt32(number)))
            }
            #expect(await agent.take(SourceUpdate(changed: changed)).succeeded)
            #expect(entries(kernel).count == 40 && marks(kernel).count == 40)
            for entry in entries(kernel) {
                let mark = try #require(entry.mark)
                #expect(kernel.state.virtualServers[.firewallMark(mark, .ipv4)] != nil)
            }
            #expect(Set(entries(kernel).compactMap(\.mark)).count == 40)
            let round = await reconciler(kernel).take(SourceUpdate(changed: changed))
            #expect(round.plan.isEmpty, "\(round.plan.description.prefix(300))")
        }
    }

    // MARK: Connections of a Service that is gone

    private static let second = ip("203.0.113.2")

    /// A Service with two addresses that lead to one mark.
    private static var exposed: [SourceObject] {
        objects().map { object in
            guard case .service(var service) = object else { return object }
            service.externalAddresses = [second]
            return .service(service)
        }
    }

    private typealias Traffic = [VirtualServer.Key: [RealServer.Key: (ConnectionCounts, TrafficStatistics)]]

    /// One connection to the endpoint of each number.
    private static func traffic(_ numbers: [VirtualServer.Key: [Int]]) -> Traffic {
        numbers.mapValues { numbers in
            Dictionary(
                uniqueKeysWithValues: numbers.map {
                    (RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), port: 8080), (.init(active: 1), .init()))
                })
        }
    }

    private static var draining: CompilerSettings {
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(100)
        return settings
    }

    private func pass(_ duration: Duration, _ agent: Reconciler, _ clock: TestClock) async {
        clock.advance(by: duration)
        while agent.hasWork { _ = await agent.work() }
    }

    private func weights(_ key: VirtualServer.Key, _ kernel: FakeKernel) -> [Int: Int32]? {
        kernel.state.virtualServers[key].map { server in
            Dictionary(uniqueKeysWithValues: server.realServers.map { (Int($0.key.address.bytes[3]), $0.value.weight) })
        }
    }

    /// What connections from inside need of the node, and what tells whose they are.
    private func expectHeld(_ kernel: FakeKernel, _ mark: UInt32, _ place: SourceLocation = #_sourceLocation) {
        #expect(weights(.firewallMark(mark, .ipv4), kernel) == [1: 0], sourceLocation: place)
        for address in [Self.address, Self.second] {
            #expect(kernel.state.addresses.contains(address), sourceLocation: place)
            #expect(weights(.address(address, port: 80, .tcp), kernel) == [:], sourceLocation: place)
            #expect(entries(kernel).contains(.addressPortMark(address, 80, .tcp, mark)), sourceLocation: place)
            let set = SetKey(address == Self.second ? .externalIPLocal : .loadBalancerLocal, .ipv4)
            #expect(kernel.state.sets[set]?.entries.contains(.addressPort(address, 80, .tcp)) == true, sourceLocation: place)
        }
        #expect(!kernel.state.addresses.contains(ip("10.96.1.1")), "nothing goes on there", sourceLocation: place)
    }

    /// The virtual server for traffic from inside has no address: while connections by it go on, those that lead to it stay, with their entries,
    /// a kill included; until they are over, or their time is up.
    @Test(arguments: [false, true]) func aDeletedServiceStaysReachableFromInside(untilItsTimeIsUp: Bool) async throws {
        let (kernel, journal, clock) = (FakeKernel(), MemoryJournal(), TestClock())
        func agent() -> Reconciler { reconciler(kernel, journal: journal, settings: Self.draining, clock: clock) }
        let others = [service(7), slice(7, endpoints: [3])]
        let goal = await fromScratch(others)
        let first = agent()
        #expect(await first.take(SourceUpdate(changed: Self.exposed + others)).succeeded)
        let mark = try #require(marks(kernel).first)
        // One endpoint is here and serves those outside; a connection from inside has the other.
        kernel.setTraffic(Self.traffic([.firewallMark(mark, .ipv4): [1], .address(Self.address, port: 80, .tcp): [2]]))
        _ = await first.take(SourceUpdate(removed: Self.exposed.map(\.key)))
        await pass(.seconds(2), first, clock)
        #expect(weights(.address(Self.address, port: 80, .tcp), kernel) == [2: 0])
        kernel.setTraffic(Self.traffic([.firewallMark(mark, .ipv4): [1]]))
        await pass(.seconds(58), first, clock)
        expectHeld(kernel, mark)
        kernel.clearLog()
        let second = agent()
        _ = await second.take(SourceUpdate(changed: others))
        await pass(.seconds(39), second, clock)
        expectHeld(kernel, mark)
        #expect(kernel.log.operations.isEmpty, "\(kernel.log.operations)")
        if !untilItsTimeIsUp { kernel.setTraffic([:]) }
        await pass(.seconds(1), second, clock)
        expectAlike(kernel.state, goal)
    }

    /// What outlives it at the address keeps that, and not the entry which led to it.
    @Test func theEntryGoesWithItsVirtualServer() async throws {
        let (kernel, clock) = (FakeKernel(), TestClock())
        let agent = reconciler(kernel, settings: Self.draining, clock: clock)
        let outside = VirtualServer.Key.address(Self.address, port: 80, .tcp)
        #expect(await agent.take(SourceUpdate(changed: Self.exposed)).succeeded)
        let mark = try #require(marks(kernel).first)
        kernel.setTraffic(Self.traffic([.firewallMark(mark, .ipv4): [1], outside: [2]]))
        _ = await agent.take(SourceUpdate(removed: Self.exposed.map(\.key)))
        await pass(.seconds(2), agent, clock)
        #expect(entries(kernel).count == 2)
        kernel.setTraffic(Self.traffic([outside: [2]]))
        await pass(.seconds(1), agent, clock)
        #expect(marks(kernel) == [] && entries(kernel) == [])
        #expect(kernel.state.addresses == [Self.address] && weights(outside, kernel) == [2: 0])
        kernel.setTraffic([:])
        await pass(.seconds(1), agent, clock)
        expectAlike(kernel.state, await fromScratch([]))
    }

    /// Killed anywhere while the Service goes, an agent leaves what the next one needs to see it go.
    @Test func aKillWhileItGoesLosesNoWay() async throws {
        let goal = await fromScratch([])
        for count in 0... {
            let (kernel, journal, clock) = (FakeKernel(), MemoryJournal(), TestClock())
            func agent() -> Reconciler { reconciler(kernel, journal: journal, settings: Self.draining, clock: clock) }
            let first = agent()
            #expect(await first.take(SourceUpdate(changed: Self.exposed)).succeeded)
            let mark = try #require(marks(kernel).first)
            kernel.setTraffic(Self.traffic([.firewallMark(mark, .ipv4): [1]]))
            kernel.die(after: count)
            _ = await first.take(SourceUpdate(removed: Self.exposed.map(\.key)))
            for _ in 0..<2 where !kernel.isDead { await pass(.seconds(1), first, clock) }
            let wasKilled = kernel.isDead
            kernel.die(after: nil)
            let second = agent()
            _ = await second.take(SourceUpdate())
            for _ in 0..<3 { await pass(.seconds(1), second, clock) }
            expectHeld(kernel, mark)
            kernel.setTraffic([:])
            for _ in 0..<2 { await pass(.seconds(1), second, clock) }
            expectAlike(kernel.state, goal)
            guard wasKilled else { break }
        }
    }
}
