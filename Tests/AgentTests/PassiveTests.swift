import Addresses
import FakeKernel
import HealthModel
import IPVSModel
import NodeModel
import ServiceModel
import Telemetry
import Testing

@testable import Agent

@Suite struct PassiveTests {
    private static let key = VirtualServer.Key.address(ip("10.96.1.1"), port: 80, .tcp)

    private static func policy() -> HealthPolicy {
        var policy = HealthPolicy(name: "all", selection: .labels([:]))
        policy.passive = HealthPolicy.PassiveDetection()
        policy.drain.timeout = .zero
        return policy
    }

    /// What real servers have done so far: connections, packets in, packets out.
    private static func traffic(_ counts: [Int: (UInt64, UInt64, UInt64)]) -> [VirtualServer.Key: [RealServer.Key: (
        ConnectionCounts, TrafficStatistics
    )]] {
        [
            key: Dictionary(
                uniqueKeysWithValues: counts.map { number, counts in
                    var statistics = TrafficStatistics()
                    (statistics.connections, statistics.incomingPackets, statistics.outgoingPackets) = counts
                    return (RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32(number)), port: 8080), (ConnectionCounts(), statistics))
                })
        ]
    }

    @Test func whatDoesNotAnswerItsClientsIsLeftOutForAWhile() async {
        var node = await ProbedAgent(Self.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2, 3]))
        var ticks: UInt64 = 0
        func tick() async {
            ticks += 1
            // The first gets connections and is silent, the second answers, the third is not asked.
            node.kernel.setTraffic(Self.traffic([1: (ticks * 5, ticks * 15, 7), 2: (ticks * 5, ticks * 20, ticks * 20), 3: (4, 9, 9)]))
            await node.pass(.seconds(2))
        }
        for _ in 0..<2 { await tick() }
        #expect(node.weights() == [1: 1, 2: 1, 3: 1], "one tick alone is no sign")
        await tick()
        #expect(node.weights() == [2: 1, 3: 1])
        #expect(node.events.after(0).contains { $0.kind == .ejected && $0.message.contains("30 s") && $0.about.contains(", Service ") })
        await node.pass(.seconds(29))
        #expect(node.weights() == [2: 1, 3: 1])
        await node.pass(.seconds(1))
        #expect(node.weights() == [1: 1, 2: 1, 3: 1])
        // Again, and for twice as long.
        for _ in 0..<3 { await tick() }
        #expect(node.weights() == [2: 1, 3: 1])
        await node.pass(.seconds(59))
        #expect(node.weights() == [2: 1, 3: 1])
        await node.pass(.seconds(1))
        #expect(node.weights() == [1: 1, 2: 1, 3: 1])
        _ = await node.agent.take(SourceUpdate(removed: [SourceObject.healthPolicy(Self.policy()).key]))
        await node.pass(.seconds(10))
        #expect(node.agent.nextDue == nil, "nobody asks for it any more")
    }

    @Test func whereAllAreSilentAllAreUsed() async {
        var node = await ProbedAgent(Self.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        for tick in 1...4 as ClosedRange<UInt64> {
            node.kernel.setTraffic(Self.traffic([1: (tick, tick, 0), 2: (tick, tick, 0)]))
            await node.pass(.seconds(2))
        }
        #expect(node.weights() == [1: 1, 2: 1])
    }

    @Test func whatNobodyAsksForIsNotLookedAt() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        await node.pass(.seconds(60))
        #expect(node.kernel.log.trafficLooks.isEmpty)
    }
}
