import Addresses
import FakeKernel
import HealthModel
import IPVSModel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Telemetry
import Testing

@testable import Agent

/// A reconciler with a policy for all Services, and with what the prober would be told and would say.
struct ProbedAgent {
    let kernel = FakeKernel()
    let clock = TestClock()
    let events = EventLog()
    var agent: Reconciler
    var probes: Set<Probe> = []

    init(_ policy: HealthPolicy?, drainTimeout: Duration = .seconds(30), kernel: FakeKernel? = nil) async {
        var settings = CompilerSettings()
        settings.drainTimeout = drainTimeout
        agent = reconciler(kernel ?? self.kernel, settings: settings, events: events, clock: clock)
        if let policy { _ = await agent.take(SourceUpdate(changed: [.healthPolicy(policy)], isSynced: false)) }
    }

    static func policy(_ change: (inout HealthPolicy) -> Void = { _ in }) -> HealthPolicy {
        var policy = HealthPolicy(name: "all", selection: .labels([:]))
        policy.check = HealthCheck(.tcp)
        change(&policy)
        return policy
    }

    mutating func take(_ objects: SourceObject...) async {
        _ = await agent.take(SourceUpdate(changed: objects))
        collect()
    }

    mutating func collect() {
        guard let changes = agent.takeProbeChanges() else { return }
        #expect(probes.isDisjoint(with: changes.begin) && probes.isSuperset(of: changes.end))
        probes.formUnion(changes.begin)
        probes.subtract(changes.end)
    }

    /// A verdict of all probes of 10.244.0.N.
    mutating func say(_ verdict: Verdict, _ number: Int) async {
        let news = probes.filter { $0.address == IPAddress(ipv4: 0x0af4_0000 + UInt32(number)) }.map {
            ProbeNews(probe: $0, verdict: verdict, at: clock.now)
        }
        _ = await agent.take(news)
        collect()
    }

    /// The weights of the Service's real servers in the kernel, by the last number of their address.
    func weights(_ number: Int = 1, port: UInt16 = 80, of kernel: FakeKernel? = nil) -> [Int: Int32] {
        let key = VirtualServer.Key.address(IPAddress(ipv4: 0x0a60_0100 + UInt32(number)), port: port, .tcp)
        let servers = (kernel ?? self.kernel).state.virtualServers[key]?.realServers ?? [:]
        return Dictionary(servers.map { (Int($0.key.address.bytes[3]), $0.value.weight) }) { $1 }
    }

    /// Lets time pass, and the agent do what is due.
    func pass(_ duration: Duration) async {
        clock.advance(by: duration)
        while agent.hasWork { _ = await agent.work() }
    }
}

@Suite struct BackendTests {
    @Test func aVerdictChangesWhatItTouchesAndNothingElse() async {
        var node = await ProbedAgent(ProbedAgent.policy(), drainTimeout: .zero)
        for number in 1...50 { await node.take(service(number), slice(number, endpoints: [number, 100, 101])) }
        #expect(node.probes.count == 52, "one probe for each backend, however many Services share it")
        let compilations = node.agent.compilations
        node.kernel.clearLog()
        await node.say(.down("refused"), 7)
        #expect(node.agent.compilations - compilations == 1)
        #expect(node.weights(7) == [7: 0, 100: 1, 101: 1], "it rests until its connections are over")
        #expect(node.kernel.log.operations.count == 1 && node.kernel.log.batches == 1)
        await node.say(.up, 7)
        #expect(node.weights(7) == [7: 1, 100: 1, 101: 1])
        // One that all share touches all.
        let before = node.agent.compilations
        await node.say(.down("refused"), 100)
        #expect(node.agent.compilations - before == 50)
    }

