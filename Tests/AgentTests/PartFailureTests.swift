import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceModel
import TestSupport
import Testing

/// The failure of a part is the failure of that part: all else is in force, and the rest comes when the cause goes.
@Suite struct PartFailureTests {
    private static let objects = (0..<3).flatMap { [service($0, ports: [80, 443]), slice($0, ports: [80, 443], endpoints: [1, 2])] }
    private static let held = ip("10.96.1.1")

    @Test func anAddressThatAnotherLinkHoldsIsServedWhenItIsGivenUp() async {
        let kernel = FakeKernel()
        kernel.state.otherAddresses[Self.held] = "nodelocaldns"
        let agent = reconciler(kernel)
        let round = await agent.take(SourceUpdate(changed: Self.objects))
        #expect(
            round.failures.map(\.description) == [
                "cannot bind address 10.96.1.1: the link nodelocaldns holds it, so nothing is balanced on it. "
                    + "Take it from that link (ip address show to 10.96.1.1), or give the Service another cluster IP"
            ])
        #expect(round.failures.map(\.failure.cause) == [.conflict])
        let others = await fromScratch(Self.objects.filter { $0.key.name != name(1) && $0.key.name.name != "s1-1" })
        var state = kernel.state
        state.otherAddresses = [:]
        #expect(state == others, "everything else is in force, and nothing of it")
        #expect(round.done == round.plan.operations.count)

        #expect(agent.retryDelay == .seconds(1))
        let retried = await agent.retry()
        #expect(retried.plan.isEmpty && !retried.succeeded)
        #expect(agent.retryDelay == .seconds(2))
        kernel.state.otherAddresses = [:]
        var news = KernelNews()
        news.add(.otherAddress(Self.held, link: nil))
        #expect(await agent.take(news).succeeded)
        #expect(kernel.state == (await fromScratch(Self.objects)))
        #expect(await agent.retry().succeeded)
        #expect(agent.retryDelay == nil)
    }

    /// What comes when and whichever way, the end is what a start from nothing would have made of it.
    @Test func addressesThatComeAndGoOnOtherLinksLeadWhereAStartLeads() async {
        var random = SeededGenerator(seed: 31)
        for _ in 0..<20 {
            let kernel = FakeKernel()
            let agent = reconciler(kernel)
            var objects: [SourceObject.Key: SourceObject] = [:]
            _ = await agent.take(SourceUpdate())
            for _ in 0..<40 {
                if Bool.random(using: &random) {
                    let object = randomObject(&random)
                    objects[object.key] = object
                    _ = await agent.take(SourceUpdate(changed: [object]))
                } else {
                    let address = IPAddress(ipv4: 0x0a60_0100 + UInt32.random(in: 0..<4, using: &random))
                    // An address that ours has stays with ours; so a link is given only what is free, as at the start.
                    let link = Bool.random(using: &random) && !kernel.state.addresses.contains(address) ? "eth1" : nil
                    kernel.state.otherAddresses[address] = link
                    var news = KernelNews()
                    news.add(.otherAddress(address, link: link))
                    _ = await agent.take(news)
                }
            }
            let fresh = FakeKernel()
            fresh.state.otherAddresses = kernel.state.otherAddresses
            _ = await reconciler(fresh).take(SourceUpdate(changed: Array(objects.values)))
            #expect(kernel.state == fresh.state)
        }
    }
}
