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

/// Probes through the kernel's balancing: what stands for them, whose verdict counts, and what is told where two ways differ.
@Suite struct ProbePathTests {
    private static func policy(_ path: HealthCheck.Path = .forwardedAndDirect) -> HealthPolicy {
        ProbedAgent.policy { $0.check?.path = path }
    }

    /// The backends that marks lead to, by the last number of their address.
    private func ways(_ node: ProbedAgent) -> [Int: Int32] {
        var ways: [Int: Int32] = [:]
        for (key, server) in node.kernel.state.virtualServers {
            guard case .firewallMark = key else { continue }
            #expect(server.realServers.count == 1)
            for (realServer, configuration) in server.realServers { ways[Int(realServer.address.bytes[3])] = configuration.weight }
        }
        return ways
    }

    private func say(_ verdict: Verdict, _ number: Int, through: Bool, to node: inout ProbedAgent) async {
        let news = node.probes.filter { $0.address.bytes[3] == UInt8(number) && ($0.mark != nil) == through }
            .map { ProbeNews(probe: $0, verdict: verdict, at: node.clock.now) }
        #expect(news.count == 1)
        _ = await node.agent.take(news)
        node.collect()
    }

    @Test func eachBackendHasAWayOfItsOwnForAsLongAsItIsProbed() async {
        var node = await ProbedAgent(Self.policy(), drainTimeout: .zero)
        await node.take(service(1), slice(1, endpoints: [1, 2]), service(2), slice(2, endpoints: [2, 3]))
        #expect(ways(node) == [1: 1, 2: 1, 3: 1], "one for each backend, however many Services share it")
        #expect(node.probes.count == 6, "and each is asked both ways")
        #expect(node.agent.wanted.owners.sorted() == ["default/s1", "default/s2"], "they are nobody's Services")
        await node.take(slice(1, endpoints: [1]))
        #expect(ways(node) == [1: 1, 2: 1, 3: 1])
        await node.take(slice(2, endpoints: [3]))
        #expect(ways(node) == [1: 1, 3: 1])
        await node.take(.healthPolicy(Self.policy(.forwarded)))
        #expect(node.probes.count == 2 && node.probes.allSatisfy { $0.mark != nil })
        await node.take(.healthPolicy(Self.policy(.direct)))
        #expect(ways(node) == [:] && node.probes.count == 2 && node.probes.allSatisfy { $0.mark == nil })
    }

    @Test func aWayGoesAtOnceWhateverIsDrained() async {
        var node = await ProbedAgent(Self.policy(), drainTimeout: .seconds(900))
        await node.take(service(1), slice(1, endpoints: [1]))
        _ = await node.agent.take(SourceUpdate(removed: [service(1).key]))
        node.collect()
        #expect(ways(node) == [:] && node.probes.isEmpty)
        #expect(node.weights() == [1: 0])
    }

    @Test func whatComesThroughCountsAndTheWayStaysOpen() async {
        var node = await ProbedAgent(Self.policy(), drainTimeout: .zero)
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        await say(.down("refused"), 1, through: false, to: &node)
        #expect(node.weights() == [1: 1, 2: 1], "that it does not answer directly is no matter")
        #expect(!node.events.after(0).contains { $0.kind == .backendDown })
        await say(.down("refused"), 2, through: true, to: &node)
        #expect(node.weights()[2] != 1)
        #expect(ways(node) == [1: 1, 2: 1], "what takes no clients is probed on")
        #expect(node.events.after(0).contains { $0.kind == .backendDown && $0.about.contains("through forwarding") })
        await say(.up, 2, through: true, to: &node)
        #expect(node.weights() == [1: 1, 2: 1])
    }

    @Test func aDifferenceThatLastsIsTold() async {
        var node = await ProbedAgent(Self.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        func told() -> [String] {
            node.events.after(0).filter { $0.kind == .pathsDisagree || $0.kind == .pathsAgree }.map(\.kind.rawValue)
        }
        for through in [true, false] { await say(.up, 1, through: through, to: &node) }
        // A death is seen by the one and then by the other.
        await say(.down("refused"), 1, through: true, to: &node)
        await node.pass(.seconds(5))
        await say(.down("refused"), 1, through: false, to: &node)
        await node.pass(.seconds(60))
        #expect(told() == [])
        // And this is another thing: it comes back one way only.
        await say(.up, 1, through: false, to: &node)
        await node.pass(.seconds(43))
        #expect(told() == [])
        await node.pass(.seconds(2))
        #expect(told() == ["pathsDisagree"], "after twice (fall + 1) × interval + timeout")
        await node.pass(.seconds(60))
        #expect(told() == ["pathsDisagree"], "once")
        await say(.up, 1, through: true, to: &node)
        #expect(told() == ["pathsDisagree", "pathsAgree"])
        // What is not probed any more is in no doubt.
        await say(.down("refused"), 1, through: true, to: &node)
        await node.take(slice(1, endpoints: [2]))
        await node.pass(.seconds(60))
        #expect(told() == ["pathsDisagree", "pathsAgree"])
        #expect(node.agent.demand.backends.nextStep == nil)
    }

    @Test func aRestartTakesTheWaysAsTheyStand() async {
        let kernel = FakeKernel()
        var first = await ProbedAgent(Self.policy(), kernel: kernel)
        await first.take(service(1), slice(1, endpoints: [1, 2]))
        let standing = kernel.state.virtualServers
        #expect(standing.count == 3)
        kernel.clearLog()
        var second = await ProbedAgent(Self.policy(), kernel: kernel)
        await second.take(service(1), slice(1, endpoints: [1, 2]))
        #expect(kernel.state.virtualServers == standing)
        #expect(kernel.log.operations.isEmpty, "\(kernel.log.operations)")
        // What an earlier agent left and nobody wants goes.
        var third = await ProbedAgent(Self.policy(.direct), kernel: kernel)
        await third.take(service(1), slice(1, endpoints: [1, 2]))
        await third.pass(.seconds(5))
        #expect(kernel.state.virtualServers.count == 1)
    }
}
