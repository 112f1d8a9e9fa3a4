import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import TestSupport
import Testing

@Suite struct ReconcilerTests {
    @Test func nothingIsWrittenBeforeTheSourceIsWhole() async {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        _ = await agent.take(SourceUpdate(changed: [service(1)], isSynced: false))
        #expect(kernel.log.operations.isEmpty && kernel.log.observations == 0)
        let round = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [1])]))
        #expect(round.succeeded)
        #expect(kernel.state.virtualServers.count == 1)
        #expect(kernel.state.link == .asWanted)
    }

    @Test func aRestartAdoptsWhatStandsAndChangesNothing() async {
        let kernel = FakeKernel()
        let objects = (0..<20).flatMap { [service($0, ports: [80, 443]), slice($0, ports: [80, 443], endpoints: [1, 2, 3])] }
        _ = await reconciler(kernel).take(SourceUpdate(changed: objects))
        kernel.clearLog()
        let round = await reconciler(kernel).take(SourceUpdate(changed: objects))
        #expect(round.plan.isEmpty)
        #expect(kernel.log.operations.isEmpty)
    }

    @Test(arguments: [10, 10_000])
    func aChangedEndpointCostsOneCompileAndOneBatch(services: Int) async {
        let kernel = FakeKernel()
        let journal = MemoryJournal()
        let agent = reconciler(kernel, journal: journal)
        let objects = (0..<services).flatMap { [service($0), slice($0, endpoints: [1, 3, 5, 7, 9])] }
        _ = await agent.take(SourceUpdate(changed: objects))
        kernel.clearLog()
        let (compilations, writes) = (agent.compilations, journal.writes)
        _ = await agent.take(SourceUpdate(changed: [slice(4, endpoints: [1, 3, 5, 7, 11])]))
        #expect(agent.compilations - compilations == 1)
        #expect(kernel.log.batches == 1)
        #expect(kernel.log.observations == 0)
        #expect(journal.writes == writes)
        #expect(
            kernel.log.operations.map(\.description) == [
                "add real server 10.244.0.11:8080 to tcp 10.96.1.4:80 masquerade weight 1",
                "remove real server 10.244.0.9:8080 from tcp 10.96.1.4:80",
            ])
    }

    @Test func randomChangesLeadWhereACompileFromScratchLeads() async {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<20 {
            let kernel = FakeKernel()
            let agent = reconciler(kernel)
            var objects: [SourceObject.Key: SourceObject] = [:]
            _ = await agent.take(SourceUpdate())
            for _ in 0..<40 {
                var update = SourceUpdate()
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let object = randomObject(&random)
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        objects[object.key] = nil
                        update.changed.removeAll { $0.key == object.key }
                        update.removed.append(object.key)
                    } else {
                        objects[object.key] = object
                        update.removed.removeAll { $0 == object.key }
                        update.changed.removeAll { $0.key == object.key }
                        update.changed.append(object)
                    }
                }
                let round = await agent.take(update)
                #expect(round.succeeded)
            }
            #expect(kernel.state == (await fromScratch(Array(objects.values))))
        }
    }

    @Test func aFailedOperationStopsNothingElseAndIsTriedAgain() async {
        let kernel = FakeKernel()
        kernel.setSchedulers([.roundRobin])
        let agent = reconciler(kernel)
        let objects = [
            service(1, annotations: ["scheduler": "twos"]), slice(1, endpoints: [1]), service(2), slice(2, endpoints: [1, 2]),
        ]
        let round = await agent.take(SourceUpdate(changed: objects))
        #expect(!round.succeeded)
        #expect(
            round.failures.first?.description == #"cannot add virtual server tcp 10.96.1.1:80 twos: the kernel has no scheduler "twos""#)
        #expect(kernel.state.virtualServers.map(\.key.description) == ["tcp 10.96.1.2:80"])
        #expect(kernel.state.addresses == [ip("10.96.1.2")], "the address of a server that could not be made must not answer")
        #expect(agent.retryDelay == .seconds(1))
        _ = await agent.retry()
        #expect(agent.retryDelay == .seconds(2))
        kernel.setSchedulers([.roundRobin, .powerOfTwoChoices])
        #expect(await agent.retry().succeeded)
        #expect(agent.retryDelay == nil)
        #expect(kernel.state == (await fromScratch(objects)))
    }

    @Test func driftIsPutBack() async {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        let objects = (0..<5).flatMap { [service($0), slice($0, endpoints: [1, 2])] }
        _ = await agent.take(SourceUpdate(changed: objects))
        let right = kernel.state
        var state = right
        state.virtualServers = [:]
        state.addresses.remove(ip("10.96.1.1"))
        state.sets[SetKey(.clusterIP, .ipv4)] = nil
        state.rules[.ipv4] = nil
        state.sysctls["net.ipv4.vs.conntrack"] = "0"
        kernel.state = state
        await sweep(agent, kernel)
        expectAlike(kernel.state, right)
    }

    @Test func announcedChangesOfOthersArePutBackAndOwnOnesTouchNothing() async {
        let (kernel, clock) = (FakeKernel(), TestClock())
        let agent = reconciler(kernel, clock: clock)
        _ = await agent.take(SourceUpdate(changed: [service(1), service(2)]))
        clock.advance(by: .seconds(2))
        kernel.clearLog()
        var news = KernelNews()
        news.add(.addressAdded(ip("10.96.1.1")))
        news.add(.link(.asWanted))
        #expect(await agent.take(news).plan.isEmpty)
        kernel.state.addresses.remove(ip("10.96.1.1"))
        news.add(.addressRemoved(ip("10.96.1.1")))
        #expect(await agent.take(news).plan.operations == [.addAddress(ip("10.96.1.1"))])
        clock.advance(by: .seconds(2))
        kernel.state.link = .absent
        kernel.state.addresses = []
        news = KernelNews()
        news.add(.link(.absent))
        _ = await agent.take(news)
        while agent.hasWork { _ = await agent.work() }
        #expect(kernel.state.link == .asWanted)
        #expect(kernel.state.addresses == [ip("10.96.1.1"), ip("10.96.1.2")])
        #expect(kernel.log.observations == 0)
    }

    @Test func aPictureThatIsOutOfDateIsMendedByLooking() async {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        _ = await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1])]))
        kernel.state.virtualServers = [:]
        let round = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [1, 3])]))
        #expect(round.failures.first?.failure.cause == .stale)
        #expect(await agent.retry().succeeded)
        #expect(kernel.state == (await fromScratch([service(1), slice(1, endpoints: [1, 3])])))
        #expect(agent.retryDelay == nil)
    }

    @Test func whatTheClusterSaysOfThisNodeChangesTheRulesOnly() async {
        let kernel = FakeKernel()
        var settings = CompilerSettings()
        settings.localTraffic = .nodeRanges
        let agent = reconciler(kernel, settings: settings)
        _ = await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1])]))
        let range = IPPrefix("10.244.7.0/24")
        let round = await agent.take(SourceUpdate(changed: [.node(Node(name: "n1", podRanges: [range].compactMap(\.self)))]))
        #expect(
            round.plan.operations.map(\.description) == [
                "change IPv4 rules: filter: write KUBE-IPVS-FILTER; nat: write KUBE-SERVICES",
                "change IPv4 rules: mangle: write IPVS-AGENT-PREROUTING",
            ])
        #expect(await agent.take(SourceUpdate(changed: [.node(Node(name: "n2"))])).plan.isEmpty)
    }

    @Test func aDocumentThatIsBadAtTheStartLosesNothing() async {
        let kernel = FakeKernel()
        let objects = [service(1), slice(1, endpoints: [1]), service(2), slice(2, endpoints: [1])]
        _ = await reconciler(kernel).take(SourceUpdate(changed: objects))
        let full = kernel.state
        let agent = reconciler(kernel)
        let problem = SourceProblem(place: "s2.yaml:1, document 1", message: "is not YAML")
        _ = await agent.take(SourceUpdate(changed: Array(objects[..<2]), problems: [problem]))
        #expect(kernel.state == full, "the bad document's service stays")
        await sweep(agent, kernel)
        #expect(kernel.state == full)
        let other = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [3])]))
        #expect(other.plan.operations.count == 2, "what can be read is applied, removals too")
        _ = await agent.take(SourceUpdate(changed: objects[2...] + [slice(1, endpoints: [1])], problems: []))
        #expect(kernel.state == full)
        _ = await agent.take(SourceUpdate(removed: objects[2...].map(\.key)))
        #expect(kernel.state == (await fromScratch(Array(objects[..<2]))))
    }
}
