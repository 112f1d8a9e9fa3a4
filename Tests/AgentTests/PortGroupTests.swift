import Addresses
import FakeKernel
import HealthModel
import IPVSModel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Testing

@testable import Agent

/// Ports that one virtual server by firewall mark serves, in the agent's hands.
@Suite struct PortGroupTests {
    private static let set = SetKey(.groupMark, .ipv4)
    private static let ports: [(String, TransportProtocol, UInt16)] = [("http", .tcp, 80), ("https", .tcp, 443), ("dns", .udp, 53)]

    private static func objects(
        _ endpoints: [Int], number: Int = 1, annotations: [String: String] = ["fwmark-group": "shop"]
    ) -> [SourceObject] {
        let service = Service(
            name: name(number), clusterAddresses: [IPAddress(ipv4: 0x0a60_0100 + UInt32(number))],
            ports: ports.map { ServicePort(name: $0.0, transport: $0.1, port: $0.2) }, affinityTimeout: 600, annotations: annotations)
        let slice = EndpointSlice(
            name: name(number), service: name(number), family: .ipv4,
            ports: ports.map { EndpointPort(name: $0.0, transport: $0.1, port: $0.2) },
            endpoints: endpoints.map { Endpoint(address: IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), nodeName: "n2") })
        return [.service(service), .endpointSlice(slice)]
    }

    /// The weights of the group's real servers in the kernel, by the last number of their address; of each virtual server.
    private func groups(_ kernel: FakeKernel) -> [UInt32: [Int: Int32]] {
        var groups: [UInt32: [Int: Int32]] = [:]
        for (key, server) in kernel.state.virtualServers {
            guard case .firewallMark(let mark, _) = key else { continue }
            groups[mark] = Dictionary(uniqueKeysWithValues: server.realServers.map { (Int($0.key.address.bytes[3]), $0.value.weight) })
        }
        return groups
    }

    @Test func itStandsIsAdoptedAndGoesWhole() async throws {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        #expect(await agent.take(SourceUpdate(changed: Self.objects([1, 2]))).succeeded)
        let marks = groups(kernel).keys.sorted()
        #expect(marks.count == 2 && marks[1] == marks[0] | 0x4000 && groups(kernel).values.allSatisfy { $0 == [1: 1, 2: 1] })
        #expect(kernel.state.sets[Self.set]?.entries.count == 3)
        #expect(kernel.state.sets[Self.set]?.entries.allSatisfy { $0.mark == marks[0] } == true)
        let before = kernel.state
        let restarted = reconciler(kernel)
        let adopted = await restarted.take(SourceUpdate(changed: Self.objects([1, 2])))
        #expect(adopted.plan.isEmpty, "\(adopted.plan)")
        // One endpoint is one message for each virtual server, whatever else there is.
        let changed = await restarted.take(SourceUpdate(changed: Self.objects([1, 2, 3])))
        #expect(changed.plan.operations.count == 5, "\(changed.plan)")
        #expect(await restarted.take(SourceUpdate(changed: Self.objects([1, 2]))).succeeded)
        expectAlike(kernel.state, before)
        // Out of the group: the entries first, so that packets go by their ports.
        let plain = await restarted.take(SourceUpdate(changed: Self.objects([1, 2], annotations: [:])))
        #expect(plain.succeeded && groups(kernel).isEmpty && kernel.state.sets[Self.set]?.entries == [])
        let kinds = plain.plan.operations.map { "\($0)".prefix(12) }
        #expect(kinds == ["remove entry", "remove entry", "remove entry", "remove virtu", "remove virtu"])
        #expect(await restarted.take(SourceUpdate(changed: Self.objects([1, 2]))).succeeded)
        #expect(await restarted.cleanup().succeeded)
        #expect(kernel.state.virtualServers.isEmpty && kernel.state.sets.isEmpty)
    }

    /// A restart keeps the mark that stands, so that no connection and no client's server is lost.
    @Test func aRestartKeepsTheMarkThatStands() async throws {
        let kernel = FakeKernel()
        #expect(await reconciler(kernel).take(SourceUpdate(changed: Self.objects([1, 2]))).succeeded)
        let mark = try #require(groups(kernel).keys.min())
        for bit in [0, 0x4000] as [UInt32] {
            kernel.state.virtualServers[.firewallMark(mark ^ 1 | bit, .ipv4)] = kernel.state.virtualServers.removeValue(
                forKey: .firewallMark(mark | bit, .ipv4))
        }
        kernel.state.sets[Self.set]?.entries = Set(
            Self.ports.map { .addressPortMark(ip("10.96.1.1"), $0.2, $0.1, mark ^ 1) })
        let before = kernel.state
        let round = await reconciler(kernel).take(SourceUpdate(changed: Self.objects([1, 2])))
        #expect(round.plan.isEmpty, "\(round.plan)")
        expectAlike(kernel.state, before)
    }

    /// Of two Services with one address the older one's group counts, and the other's takes over.
    @Test func theEntryIsThatOfWhoHasTheAddress() async throws {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        func objects(_ number: Int) -> [SourceObject] {
            Self.objects([number], number: number).map { object in
                guard case .service(var service) = object else { return object }
                (service.created, service.clusterAddresses) = (Int64(number), [ip("10.96.7.7")])
                return .service(service)
            }
        }
        func servers() -> [Int] {
            let marks = Set(kernel.state.sets[Self.set]?.entries.compactMap(\.mark) ?? [])
            return marks.flatMap { groups(kernel)[$0]?.keys.map(\.self) ?? [] }
        }
        #expect(await agent.take(SourceUpdate(changed: objects(2))).succeeded)
        #expect(servers() == [2])
        #expect(await agent.take(SourceUpdate(changed: objects(1))).succeeded)
        #expect(servers() == [1])
        #expect(await agent.take(SourceUpdate(removed: [.init(.service, name(1))])).succeeded)
        #expect(servers() == [2])
    }

    /// A server of a group is for all of its ports: it serves as the worst of them is found.
    @Test func aPortThatIsDownTakesTheServerOutOfTheGroup() async throws {
        var node = await ProbedAgent(ProbedAgent.policy(), drainTimeout: .zero)
        _ = await node.agent.take(SourceUpdate(changed: Self.objects([1, 2])))
        node.collect()
        #expect(Set(node.probes.map(\.port)) == [80, 443], "a port of 0 cannot be asked")
        for number in [1, 2] { await node.say(.up, number) }
        #expect(groups(node.kernel).values.allSatisfy { $0 == [1: 1, 2: 1] })
        let https = try #require(node.probes.first { $0.port == 443 && $0.address == ip("10.244.0.1") })
        func say(_ verdict: Verdict) async {
            _ = await node.agent.take([ProbeNews(probe: https, verdict: verdict, at: node.clock.now)])
        }
        await say(.down("refused"))
        await node.pass(.seconds(2))
        #expect(groups(node.kernel).count == 2 && groups(node.kernel).values.allSatisfy { $0 == [2: 1] }, "\(groups(node.kernel))")
        #expect(node.weights(port: 80) == [1: 1, 2: 1], "by itself the port that answers serves")
        await say(.up)
        #expect(groups(node.kernel).values.allSatisfy { $0 == [1: 1, 2: 1] })
    }

    private static func traffic(_ mark: UInt32, _ numbers: [Int]) -> [VirtualServer.Key: [RealServer.Key: (
        ConnectionCounts, TrafficStatistics
    )]] {
        let servers = numbers.map { RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), port: 0) }
        return [
            .firewallMark(mark, .ipv4): Dictionary(
                uniqueKeysWithValues: servers.map { ($0, (ConnectionCounts(active: 1), TrafficStatistics())) })
        ]
    }

    /// Flows to a port of the group go to its real servers, which have no port of their own; also where only the virtual server of those that are
    /// masqueraded still has them.
    @Test func itsFlowsAreNotEnded() async throws {
        var node = await ProbedAgent(nil)
        _ = await node.agent.take(SourceUpdate(changed: Self.objects([1, 2, 3])))
        func flow(_ server: String) -> TrackedFlow {
            TrackedFlow(
                transport: .udp, client: .init(ip("10.244.9.9"), port: 4000), destination: .init(ip("10.96.1.1"), port: 53),
                server: .init(ip(server), port: 53), id: UInt32(ip(server).bytes[3]))
        }
        let mark = try #require(groups(node.kernel).keys.max())
        node.kernel.setTraffic(Self.traffic(mark, [2]))
        await node.take(Self.objects([1])[1])
        await node.pass(.seconds(3))
        #expect(groups(node.kernel) == [mark: [1: 1, 2: 0], mark ^ 0x4000: [1: 1]])
        let live: Set = [flow("10.244.0.1"), flow("10.244.0.2")]
        node.kernel.flows = live.union([flow("10.244.0.3")])
        node.agent.staleFlows.lookSoon(at: node.clock.now)
        await node.pass(.seconds(2))
        #expect(node.kernel.flows == live)
    }

    /// A group's virtual server has no address: while connections of a deleted Service go on by it, those of its ports stay, a restart included.
    @Test func aDeletedServiceStaysReachableUntilItsConnectionsAreOver() async throws {
        let (kernel, journal, clock) = (FakeKernel(), MemoryJournal(), TestClock())
        var settings = CompilerSettings()
        settings.drainTimeout = .seconds(100)
        func agent() -> Reconciler { reconciler(kernel, journal: journal, settings: settings, clock: clock) }
        func pass(_ duration: Duration, _ agent: Reconciler) async {
            clock.advance(by: duration)
            while agent.hasWork { _ = await agent.work() }
        }
        let empty = await fromScratch([])
        let objects = Self.objects([1, 2])
        let first = agent()
        #expect(await first.take(SourceUpdate(changed: objects)).succeeded)
        let mark = try #require(groups(kernel).keys.max())
        kernel.setTraffic(Self.traffic(mark, [2]))
        _ = await first.take(SourceUpdate(removed: objects.map(\.key)))
        for _ in 0..<3 { await pass(.seconds(1), first) }
        #expect(groups(kernel) == [mark: [2: 0]])
        #expect(kernel.state.addresses == [ip("10.96.1.1")])
        #expect(kernel.state.sets[Self.set]?.entries.count == 3, "who comes now is refused by the group")
        kernel.clearLog()
        let second = agent()
        _ = await second.take(SourceUpdate(changed: [service(7)]))
        for _ in 0..<3 { await pass(.seconds(1), second) }
        #expect(groups(kernel) == [mark: [2: 0]] && kernel.state.addresses.contains(ip("10.96.1.1")))
        #expect(
            kernel.log.operations.allSatisfy { !"\($0)".contains("10.96.1.1") && !"\($0)".contains("fwmark") }, "\(kernel.log.operations)")
        // Somebody else is given the address meanwhile: nothing leads to the group any more, and its connections go on.
        let heir = service(8, address: ip("10.96.1.1"))
        _ = await second.take(SourceUpdate(changed: [heir, slice(8, endpoints: [5])]))
        #expect(kernel.state.sets[Self.set]?.entries.count == 2 && groups(kernel) == [mark: [2: 0]])
        _ = await second.take(SourceUpdate(removed: [heir.key, slice(8, endpoints: []).key]))
        kernel.setTraffic([:])
        for _ in 0..<4 { await pass(.seconds(1), second) }
        _ = await second.take(SourceUpdate(removed: [service(7).key]))
        for _ in 0..<4 { await pass(.seconds(1), second) }
        expectAlike(kernel.state, empty)
    }
}
