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

    /// Somebody else has a set of another type under one of our names.
    @Test func aSetThatCannotBeMadeKeepsOnlyWhatIsInItAway() async {
        let kernel = FakeKernel()
        let clusterIP = SetKey(.clusterIP, .ipv4)
        kernel.state.sets[clusterIP] = ObservedSet(typeName: "hash:net", family: .ipv4, maximumEntries: 65536)
        let agent = reconciler(kernel)
        let round = await agent.take(SourceUpdate(changed: Self.objects))
        let news = round.failures.filter { $0.failure.cause != .dependency }
        #expect(
            news.map(\.description) == ["cannot create set KUBE-CLUSTER-IP hash:ip,port: a set of type hash:net has this name"],
            "one sentence, however many entries wait for it")
        let goal = await fromScratch(Self.objects)
        #expect(kernel.state.virtualServers == goal.virtualServers && kernel.state.addresses == goal.addresses)
        #expect(kernel.state.sets.filter { $0.key != clusterIP } == goal.sets.filter { $0.key != clusterIP })
        #expect(kernel.state.rules[.ipv6] == goal.rules[.ipv6])
        let rules = kernel.state.rules[.ipv4]?.tables.values.flatMap(\.chains.values).joined().map(\.self) ?? []
        #expect(rules.count > 10 && !rules.contains { $0.contains("KUBE-CLUSTER-IP") || $0.contains("REJECT") })

        kernel.clearLog()
        _ = await agent.retry()
        #expect(kernel.log.operations.isEmpty, "what is as well as can be is not written again")
        // What others change in the rules is put back, and still nothing of ours matches their set: they could not destroy it.
        kernel.state.rules[.ipv4]?.tables["nat"]?.chains["KUBE-POSTROUTING"] = []
        await sweep(agent, kernel)
        let chains = (kernel.state.rules[.ipv4] ?? RuleTables()).tables.values.map(\.chains)
        #expect(chains.contains { $0["KUBE-POSTROUTING"]?.isEmpty == false })
        #expect(!chains.contains { $0.values.joined().contains { $0.contains("KUBE-CLUSTER-IP") } })
        kernel.state.sets[clusterIP] = nil
        #expect(await agent.retry().succeeded)
        #expect(kernel.state == goal)
        #expect(agent.retryDelay == nil)
    }

    /// The kernel has no such type.
    @Test func aMissingTypeOfSetStopsNothingElse() async {
        let kernel = FakeKernel()
        let missing = SetKey(.loopBack, .ipv4)
        kernel.setFault { operation in
            guard case .createSet(let definition) = operation, definition.key == missing else { return nil }
            return KernelFailure(.missingFeature, "Kernel error received: no such type")
        }
        let agent = reconciler(kernel)
        let round = await agent.take(SourceUpdate(changed: Self.objects))
        #expect(round.failures.first?.failure.cause == .missingFeature)
        #expect(round.failures.dropFirst().allSatisfy { $0.failure.cause == .dependency })
        let goal = await fromScratch(Self.objects)
        #expect(kernel.state.virtualServers == goal.virtualServers && kernel.state.addresses == goal.addresses)
        #expect(kernel.state.rules[.ipv4]?.tables["filter"] == goal.rules[.ipv4]?.tables["filter"])
        var nat = goal.rules[.ipv4]?.tables["nat"]
        nat?.chains["KUBE-POSTROUTING"]?.removeAll { $0.contains("KUBE-LOOP-BACK") }
        #expect(kernel.state.rules[.ipv4]?.tables["nat"] == nat)
        kernel.setFault { _ in nil }
        #expect(await agent.retry().succeeded)
        #expect(kernel.state == goal)
    }

    @Test func aLinkOfAnotherKindKeepsOnlyAddressesAway() async {
        let kernel = FakeKernel()
        kernel.state.link = .present(kind: "bridge", noARP: false)
        let agent = reconciler(kernel)
        let round = await agent.take(SourceUpdate(changed: Self.objects))
        #expect(
            round.failures.filter { $0.failure.cause != .dependency }.map(\.description)
                == ["cannot create dummy link kube-ipvs0: a link of kind bridge has this name"])
        let goal = await fromScratch(Self.objects)
        #expect(kernel.state.virtualServers == goal.virtualServers && kernel.state.sets == goal.sets && kernel.state.rules == goal.rules)
        #expect(kernel.state.addresses == [])
        kernel.state.link = .absent
        var news = KernelNews()
        news.add(.link(.absent))
        _ = await agent.take(news)
        _ = await agent.retry()
        #expect(kernel.state == goal)
    }

    @Test func rulesThatCannotBeWrittenKeepNothingElseAway() async {
        let kernel = FakeKernel()
        kernel.setFault { operation in
            guard case .changeRules = operation else { return nil }
            return KernelFailure(
                .resource, "write rules (IPv4) with iptables-restore: exit status 4: Another app is currently holding the xtables lock")
        }
        let agent = reconciler(kernel)
        let round = await agent.take(SourceUpdate(changed: Self.objects))
        #expect(round.failures.count == 4)
        var goal = await fromScratch(Self.objects)
        let rules = goal.rules
        goal.rules = [:]
        #expect(kernel.state == goal)
        for delay in [1, 2, 4, 8, 16, 32, 60, 60] {
            #expect(agent.retryDelay == .seconds(delay))
            #expect(await !agent.retry().succeeded)
        }
        kernel.setFault { _ in nil }
        #expect(await agent.retry().succeeded)
        #expect(kernel.state.rules == rules)
    }

    /// A set as kube-proxy makes it holds no more than it was made for.
    @Test func aSetThatIsFullGrows() async {
        let kernel = FakeKernel()
        let clusterIP = SetKey(.clusterIP, .ipv4)
        kernel.state.sets[clusterIP] = ObservedSet(typeName: "hash:ip,port", family: .ipv4, maximumEntries: 4)
        let agent = reconciler(kernel)
        let round = await agent.take(SourceUpdate(changed: Self.objects))
        #expect(round.succeeded)
        #expect(kernel.state == (await fromScratch(Self.objects)))
        #expect(round.plan.operations.map(\.description).contains("grow set KUBE-CLUSTER-IP to 65536 entries"))

        // The picture is wrong: the set was made anew by somebody, and is smaller.
        kernel.state.sets[clusterIP]?.maximumEntries = 6
        let more = Self.objects + [service(7, ports: [1, 2, 3])]
        let full = await agent.take(SourceUpdate(changed: [more[6]]))
        #expect(!full.succeeded && full.failures.allSatisfy { $0.failure.cause == .resource })
        #expect(await agent.retry().succeeded)
        #expect(kernel.state == (await fromScratch(more)))
    }

    /// Sets of any size at the start, and Services that come and go: nothing is ever missing.
    @Test func setsHoldWhatIsWantedWhateverTheirSize() async {
        var random = SeededGenerator(seed: 41)
        for _ in 0..<20 {
            let kernel = FakeKernel()
            for set in ServiceSet.allCases where set.type != .bitmapPort {
                kernel.state.sets[SetKey(set, .ipv4)] = ObservedSet(
                    typeName: set.type.rawValue, family: .ipv4, maximumEntries: UInt32.random(in: 1...6, using: &random),
                    keepsMarks: set.keepsMarks)
            }
            let agent = reconciler(kernel)
            var objects: [SourceObject.Key: SourceObject] = [:]
            for _ in 0..<30 {
                let object = randomObject(&random)
                objects[object.key] = object
                let round = await agent.take(SourceUpdate(changed: [object]))
                #expect(round.succeeded, "\(round.failures)")
            }
            let goal = await fromScratch(Array(objects.values))
            #expect(kernel.state.sets.mapValues(\.entries) == goal.sets.mapValues(\.entries))
        }
    }
}
