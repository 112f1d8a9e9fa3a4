import Addresses
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import ServiceModel
import Testing

@testable import Agent

@Suite struct StaleFlowTests {
    private static let dns = SourceObject.service(
        Service(name: name(1), clusterAddresses: [ip("10.96.1.1")], ports: [ServicePort(name: "dns", transport: .udp, port: 53)]))

    private static func endpoints(_ numbers: [Int]) -> SourceObject {
        .endpointSlice(
            EndpointSlice(
                name: name(1), service: name(1), family: .ipv4, ports: [EndpointPort(name: "dns", transport: .udp, port: 53)],
                endpoints: numbers.map { Endpoint(address: IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), nodeName: "n2") }))
    }

    private static func flow(
        _ server: String, port: UInt16 = 53, to destination: String = "10.96.1.1", transport: TransportProtocol = .udp
    ) -> TrackedFlow {
        TrackedFlow(
            transport: transport, client: .init(ip("10.244.9.9"), port: 4000), destination: .init(ip(destination), port: 53),
            server: .init(ip(server), port: port), id: UInt32(port) + UInt32(ip(server).bytes[3]))
    }

    private func pass(_ node: ProbedAgent) async { await node.pass(.seconds(2)) }

    @Test func whoseServerIsGoneEndsAndNobodyElses() async {
        var node = await ProbedAgent(nil)
        await node.take(Self.dns, Self.endpoints([1, 2]))
        await pass(node)
        let others: Set = [
            Self.flow("10.244.0.2"), Self.flow("10.244.0.1", to: "10.96.9.9"), Self.flow("10.244.0.1", transport: .sctp),
            Self.flow("8.8.8.8", to: "8.8.8.8"),
        ]
        node.kernel.flows = others.union([Self.flow("10.244.0.1"), Self.flow("10.96.1.1"), Self.flow("10.244.0.2", port: 54)])
        node.kernel.clearLog()
        await node.take(Self.endpoints([2]))
        await pass(node)
        #expect(node.kernel.flows == others)
        #expect(node.kernel.log.flowLooks == 1)
        // With the virtual server all of its flows end.
        _ = await node.agent.take(SourceUpdate(removed: [Self.dns.key, Self.endpoints([]).key]))
        await pass(node)
        #expect(node.kernel.flows == others.subtracting([Self.flow("10.244.0.2")]))
        // What has connections needs none of this.
        node.kernel.clearLog()
        await node.take(service(2), slice(2, endpoints: [1, 2]))
        await node.take(slice(2, endpoints: [2]))
        await pass(node)
        #expect(node.kernel.log.flowLooks == 0)
    }

    @Test func whatAKilledAgentLeftIsFound() async {
        let kernel = FakeKernel()
        var first = await ProbedAgent(nil, kernel: kernel)
        await first.take(Self.dns, Self.endpoints([2]))
        kernel.flows = [Self.flow("10.244.0.1"), Self.flow("10.244.0.2")]
        var second = await ProbedAgent(nil, kernel: kernel)
        await second.take(Self.dns, Self.endpoints([2]))
        await pass(second)
        #expect(kernel.flows == [Self.flow("10.244.0.2")])
    }

    @Test func whatTheKernelCannotShowIsTriedAgainLater() async {
        var node = await ProbedAgent(nil)
        node.kernel.setFlowFailure(KernelFailure(.missingFeature, "no"))
        await node.take(Self.dns, Self.endpoints([2]))
        node.kernel.flows = [Self.flow("10.244.0.1")]
        await pass(node)
        #expect(!node.agent.hasWork && node.kernel.flows.count == 1)
        node.kernel.setFlowFailure(nil)
        await node.pass(.seconds(61))
        #expect(node.kernel.flows.isEmpty)
    }

    /// Traffic from inside goes by a mark to endpoints that the virtual server of the address does not have.
    @Test func whoIsServedByAMarkIsNotEnded() async {
        var node = await ProbedAgent(nil)
        var local = Service(
            name: name(1), type: .loadBalancer, clusterAddresses: [ip("10.96.1.1")],
            ports: [ServicePort(name: "dns", transport: .udp, port: 53)])
        local.externalTrafficPolicy = .local
        local.loadBalancerAddresses = [ip("203.0.113.1")]
        func endpoints(_ numbers: [Int]) -> SourceObject {
            .endpointSlice(
                EndpointSlice(
                    name: name(1), service: name(1), family: .ipv4, ports: [EndpointPort(name: "dns", transport: .udp, port: 53)],
                    endpoints: numbers.map {
                        Endpoint(address: IPAddress(ipv4: 0x0af4_0000 + UInt32($0)), nodeName: $0 == 1 ? "n1" : "n2")
                    }))
        }
        // People's own rules lead to this one, whatever address was asked.
        let marked = VirtualServerRequest(
            name: "marked", key: .firewallMark(7, .ipv4), configuration: .init(scheduler: .roundRobin),
            realServers: [RealServer.Key(ip("10.244.0.9"), port: 0): .init()])
        await node.take(.service(local), endpoints([1, 2, 3]), .virtualServer(marked))
        await pass(node)
        let live: Set = [
            Self.flow("10.244.0.1", to: "203.0.113.1"), Self.flow("10.244.0.2", to: "203.0.113.1"),
            Self.flow("10.244.0.9", to: "203.0.113.1"),
        ]
        node.kernel.flows = live.union([Self.flow("10.244.0.3", to: "203.0.113.1")])
        _ = node.agent.staleFlows.takeNews()
        await node.take(endpoints([1, 2]))
        await pass(node)
        #expect(node.kernel.flows == live)
        let news = node.agent.staleFlows.takeNews()
        #expect(news?.ended == [.ipv4: 1] && news?.looks.count == 1 && node.agent.staleFlows.takeNews() == nil)
        // To the cluster address nothing is marked: there the endpoint would have to be its own.
        node.kernel.flows = [Self.flow("10.244.0.7", to: "10.96.1.1")]
        await node.take(endpoints([1]))
        await pass(node)
        #expect(node.kernel.flows == [])
    }

    @Test func aLookPassesManyFlowsInSlices() async {
        var node = await ProbedAgent(nil)
        await node.take(Self.dns, Self.endpoints([2]))
        await pass(node)
        node.kernel.flows = Set((1...1000).map { Self.flow("10.244.0.3", port: $0) })
        await node.take(Self.endpoints([4]))
        node.clock.advance(by: .seconds(2))
        _ = await node.agent.work()
        #expect((1..<1000).contains(node.kernel.flows.count), "one piece of work ends some of them")
        await pass(node)
        #expect(node.kernel.flows.isEmpty)
    }
}
