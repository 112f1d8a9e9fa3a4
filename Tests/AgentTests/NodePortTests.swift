import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import ServiceModel
import Testing

/// Node ports are served at the addresses that the node has now.
@Suite struct NodePortTests {
    private static let objects: [SourceObject] = [
        .service(
            Service(
                name: name(1), type: .nodePort, clusterAddresses: [ip("10.96.1.1")],
                ports: [ServicePort(name: "p80", port: 80, nodePort: 30080)])),
        slice(1, endpoints: [1, 2]),
    ]
    private static let address = ip("192.0.2.77")

    private func start(with address: IPAddress? = nil) async -> (FakeKernel, Reconciler, MemoryJournal) {
        let (kernel, journal) = (FakeKernel(), MemoryJournal())
        kernel.state.otherAddresses[ip("192.0.2.10")] = "eth0"
        if let address { kernel.state.otherAddresses[address] = "eth0" }
        let agent = reconciler(kernel, journal: journal)
        #expect(await agent.take(SourceUpdate(changed: Self.objects)).succeeded)
        return (kernel, agent, journal)
    }

    private func announce(_ link: String?, on kernel: FakeKernel, to agent: Reconciler) async -> Reconciler.Round {
        kernel.state.otherAddresses[Self.address] = link
        var news = KernelNews()
        news.add(.otherAddress(Self.address, link: link))
        return await agent.take(news)
    }

    @Test func anAddressThatComesAndGoesTakesItsNodePortsAlong() async {
        let (kernel, agent, journal) = await start()
        let before = kernel.state
        #expect(await announce("eth0", on: kernel, to: agent).succeeded)
        #expect(kernel.state == (await start(with: Self.address)).0.state)
        #expect(kernel.state.virtualServers[.address(Self.address, port: 30080, .tcp)]?.realServers.count == 2)
        #expect(await announce(nil, on: kernel, to: agent).succeeded)
        #expect(kernel.state == before)
        #expect(journal.remembered(reporting: quiet) == JournalContent(), "what is gone is forgotten")
    }

    @Test func anAddressThatWasLostWhileNoAgentRanLeavesNothing() async {
        let (kernel, _, _) = await start(with: Self.address)
        kernel.state.otherAddresses[Self.address] = nil
        #expect(await reconciler(kernel).take(SourceUpdate(changed: Self.objects)).succeeded)
        #expect(kernel.state == (await start()).0.state)
    }

    @Test func othersVirtualServersOnThatAddressStay() async {
        let (kernel, agent, _) = await start(with: Self.address)
        let theirs = VirtualServer.Key.address(Self.address, port: 8888, .tcp)
        kernel.state.virtualServers[theirs] = VirtualServerState(.init(scheduler: .roundRobin))
        #expect(await announce(nil, on: kernel, to: agent).succeeded)
        #expect(kernel.state.virtualServers[theirs] != nil)
        #expect(kernel.state.virtualServers[.address(Self.address, port: 30080, .tcp)] == nil)
    }
}
