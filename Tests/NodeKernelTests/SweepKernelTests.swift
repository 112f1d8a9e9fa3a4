import Addresses
import IPVSModel
import NodeKernel
import NodeModel
import TestSupport
import Testing

/// Looks of every kind: exact ones, whole ones, and sweeps. Of whichever kernel, as the rest of the contract.
@Suite(.serialized) struct SweepKernelTests {
    private static func exactly(_ kernel: any NodeKernel, _ keys: [VirtualServer.Key]) async -> [VirtualServer.Key: VirtualServerState] {
        do throws(KernelFailure) {
            return try await kernel.observe(virtualServers: keys)
        } catch {
            Issue.record("\(error)")
            return [:]
        }
    }

    private static func shown(_ servers: [VirtualServer.Key: VirtualServerState]) -> [VirtualServer.Key: VirtualServerState] {
        servers.mapValues { VirtualServerState($0.configuration, realServers: $0.realServers.mapValues(\.asFastLookShows)) }
    }

    @Test(arguments: TestKernel.everyLook)
    func theExactLookShowsAllOfWhatItIsAskedFor(on which: TestKernel) async {
        let kernel = await which.empty()
        let node = RandomNode(seed: 1, virtualServers: 200)
        #expect(await kernel.apply(node.operations) == [])
        let wanted = node.state.virtualServers
        #expect(wanted.values.contains { $0.realServers.values.contains { !$0.isShownWhole } })
        #expect(wanted.keys.contains { $0.address == nil })
        let absent = VirtualServer.Key.address(ip("192.0.2.1"), port: 1, .tcp)
        let seen = await Self.exactly(kernel, Array(wanted.keys) + [absent, .firewallMark(99999, .ipv4)])
        #expect(seen == wanted)
        #expect(await Self.exactly(kernel, [absent]) == [:])
        #expect(await Self.exactly(kernel, []) == [:])
    }

    @Test(arguments: TestKernel.everyLook)
    func theWholeLookShowsWhatTheTextOfTheKernelShows(on which: TestKernel) async {
        let kernel = await which.empty()
        let node = RandomNode(seed: 2, virtualServers: 200)
        #expect(await kernel.apply(node.operations) == [])
        #expect(await kernel.observe(.virtualServers).state.virtualServers == Self.shown(node.state.virtualServers))
    }

    @Test("A look sees what stands, whatever is expected", arguments: TestKernel.everyLook)
    func whatIsExpectedChangesNothing(on which: TestKernel) async {
        let kernel = await which.empty()
        let node = RandomNode(seed: 5, virtualServers: 200, entries: 300, addresses: 200)
        #expect(await kernel.apply(node.operations) == [])
        let parts: ObservationScope = [.virtualServers, .link, .sets]
        let seen = await kernel.observe(parts).state
        let standing = node.state.virtualServers
        let expectations: [@Sendable (VirtualServer.Key) -> VirtualServerState?] = [
            { Self.shown(standing)[$0] },
            { standing[$0] },
            { _ in nil },
            // One real server has another weight, one more is there, one is missing.
            { key in
                guard var state = Self.shown(standing)[key] else { return nil }
                let servers = state.realServers.keys.sorted()
                if let first = servers.first { state.realServers[first]?.weight += 1 }
                if let last = servers.last, servers.count > 2 { state.realServers[last] = nil }
                if servers.count == 2 { state.realServers[RealServer.Key(ip("192.0.2.77"), port: 7)] = state.realServers[servers[1]] }
                return state
            },
        ]
        for expectation in expectations {
            let expected = ExpectedState(virtualServerCount: 3, addressCount: 5000, virtualServer: expectation)
            let again = await kernel.observe(parts, expecting: expected).state
            let isAlike = again == seen
            #expect(isAlike)
        }
        #expect(seen.virtualServers == Self.shown(standing))
    }

