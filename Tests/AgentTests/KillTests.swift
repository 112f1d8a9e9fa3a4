import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import Testing

/// The agent is killed at every operation of a plan; the next one must find its way from there.
@Suite struct KillTests {
    private static let before = (0..<4).flatMap { [service($0, ports: [80, 443]), slice($0, ports: [80, 443], endpoints: [1, 2, 3])] }

    /// Two services go, one comes, one changes its endpoints and its address.
    private static let update = SourceUpdate(
        changed: [
            service(9), slice(9, endpoints: [5, 6]), slice(2, ports: [80, 443], endpoints: [3, 4]),
            service(3, ports: [80], address: IPAddress(ipv4: 0x0a60_01ff)),
        ],
        removed: [0, 1].flatMap { number in
            [.init(.service, name(number)), .init(.endpointSlice, ObjectName(namespace: "default", name: "s\(number)-1"))]
        })

    private static var after: [SourceObject] {
        before.filter { object in
            !update.removed.contains(object.key) && !update.changed.contains { $0.key == object.key }
        } + update.changed
    }

    @Test func atEveryOperationOfTheFirstStart() async {
        let goal = await fromScratch(Self.before)
        for count in 0... {
            let kernel = FakeKernel()
            let journal = MemoryJournal()
            kernel.die(after: count)
            _ = await reconciler(kernel, journal: journal).take(SourceUpdate(changed: Self.before))
            guard kernel.isDead else { break }
            expectServedAddresses(kernel.state)
            kernel.die(after: nil)
            _ = await reconciler(kernel, journal: journal).take(SourceUpdate(changed: Self.before))
            #expect(kernel.state == goal, "killed after \(count) operations")
        }
    }

    @Test func atEveryOperationOfAChange() async {
        let goal = await fromScratch(Self.after)
        for count in 0... {
            let kernel = FakeKernel()
            let journal = MemoryJournal()
            let agent = reconciler(kernel, journal: journal)
            _ = await agent.take(SourceUpdate(changed: Self.before))
            let kept = kernel.state.virtualServers.filter { key, state in goal.virtualServers[key]?.configuration == state.configuration }
            kernel.clearLog()
            kernel.die(after: count)
            _ = await agent.take(Self.update)
            guard kernel.isDead else { break }
            expectServedAddresses(kernel.state)
            kernel.die(after: nil)
            _ = await reconciler(kernel, journal: journal).take(SourceUpdate(changed: Self.after))
            #expect(kernel.state == goal, "killed after \(count) operations")
            // What is wanted before and after was never taken away, so its connections never noticed.
            for operation in kernel.log.operations {
                if case .removeVirtualServer(let key) = operation { #expect(kept[key] == nil, "\(operation)") }
                if case .removeRealServer(let real, let key) = operation { #expect(goal.virtualServers[key]?.realServers[real] == nil) }
                if case .removeAddress(let address) = operation { #expect(!goal.addresses.contains(address)) }
            }
        }
    }

    /// The journal is lost with the agent: what is ours by its address is still found, and nothing that is wanted is harmed.
    @Test func withoutTheJournal() async {
        let goal = await fromScratch(Self.after)
        for count in 0... {
            let kernel = FakeKernel()
            _ = await reconciler(kernel).take(SourceUpdate(changed: Self.before))
            let agent = reconciler(kernel)
            _ = await agent.take(SourceUpdate(changed: Self.before))
            kernel.die(after: count)
            _ = await agent.take(Self.update)
            guard kernel.isDead else { break }
            kernel.die(after: nil)
            _ = await reconciler(kernel).take(SourceUpdate(changed: Self.after))
            for (key, state) in goal.virtualServers { #expect(kernel.state.virtualServers[key] == state) }
            #expect(kernel.state.addresses == goal.addresses)
            #expect(kernel.state.sets == goal.sets)
        }
    }

    /// At no moment does an address answer without a virtual server on it, and none stands open without the guard.
    private func expectServedAddresses(_ state: NodeState) {
        let served = Set(state.virtualServers.keys.compactMap(\.address))
        for address in state.addresses {
            #expect(served.contains(address), "\(address) is bound and has no virtual server")
            #expect(state.sets[SetKey(.boundAddresses, .ipv4)]?.entries.contains(.address(address)) == true, "\(address) is not guarded")
        }
    }
}

/// The agent is killed at every operation and every look of drains; the next one goes on with them, and takes nothing away that has connections.
@Suite struct DrainKillTests {
    private static let objects = [
        service(1, ports: [80, 443]), slice(1, ports: [80, 443], endpoints: [1, 2, 3]), service(2), slice(2, endpoints: [1, 2]),
    ]
    private static let removal = SourceUpdate(
        changed: [slice(2, endpoints: [2, 4])], removed: [objects[0].key, objects[1].key])
    private static let left = [service(2), slice(2, endpoints: [2, 4])]
    private static let busy: [VirtualServer.Key: [RealServer.Key: (ConnectionCounts, TrafficStatistics)]] = [
        .address(ip("10.96.1.1"), port: 80, .tcp): [RealServer.Key(ip("10.244.0.1"), port: 8080): (.init(active: 1), .init())],
        .address(ip("10.96.1.2"), port: 80, .tcp): [RealServer.Key(ip("10.244.0.1"), port: 8080): (.init(active: 1), .init())],
    ]

    /// Whether the file was kept, or lost with the agent.
    @Test(arguments: [true, false])
    func atEveryOperation(keepsJournal: Bool) async {
        let goal = await fromScratch(Self.left)
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(60)
        for count in 0... {
            let (kernel, clock, journal) = (FakeKernel(), TestClock(), MemoryJournal())
            func agent(_ journal: MemoryJournal) -> Reconciler { reconciler(kernel, journal: journal, settings: settings, clock: clock) }
            func pass(_ agent: Reconciler) async {
                clock.advance(by: .seconds(1))
                while agent.hasWork { _ = await agent.work() }
            }
            let first = agent(journal)
            _ = await first.take(SourceUpdate(changed: Self.objects))
            kernel.setTraffic(Self.busy)
            kernel.clearLog()
            kernel.die(after: count)
            _ = await first.take(Self.removal)
            for _ in 0..<5 where !kernel.isDead { await pass(first) }
            let wasKilled = kernel.isDead
            kernel.die(after: nil)
            let second = agent(keepsJournal ? journal : MemoryJournal())
            _ = await second.take(SourceUpdate(changed: Self.left))
            for _ in 0..<5 { await pass(second) }
            for (key, realServers) in Self.busy {
                for realServer in realServers.keys {
                    let weight = kernel.state.virtualServers[key]?.realServers[realServer]?.weight
                    #expect(weight == 0, "killed after \(count) operations: \(realServer) of \(key)")
                }
            }
            for operation in kernel.log.operations {
                if case .removeAddress(let address) = operation { Issue.record("\(address) was unbound after \(count) operations") }
                if case .removeRealServer(let realServer, let key) = operation { #expect(Self.busy[key]?[realServer] == nil) }
            }
            kernel.setTraffic([:])
            for _ in 0..<3 { await pass(second) }
            expectAlike(kernel.state, goal)
            if !wasKilled { break }
        }
    }
}