    @Test func nothingIsDoneBeforeTheFirstVerdict() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        #expect(node.weights() == [1: 1, 2: 1])
        await node.say(.unknown, 1)
        #expect(node.weights() == [1: 1, 2: 1])
        await node.say(.down("refused"), 1)
        await node.say(.unknown, 1)
        #expect(node.weights() == [1: 0, 2: 1], "that it is not known any more is no reason to use it")
    }

    @Test func probesComeAndGoWithWhatTheyAreFor() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]), service(2), slice(2, endpoints: [2]))
        #expect(node.probes.count == 2)
        await node.take(slice(1, endpoints: [1]))
        #expect(node.probes.count == 2, "another Service still asks for it")
        await node.take(slice(2, endpoints: []))
        #expect(node.probes.count == 1)
        // Another interval is another probe; what was held of the backend goes on until that has judged.
        await node.say(.down("refused"), 1)
        await node.take(slice(1, endpoints: [1, 3]))
        await node.take(.healthPolicy(ProbedAgent.policy { $0.timing.interval = .seconds(9) }))
        #expect(node.probes.count == 2 && node.probes.allSatisfy { $0.timing.interval == .seconds(9) })
        #expect(node.weights() == [1: 0, 2: 0, 3: 1])
        await node.say(.up, 1)
        #expect(node.weights() == [1: 1, 2: 0, 3: 1])
        _ = await node.agent.take(SourceUpdate(removed: [SourceObject.healthPolicy(ProbedAgent.policy()).key]))
        node.collect()
        #expect(node.probes.isEmpty)
    }

    @Test func whosePolicyItIs() async {
        func named(_ name: String, _ selection: HealthPolicy.Selection, port: UInt16) -> HealthPolicy {
            var policy = HealthPolicy(name: name, selection: selection)
            policy.check = HealthCheck(.tcp, port: port)
            return policy
        }
        let policies = [
            named("c-labels", .labels(["tier": "front"]), port: 4), named("b-labels", .labels([:]), port: 3),
            named("z-list", .services(["default/s2"]), port: 2), named("named", .named, port: 1), named("standard", .named, port: 5),
        ]
        var book = PolicyBook()
        _ = book.replace(policies)
        func policy(_ number: Int, labels: [String: String] = [:], named: String? = nil) -> String? {
            var service = Service(name: name(number), clusterAddresses: [], ports: [])
            service.labels = labels
            return book.policy(of: service, named: named)?.name
        }
        #expect(policy(2, labels: ["tier": "front"], named: "named") == "named")
        #expect(policy(2, labels: ["tier": "front"]) == "z-list")
        #expect(policy(1, labels: ["tier": "front"]) == "b-labels", "of several the first by name")
        #expect(policy(1, named: "nobody's") == "b-labels")
        _ = book.replace(policies.filter { $0.name != "b-labels" })
        #expect(policy(1, labels: ["tier": "front", "more": "x"]) == "c-labels")
        #expect(policy(1, labels: ["tier": "back"]) == nil)
        book = PolicyBook(standard: "standard")
        _ = book.replace(policies.filter { $0.name != "b-labels" })
        #expect(policy(1) == "standard")
    }

    @Test func anAnnotationThatNamesNobodysPolicyIsSaid() async {
        var node = await ProbedAgent(nil)
        await node.take(service(1, annotations: ["health-policy": "web"]), slice(1, endpoints: [1]))
        #expect(node.agent.demand.problems.map(\.message).contains { $0.contains("\"web\"") })
        #expect(!node.agent.demand.hasErrors)
        var policy = HealthPolicy(name: "web")
        policy.check = HealthCheck(.tcp)
        await node.take(.healthPolicy(policy))
        #expect(node.probes.count == 1)
        #expect(node.agent.demand.problems.isEmpty)
    }

    @Test func whenNoneIsHealthyAllAreUsed() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        await node.say(.down("refused"), 1)
        #expect(node.weights() == [1: 0, 2: 1])
        await node.say(.down("refused"), 2)
        #expect(node.weights() == [1: 1, 2: 1])
        #expect(node.events.after(0).contains { $0.kind == .panic })
        await node.say(.up, 1)
        #expect(node.weights() == [1: 1, 2: 0])
        #expect(node.events.after(0).contains { $0.kind == .quorumMet })
    }

    @Test func belowTheQuorumTheSorryServerAnswers() async {
        let policy = ProbedAgent.policy {
            $0.quorum = .init(up: 2, down: 1)
            $0.sorryServer = .init(ip("10.0.0.99"), port: 8)
            $0.drain.timeout = .zero
        }
        var node = await ProbedAgent(policy)
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        await node.say(.down("refused"), 1)
        #expect(node.weights() == [2: 1], "between the two bounds it goes on")
        await node.say(.down("refused"), 2)
        #expect(node.weights() == [99: 1])
        await node.say(.up, 2)
        #expect(node.weights() == [99: 1], "and does not come back before the upper one")
        await node.say(.up, 1)
        #expect(node.weights() == [1: 1, 2: 1])
    }

    @Test func whatHasRecoveredComesBackSlowly() async {
        var node = await ProbedAgent(ProbedAgent.policy { $0.slowStart = .seconds(20) })
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        await node.say(.up, 1)
        #expect(node.weights() == [1: 1, 2: 1], "what was never down has nothing to come back from")
        await node.say(.down("refused"), 1)
        await node.say(.up, 1)
        #expect(node.weights() == [1: 1, 2: 100])
        var last: Int32 = 0
        for step in 1..<20 {
            await node.pass(.seconds(1))
            let weight = node.weights()[1] ?? 0
            #expect(weight > last && weight == Int32(step * 5), "after \(step) s")
            last = weight
        }
        await node.pass(.seconds(1))
        #expect(node.weights() == [1: 1, 2: 1])
        #expect(!node.agent.hasWork && node.agent.nextDue == nil)
    }

    @Test func afterARestartNothingChangesBeforeItIsLearnedAnew() async {
        let kernel = FakeKernel()
        var first = await ProbedAgent(ProbedAgent.policy(), kernel: kernel)
        await first.take(service(1), slice(1, endpoints: [1, 2, 3]))
        await first.say(.down("refused"), 1)
        await first.say(.down("refused"), 2)
        kernel.setTraffic([.address(ip("10.96.1.1"), port: 80, .tcp): [.init(ip("10.244.0.1"), port: 8080): (.init(active: 1), .init())]])
        await first.pass(.seconds(2))
        #expect(first.weights(of: kernel) == [1: 0, 3: 1], "the second is gone, the first has a connection")
        kernel.clearLog()
        var second = await ProbedAgent(ProbedAgent.policy(), kernel: kernel)
        await second.take(service(1), slice(1, endpoints: [1, 2, 3]))
        #expect(second.weights(of: kernel) == [1: 0, 3: 1])
        #expect(kernel.log.operations.isEmpty)
        await second.say(.up, 1)
        #expect(second.weights(of: kernel) == [1: 1, 3: 1])
        await second.say(.up, 2)
        #expect(second.weights(of: kernel) == [1: 1, 2: 1, 3: 1])
    }

    /// A weight by hand is reached step by step, goes on after a restart, and ends with what was said.
    @Test func aWeightByHandIsReachedInSteps() async {
        let events = EventLog()
        let clock = TestClock()
        let kernel = FakeKernel()
        let agent = reconciler(kernel, events: events, clock: clock)
        let key = VirtualServer.Key.address(ip("10.96.1.1"), port: 80, .tcp)
        func weight(_ number: Int) -> Int32? {
            agent.wanted.virtualServer(key)?.realServers[.init(ip("10.244.0.\(number)"), port: 8080)]?.weight
        }
        _ = await agent.take(SourceUpdate(changed: [service(1), slice(1, endpoints: [1, 2])]))
        let scope = HandScope.endpoint(name(1), ip("10.244.0.1"), port: 8080)
        let start = Moment(millisecondsSince1970: 0).advanced(by: clock.now - clock.start)
        let entry = HandEntry(weight: WeightByHand(weight: 5, from: 0, over: .seconds(20)), since: start)
        _ = await agent.take(hands: HandStates([scope: entry]))
        #expect(weight(1) == 0 && weight(2) == 1)
        for step in 1..<20 {
            kernel.clearLog()
            clock.advance(by: .seconds(1))
            while agent.hasWork { _ = await agent.work() }
            #expect(weight(1) == Int32(step) * 25 && weight(2) == 100, "after \(step) s")
            // Other weights are larger from the first step to the last, so that each in between writes one.
            #expect(kernel.log.operations.count == (step == 1 ? 2 : 1), "after \(step) s")
        }
        clock.advance(by: .seconds(1))
        while agent.hasWork { _ = await agent.work() }
        #expect(weight(1) == 5 && weight(2) == 1)
        #expect(events.after(0, limit: 1000).contains { $0.kind == .handReached && $0.message == "weight 5 is reached" })
        _ = await agent.take(hands: HandStates([scope: entry, .service(name(1)): HandEntry(state: .drain, since: start)]))
        #expect(weight(1) == 0 || weight(1) == nil, "a drain beats it")
        _ = await agent.take(hands: HandStates())
        #expect(weight(1) == 1 && weight(2) == 1)
    }

    @Test func whatNoVerdictComesForIsNotLeftOutForEver() async {
        let kernel = FakeKernel()
        var first = await ProbedAgent(ProbedAgent.policy(), kernel: kernel)
        await first.take(service(1), slice(1, endpoints: [1, 2, 3]))
        await first.say(.down("refused"), 1)
        await first.say(.down("refused"), 2)
        await first.pass(.seconds(2))
        #expect(first.weights(of: kernel) == [3: 1])
        // This one's node cannot probe.
        var second = await ProbedAgent(ProbedAgent.policy(), kernel: kernel)
        await second.take(service(1), slice(1, endpoints: [1, 2, 3]))
        await second.say(.up, 3)
        await second.pass(.seconds(43))
        #expect(second.weights(of: kernel) == [3: 1], "twice as long as a verdict takes")
        await second.pass(.seconds(2))
        #expect(second.weights(of: kernel) == [1: 1, 2: 1, 3: 1], "then it is as Kubernetes says")
        #expect(!second.agent.hasWork && second.agent.nextDue == nil)
        await second.say(.down("refused"), 2)
        #expect(second.weights(of: kernel)[2] != 1)
    }

    /// What load balancers are told at the health check node port, by an agent on n1, where endpoints of even numbers are.
    @Test func whatIsDownDrawsNoTrafficHere() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        var balanced = Service(
            name: name(1), type: .loadBalancer, clusterAddresses: [ip("10.96.1.1")], ports: [ServicePort(name: "p80", port: 80)])
        balanced.externalTrafficPolicy = .local
        balanced.loadBalancerAddresses = [ip("203.0.113.1")]
        balanced.healthCheckNodePort = 32_000
        await node.take(.service(balanced), slice(1, endpoints: [1, 2, 4]))
        func told() -> Int? { node.agent.takeLocalNews().last?.service?.endpoints }
        #expect(told() == 2)
        await node.say(.down("refused"), 1)
        #expect(told() == nil, "another node's is no news")
        await node.say(.down("refused"), 2)
        #expect(told() == 1)
        // All here are used, since none is healthy; but other nodes may have better ones.
        await node.say(.down("refused"), 4)
        #expect(told() == 0)
        _ = await node.agent.take(hands: HandStates([.address(ip("10.244.0.2")): HandEntry(state: .ready, since: .now)]))
        #expect(told() == 1)
        await node.say(.up, 4)
        #expect(told() == 2)
    }

    @Test func peopleOutrankProbes() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]), service(2), slice(2, endpoints: [1, 2]))
        func said(_ entries: [HandScope: HandState]) -> HandStates {
            HandStates(entries.mapValues { HandEntry(state: $0, since: .now) })
        }
        await node.say(.down("refused"), 1)
        _ = await node.agent.take(hands: said([.address(ip("10.244.0.1")): .ready]))
        #expect(node.weights(1) == [1: 1, 2: 1] && node.weights(2) == [1: 1, 2: 1])
        _ = await node.agent.take(hands: said([.service(name(1)): .drain, .endpoint(name(1), ip("10.244.0.2"), port: 8080): .ready]))
        #expect(node.weights(1) == [1: 0, 2: 1] && node.weights(2) == [1: 0, 2: 1])
        _ = await node.agent.take(hands: said([.service(name(2)): .maintenance]))
        node.collect()
        #expect(node.weights(2) == [1: 0, 2: 0], "also where none is left")
        #expect(node.probes.count == 2, "the other Service's")
        _ = await node.agent.take(hands: said([.service(name(1)): .maintenance, .service(name(2)): .maintenance]))
        node.collect()
        #expect(node.probes.isEmpty, "what is being mended is not asked how it is")
        _ = await node.agent.take(hands: HandStates())
        node.collect()
        #expect(node.probes.count == 2 && node.weights(1) == [1: 1, 2: 1])
    }

    @Test func aNodeThatCannotProbeSaysNothingOfBackends() async {
        var node = await ProbedAgent(ProbedAgent.policy())
        await node.take(service(1), slice(1, endpoints: [1, 2]))
        await node.say(.up, 1)
        _ = await node.agent.take(
            node.probes.map { ProbeNews(probe: $0, verdict: .unknown, hindrance: "no files are left", at: node.clock.now) })
        #expect(node.weights() == [1: 1, 2: 1])
        #expect(node.events.after(0).contains { $0.kind == .probeHindered && $0.message.contains("no files are left") })
    }
}