    @Test(arguments: TestKernel.everyLook)
    func aSweepComesByAllThatStands(on which: TestKernel) async {
        let kernel = await which.empty()
        let node = RandomNode(seed: 3, virtualServers: 400, entries: 700, addresses: 1500)
        #expect(await kernel.apply(node.operations) == [])
        let swept = await Swept.all(of: kernel)
        #expect(swept.failures == [:])
        #expect(swept.passed == ObservationScope.everything.subtracting(.rules))
        let observed = await kernel.observe(swept.passed).state
        let isAlike = swept.state == observed
        #expect(isAlike)
        #expect(observed.virtualServers == Self.shown(node.state.virtualServers))
        #expect(observed.addresses == node.state.addresses)
        #expect(observed.sets.mapValues(\.entries) == node.state.sets.mapValues(\.entries))
        #expect(await kernel.nextSightings() == nil, "it is over")
        #expect(which == .fake || swept.slices.count > 10)
    }

    @Test(arguments: TestKernel.everyLook)
    func aSweepWithoutVirtualServersShowsAllElse(on which: TestKernel) async {
        let kernel = await which.empty()
        let node = RandomNode(seed: 8, virtualServers: 50, entries: 100, addresses: 50)
        let timeouts = ConnectionTimeouts(tcp: 900, tcpFin: 120, udp: 300)
        #expect(await kernel.apply(node.operations + [.setTimeouts(timeouts)]) == [])
        let (whole, swept) = (await Swept.all(of: kernel), await Swept.all(of: kernel, passingServers: false))
        #expect(swept.failures == [:] && swept.passed == ObservationScope.everything.subtracting([.rules, .virtualServers]))
        #expect(!whole.state.virtualServers.isEmpty && !whole.state.sets.isEmpty && whole.state.timeouts == timeouts)
        var expected = whole.state
        expected.virtualServers = [:]
        #expect(swept.state == expected)
    }

