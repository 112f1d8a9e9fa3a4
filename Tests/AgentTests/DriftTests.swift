import Addresses
import Agent
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Telemetry
import TestSupport
import Testing

/// What others change is found within one sweep, told exactly, and put right.
@Suite struct DriftTests {
    private static let objects = (0..<5).flatMap { [service($0), slice($0, endpoints: [1, 2])] }
    private static let key = VirtualServer.Key.address(ip("10.96.1.1"), port: 80, .tcp)
    private static let real = RealServer.Key(ip("10.244.0.1"), port: 8080)
    private static let clusterIP = SetKey(.clusterIP, .ipv4)

    struct Meddling: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// What is logged.
        var told: [String]
        var change: @Sendable (inout NodeState) -> Void

        init(_ name: String, _ told: String..., change: @escaping @Sendable (inout NodeState) -> Void) {
            (testDescription, self.told, self.change) = (name, told, change)
        }
    }

    private static let meddlings: [Meddling] = [
        Meddling("a weight", "virtual server tcp 10.96.1.1:80: real server 10.244.0.1:8080 has weight 0 instead of 1") {
            $0.virtualServers[key]?.realServers[real]?.weight = 0
        },
        Meddling("a real server gone", "virtual server tcp 10.96.1.1:80: real server 10.244.0.1:8080 is gone") {
            $0.virtualServers[key]?.realServers[real] = nil
        },
        Meddling(
            "a real server too many", "virtual server tcp 10.96.1.1:80: real server 10.9.9.9:1 has appeared (masquerade weight 1)"
        ) {
            $0.virtualServers[key]?.realServers[RealServer.Key(ip("10.9.9.9"), port: 1)] = .init()
        },
        Meddling("the scheduler", "virtual server tcp 10.96.1.1:80: scheduler wlc instead of rr") {
            $0.virtualServers[key]?.configuration.scheduler = .weightedLeastConnection
        },
        Meddling("a virtual server gone", "virtual server tcp 10.96.1.1:80 is gone, with its 2 real servers") {
            $0.virtualServers[key] = nil
        },
        Meddling("a virtual server too many, on our address", "virtual server tcp 10.96.1.1:81 has appeared (rr)") {
            $0.virtualServers[.address(ip("10.96.1.1"), port: 81, .tcp)] = VirtualServerState(.init(scheduler: .roundRobin))
        },
        Meddling("an address gone", "address 10.96.1.1 is gone from kube-ipvs0") { $0.addresses.remove(ip("10.96.1.1")) },
        Meddling("an address too many", "address 10.9.9.9 has appeared on kube-ipvs0") { $0.addresses.insert(ip("10.9.9.9")) },
        Meddling("the link gone", "link kube-ipvs0 is gone, with its 5 addresses") { ($0.link, $0.addresses) = (.absent, []) },
        Meddling("a link with ARP", "link kube-ipvs0 is of kind dummy with ARP instead of of kind dummy without ARP") {
            $0.link = .present(kind: "dummy", noARP: false)
        },
        Meddling("a set gone", "set KUBE-CLUSTER-IP is gone, with its 5 entries") { $0.sets[clusterIP] = nil },
        Meddling(
            "a set emptied",
            "5 entries are gone from set KUBE-CLUSTER-IP: 10.96.1.0,tcp:80 10.96.1.1,tcp:80 10.96.1.2,tcp:80 10.96.1.3,tcp:80 10.96.1.4,tcp:80"
        ) { $0.sets[clusterIP]?.entries = [] },
        Meddling("an entry too many", "entry 10.9.9.9,tcp:1 is new in set KUBE-CLUSTER-IP") {
            $0.sets[clusterIP]?.entries.insert(.addressPort(ip("10.9.9.9"), 1, .tcp))
        },
        Meddling("a sysctl", "sysctl net.ipv4.vs.conntrack is 0 instead of 1") { $0.sysctls["net.ipv4.vs.conntrack"] = "0" },
        Meddling("a chain emptied", "rules of IPv4 table nat: chain KUBE-MARK-MASQ was emptied (1 rule gone)") {
            $0.rules[.ipv4]?.tables["nat"]?.chains["KUBE-MARK-MASQ"] = []
        },
    ]

    @Test(arguments: meddlings) func isFoundToldAndPutRight(_ meddling: Meddling) async {
        let (kernel, log, events) = (FakeKernel(), TestLog(), EventLog())
        let agent = reconciler(kernel, log: log, events: events)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        let right = kernel.state
        await sweep(agent, kernel)
        #expect(log.drifts == [])
        kernel.meddle(meddling.change)
        #expect(kernel.state != right)
        await sweep(agent, kernel)
        expectAlike(kernel.state, right)
        #expect(log.drifts == meddling.told)
        #expect(events.after(0).filter { $0.kind == .drift }.map(\.message) == meddling.told)
        await sweep(agent, kernel)
        #expect(log.drifts == meddling.told, "told once")
    }

    @Test func timeoutsArePutRightWhereTheyAreWanted() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        var settings = CompilerSettings()
        settings.timeouts.tcp = 900
        let agent = reconciler(kernel, settings: settings, log: log)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        kernel.meddle { ($0.timeouts.tcp, $0.timeouts.udp) = (1, 1) }
        await sweep(agent, kernel)
        #expect(kernel.state.timeouts.tcp == 900 && kernel.state.timeouts.udp == 1)
        #expect(log.drifts == ["timeouts: tcp is 1s instead of 900s, udp is 1s instead of 0s"])
    }

    /// A thing that only an exact look shows is found at once where it is wanted, else within the turns.
    @Test func whatTheFastLookLeavesOutIsSeenInItsTurn() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = reconciler(kernel, log: log)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        let right = kernel.state
        kernel.meddle { $0.virtualServers[Self.key]?.realServers[Self.real]?.upperThreshold = 7 }
        for _ in 0..<20 { await sweep(agent, kernel) }
        expectAlike(kernel.state, right)
        #expect(
            log.drifts == ["virtual server tcp 10.96.1.1:80: real server 10.244.0.1:8080 has connection thresholds 0…7 instead of 0…0"])
    }

    /// What differs at the start is looked at exactly before anything is done about it, and nothing else is.
    @Test func aRestartLooksExactlyWhereItMatters() async {
        let kernel = FakeKernel()
        _ = await reconciler(kernel).take(SourceUpdate(changed: Self.objects))
        let right = kernel.state
        kernel.meddle { state in
            state.virtualServers[Self.key]?.realServers[Self.real] = .init(weight: 0, upperThreshold: 7)
            state.virtualServers[.address(ip("10.96.1.2"), port: 80, .tcp)] = nil
        }
        kernel.clearLog()
        let (log, events) = (TestLog(), EventLog())
        let agent = reconciler(kernel, log: log, events: events)
        let round = await agent.take(SourceUpdate(changed: Self.objects))
        #expect(round.succeeded && round.plan.operations.count == 4)
        #expect(kernel.log.exactLooks == [1])
        expectAlike(kernel.state, right)
        for _ in 0..<20 { await sweep(agent, kernel) }
        #expect(log.drifts == [] && events.after(0).isEmpty)
    }

    // MARK: Slices

    @Test func aChangeWaitsForOneSliceOnly() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = reconciler(kernel, log: log)
        _ = await agent.take(SourceUpdate(changed: (0..<10_000).flatMap { [service($0), slice($0, endpoints: [1])] }))
        kernel.clearLog()
        agent.beginSweep()
        var slices = 0
        repeat {
            _ = await agent.work()
            slices += 1
            if slices.isMultiple(of: 50) {
                let batches = kernel.log.batches
                let round = await agent.take(SourceUpdate(changed: [slice(slices, endpoints: [1, 3])]))
                #expect(round.plan.operations.count == 1 && kernel.log.batches == batches + 1)
            }
        } while agent.hasWork
        #expect(slices > 300)
        #expect(log.drifts == [], "the agent's own changes are no drift")
        #expect(kernel.log.exactLooks.allSatisfy { $0 <= 50 })
        // A share of all, and nothing else.
        #expect((250..<800).contains(kernel.log.exactLooks.reduce(0, +)))
    }

    @Test func thousandsOfDriftsAreToldInFewWordsAndPutRightInSlices() async {
        let (kernel, log, events) = (FakeKernel(), TestLog(), EventLog())
        let agent = reconciler(kernel, log: log, events: events)
        _ = await agent.take(SourceUpdate(changed: (0..<2000).flatMap { [service($0), slice($0, endpoints: [1])] }))
        let right = kernel.state
        kernel.meddle { ($0.virtualServers, $0.link, $0.addresses) = ([:], .absent, []) }
        kernel.clearLog()
        await sweep(agent, kernel)
        expectAlike(kernel.state, right)
        #expect(kernel.log.largestBatch <= 200)
        #expect(log.drifts.count == 21 && log.drifts.last == "and 1981 virtual servers more")
        #expect(events.after(0).filter { $0.kind == .drift }.count == 201)
    }

    /// One that goes before the place of the dump has another one missed.
    @Test func whatADumpMissesHasNotDrifted() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        kernel.setSlice(2)
        let agent = reconciler(kernel, log: log)
        _ = await agent.take(SourceUpdate(changed: (0..<9).flatMap { [service($0), slice($0, endpoints: [1])] }))
        let foreign = (0..<3).map { VirtualServer.Key.address(ip("10.1.1.\($0)"), port: 1, .tcp) }
        kernel.meddle { for key in foreign { $0.virtualServers[key] = VirtualServerState(.init(scheduler: .roundRobin)) } }
        await sweep(agent, kernel)
        kernel.clearLog()
        agent.beginSweep()
        var left = foreign[...]
        repeat {
            _ = await agent.work()
            if kernel.log.slices > 20, let key = left.popFirst() { kernel.meddle { $0.virtualServers[key] = nil } }
        } while agent.hasWork
        #expect(left.isEmpty)
        #expect(log.drifts == [] && kernel.log.operations.isEmpty)
    }

    // MARK: Others'

    @Test func whatOthersOwnIsLeftAlone() async {
        let (kernel, log) = (FakeKernel(), TestLog())
        let agent = reconciler(kernel, excluded: [IPPrefix("10.7.0.0/16")].compactMap(\.self), log: log)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        var expected = kernel.state
        expected.virtualServers[.address(ip("192.0.2.1"), port: 80, .tcp)] = VirtualServerState(.init(scheduler: .roundRobin))
        expected.virtualServers[.firewallMark(7, .ipv4)] = VirtualServerState(.init(scheduler: .roundRobin))
        expected.virtualServers[.address(ip("10.7.0.1"), port: 80, .tcp)] = VirtualServerState(.init(scheduler: .roundRobin))
        expected.addresses.insert(ip("10.7.0.1"))
        kernel.state = expected
        for _ in 0..<20 { await sweep(agent, kernel) }
        #expect(kernel.state == expected && log.drifts == [])
        // They may change and go, too.
        kernel.meddle { $0.virtualServers[.firewallMark(7, .ipv4)] = nil }
        expected.virtualServers[.firewallMark(7, .ipv4)] = nil
        await sweep(agent, kernel)
        #expect(kernel.state == expected && log.drifts == [])
    }

    @Test(arguments: [ObservationScope.virtualServers, .sets, .link, .sysctls, .rules])
    func aHiddenPartIsLeftAloneAndSaidOnce(_ part: ObservationScope) async {
        let (kernel, log, events) = (FakeKernel(), TestLog(), EventLog())
        let agent = reconciler(kernel, log: log, events: events)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        let right = kernel.state
        kernel.clearLog()
        kernel.hide(part, KernelFailure(.privilege, "no"))
        kernel.meddle { state in
            (state.virtualServers, state.sets, state.addresses, state.rules, state.sysctls) = ([:], [:], [], [:], [:])
        }
        for _ in 0..<2 { await sweep(agent, kernel) }
        #expect(kernel.log.operations.allSatisfy { !part.contains($0.scope) || part == .rules })
        #expect(log.lines.filter { $0 == "cannot see the kernel's state: no" }.count == 1)
        #expect(events.after(0).filter { $0.kind == .hidden }.count == 1)
        kernel.hide(part, nil)
        await sweep(agent, kernel)
        // Rules could not be written while their sets were missing.
        while agent.retryDelay != nil { _ = await agent.retry() }
        await sweep(agent, kernel)
        expectAlike(kernel.state, right)
        #expect(events.after(0).filter { $0.kind == .seen }.count == 1)
    }

    @Test func anExactLookThatFailsIsTriedAgain() async {
        let kernel = FakeKernel()
        let agent = reconciler(kernel)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        let right = kernel.state
        kernel.meddle { $0.virtualServers[Self.key] = nil }
        kernel.setLookFault { $0 == Self.key ? KernelFailure(.resource, "time out") : nil }
        await sweep(agent, kernel)
        #expect(kernel.state != right && agent.retryDelay == .seconds(1))
        _ = await agent.retry()
        #expect(agent.retryDelay == .seconds(2))
        kernel.setLookFault { _ in nil }
        _ = await agent.retry()
        #expect(kernel.state == right && agent.retryDelay == nil)
    }

    // MARK: Again and again

    @Test func anotherWriterIsToldOfAndNotFought() async {
        let (kernel, log, events, clock) = (FakeKernel(), TestLog(), EventLog(), TestClock())
        let agent = reconciler(kernel, log: log, events: events, clock: clock)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        let right = kernel.state
        func meddleAndSweep() async -> Bool {
            kernel.meddle { $0.virtualServers[Self.key]?.realServers[Self.real]?.weight = 0 }
            clock.advance(by: .seconds(30))
            await sweep(agent, kernel)
            return kernel.state == right
        }
        #expect(await meddleAndSweep())
        #expect(await meddleAndSweep())
        #expect(await !meddleAndSweep(), "the third time waits")
        #expect(
            log.drifts.last
                == "virtual server tcp 10.96.1.1:80: real server 10.244.0.1:8080 has weight 0 instead of 1; comes back again and again "
                + "(3 times in 60 s): another program writes it; repaired next in 30 s")
        #expect(await meddleAndSweep(), "it waited its time")
        #expect(await !meddleAndSweep())
        #expect(log.drifts.last?.hasSuffix("(4 times in 2 min): another program writes it; repaired next in 60 s") == true)
        #expect(log.drifts.count == 4, "once a step")
        #expect(events.after(0).filter { $0.kind == .driftRecurring }.count == 2)
        // What is asked for of it is not held back.
        let round = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [1, 2, 3])]))
        #expect(round.succeeded && kernel.state.virtualServers[Self.key]?.realServers.count == 3)
        #expect(kernel.state.virtualServers[Self.key]?.realServers[Self.real]?.weight == 1)
        clock.advance(by: .seconds(1200))
        _ = await agent.take(SourceUpdate(changed: [slice(1, endpoints: [1, 2])]))
        while agent.hasWork { _ = await agent.work() }
        clock.advance(by: .seconds(600))
        #expect(await meddleAndSweep(), "forgotten")
    }

    @Test func anAddressThatIsTakenAwayInALoopIsNotFought() async {
        let (kernel, clock) = (FakeKernel(), TestClock())
        let agent = reconciler(kernel, clock: clock)
        _ = await agent.take(SourceUpdate(changed: Self.objects))
        kernel.clearLog()
        for _ in 0..<100 {
            clock.advance(by: .milliseconds(1100))
            kernel.meddle { $0.addresses.remove(ip("10.96.1.1")) }
            var news = KernelNews()
            news.add(.addressRemoved(ip("10.96.1.1")))
            _ = await agent.take(news)
            while agent.hasWork { _ = await agent.work() }
        }
        #expect((3...5).contains(kernel.log.operations.count))
    }

    // MARK: Everything at once

    @Test(arguments: 1...6) func whateverOthersDoTheKernelIsRightAfterQuietSweeps(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        let (kernel, clock) = (FakeKernel(), TestClock())
        kernel.setSlice(3)
        let agent = reconciler(kernel, clock: clock)
        var objects: [SourceObject.Key: SourceObject] = [:]
        _ = await agent.take(SourceUpdate())
        let foreign = VirtualServer.Key.address(ip("192.0.2.1"), port: 80, .tcp)
        for _ in 0..<150 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                let object = randomObject(&random)
                let isRemoval = Int.random(in: 0..<4, using: &random) == 0
                objects[object.key] = isRemoval ? nil : object
                _ = await agent.take(isRemoval ? SourceUpdate(removed: [object.key]) : SourceUpdate(changed: [object]))
            case 3: kernel.meddle { Self.meddle(&$0, &random) }
            case 4: agent.beginSweep()
            case 5: if agent.retryDelay != nil { _ = await agent.retry() }
            case 6: kernel.meddle { $0.virtualServers[foreign] = VirtualServerState(.init(scheduler: .roundRobin)) }
            default: _ = await agent.work()
            }
            clock.advance(by: .seconds(Int.random(in: 0..<20, using: &random)))
        }
        for _ in 0..<25 {
            clock.advance(by: .seconds(700))
            await sweep(agent, kernel)
            while agent.retryDelay != nil { _ = await agent.retry() }
        }
        var expected = await fromScratch(Array(objects.values))
        expected.virtualServers[foreign] = kernel.state.virtualServers[foreign]
        expectAlike(kernel.state, expected)
    }

    private static func meddle(_ state: inout NodeState, _ random: inout SeededGenerator) {
        let key = state.virtualServers.keys.sorted().randomElement(using: &random)
        let address = state.addresses.sorted().randomElement(using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0: state.virtualServers = [:]
        case 1: if let key { state.virtualServers[key] = nil }
        case 2: if let key { state.virtualServers[key]?.configuration.scheduler = .sourceHashing }
        case 3:
            if let key, let real = state.virtualServers[key]?.realServers.keys.sorted().first {
                state.virtualServers[key]?.realServers[real]?.upperThreshold = 5
                state.virtualServers[key]?.realServers[real]?.weight = Int32.random(in: 0...2, using: &random)
            }
        case 4: if let address { state.addresses.remove(address) }
        case 5: (state.link, state.addresses) = (.absent, [])
        case 6: state.sets[SetKey(.clusterIP, .ipv4)]?.entries = []
        case 7: state.sets[SetKey(.boundAddresses, .ipv4)] = nil
        case 8: state.rules[.ipv4]?.tables["nat"]?.chains["KUBE-SERVICES"] = []
        default:
            if let address {
                state.virtualServers[.address(address, port: 9, .udp)] = VirtualServerState(.init(scheduler: .roundRobin))
            }
        }
    }
}