    @Test(arguments: TestKernel.everyLook)
    func anEmptyNodeIsSweptToo(on which: TestKernel) async {
        let kernel = await which.empty()
        let swept = await Swept.all(of: kernel)
        #expect(swept.failures == [:] && swept.passed == ObservationScope.everything.subtracting(.rules))
        #expect(
            swept.state.virtualServers.isEmpty && swept.state.sets.isEmpty && swept.state.addresses.isEmpty && swept.state.link == .absent)
    }

    @Test(arguments: TestKernel.everyLook)
    func aSweepThatIsBegunAgainBeginsFromTheBeginning(on which: TestKernel) async {
        let kernel = await which.empty()
        #expect(await kernel.nextSightings() == nil, "nobody began one")
        let node = RandomNode(seed: 4, virtualServers: 100, entries: 100)
        #expect(await kernel.apply(node.operations) == [])
        await kernel.beginSweep()
        _ = await kernel.nextSightings()
        let swept = await Swept.all(of: kernel)
        #expect(swept.state.virtualServers == Self.shown(node.state.virtualServers))
    }

    @Test(arguments: TestKernel.everyLook)
    func aSetThatIsBeingReadCanBeDestroyed(on which: TestKernel) async {
        let kernel = await which.empty()
        let key = SetKey(.healthCheckNodePort, .ipv4)
        let entries = (0..<4000).map { SetMember(key, .port(UInt16($0 * 3))) }
        #expect(await kernel.apply([.createSet(SetDefinition(key))] + entries.map { .addMember($0) }) == [])
        var (wasBegun, members) = (false, 0)
        let swept = await Swept.all(
            of: kernel,
            atEach: { sighting in
                if case .members(key, let some) = sighting { members += some.count }
                guard case .set(key, _) = sighting, !wasBegun else { return }
                wasBegun = true
                let failures = await kernel.apply([.destroySet(key)])
                #expect(failures == [])
            })
        #expect(wasBegun && swept.failures == [:] && swept.passed.contains(.sets))
        #expect(which == .fake || members < 4000, "it was gone before it was read to its end")
    }

    /// What others do meanwhile, and what the agent does, takes nothing away from what stands throughout, but for what goes by position.
    @Test(arguments: TestKernel.everyLook, [5, 6] as [UInt64])
    func changesBetweenSlicesFalsifyNothing(on which: TestKernel, seed: UInt64) async {
        let kernel = await which.empty()
        let node = RandomNode(seed: seed, virtualServers: 400, entries: 1200, addresses: 200)
        #expect(await kernel.apply(node.operations) == [])
        var changing = Changing(seed: seed)
        #expect(await kernel.apply(changing.next()) == [])
        let swept = await Swept.all(
            of: kernel,
            between: {
                let operations = changing.next()
                let failures = await kernel.apply(operations)
                #expect(failures == [])
            })
        #expect(swept.failures == [:])
        let wanted = node.state
        let (shown, seen) = (Self.shown(wanted.virtualServers), swept.state.virtualServers)
        var missed = 0
        for (key, server) in shown {
            guard let found = seen[key], swept.shown.contains(key) else {
                missed += 1
                continue
            }
            #expect(found == server, "\(key)")
        }
        // One that is removed moves at most one other out of a slice's sight, in each of two lists.
        #expect(missed <= 2 * changing.rounds, "\(missed) of \(shown.count)")
        for key in seen.keys where shown[key] == nil { #expect(Changing.isOne(key), "\(key)") }
        for (key, set) in wanted.sets where !Changing.isOne(key) {
            let isWhole = swept.state.sets[key]?.entries.isSuperset(of: set.entries) == true
            #expect(isWhole, "\(key)")
            #expect(swept.state.sets[key]?.typeName == set.typeName)
        }
        #expect(swept.state.addresses.isSuperset(of: wanted.addresses))
        #expect(swept.state.link == .asWanted)
    }

    /// Things that come and go while others stand.
    private struct Changing {
        private var random: SeededGenerator
        private var standing: [VirtualServer.Key] = []
        private var number = 0
        private(set) var rounds = 0

        init(seed: UInt64) { random = SeededGenerator(seed: seed) }

        /// Made and destroyed, while it is read perhaps: it is long enough to be read in many pieces.
        static let set = SetKey(.externalIP, .ipv4)

        static func isOne(_ key: SetKey) -> Bool { key == set }
        static func isOne(_ key: VirtualServer.Key) -> Bool { key.address.map { $0.byte(at: 0) == 0xac } ?? false }

        /// A few operations, all of which succeed.
        mutating func next() -> [Operation] {
            rounds += 1
            number += 2
            let key = VirtualServer.Key.address(RandomNode.address(number, .other), port: 80, .tcp)
            standing.append(key)
            var operations: [Operation] = [
                .addVirtualServer(VirtualServer(key, .init(scheduler: .roundRobin))),
                .addRealServer(RealServer(.init(ip("10.244.9.9"), port: 80), .init()), to: key),
                .addMember(SetMember(SetKey(.clusterIP, .ipv4), .addressPort(ip("172.16.0.1"), UInt16(number), .tcp))),
                .removeMember(SetMember(SetKey(.clusterIP, .ipv4), .addressPort(ip("172.16.0.1"), UInt16(number - 2), .tcp))),
            ]
            if rounds % 3 == 0 {
                operations.append(.removeVirtualServer(standing.remove(at: Int.random(in: standing.indices, using: &random))))
            }
            // Rarely, since a dump of addresses is begun anew where one comes or goes.
            if rounds % 8 == 0 { operations.append(.addAddress(RandomNode.address(number, .other))) }
            if rounds % 7 == 0 {
                operations.append(.destroySet(Self.set))
                operations.append(.createSet(SetDefinition(Self.set)))
                operations += (0..<1000).map { .addMember(SetMember(Self.set, RandomNode.entry($0, of: Self.set))) }
            }
            return operations
        }
    }
}
