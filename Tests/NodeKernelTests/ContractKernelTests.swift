import Addresses
import FakeKernel
import IPVSModel
import LinuxKernel
import NodeKernel
import NodeModel
import Planner
import ServiceCompiler
import TestSupport
import Testing

/// What the agent relies on, of whichever kernel: one suite, run against the fake and the real one.
@Suite(.serialized) struct ContractKernelTests {
    private static let server4 = VirtualServer(.address(ip("10.96.0.10"), port: 80, .tcp), .init(scheduler: .roundRobin))
    private static let server6 = VirtualServer(
        .address(ip("fd00:10:96::a"), port: 53, .udp),
        .init(scheduler: .sourceHashing, schedulerFlags: .port, persistence: .init(timeout: 600, granularity: .prefixLength(128))))
    private static let real4 = RealServer(.init(ip("10.244.0.2"), port: 8080), .init(weight: 3))
    private static let clusterIP = SetKey(.clusterIP, .ipv4)
    private static let member = SetMember(clusterIP, .addressPort(ip("10.96.0.10"), 80, .tcp))

    private var wanted: WantedState {
        var settings = CompilerSettings()
        settings.localTraffic = .ranges([IPPrefix("10.244.0.0/16"), IPPrefix("fd00:10:244::/48")].compactMap(\.self))
        var base = ServiceCompiler(settings: settings, node: NodeFacts(name: "n1")).base()
        // Settings belong to the machine, not to a test.
        base.sysctls = [:]
        var wanted = WantedState(base: base)
        var share = NodeShare(precedence: .init(created: nil, owner: "default/web"))
        share.addresses = [ip("10.96.0.10"), ip("fd00:10:96::a")]
        share.virtualServers[Self.server4.key] = VirtualServerState(
            Self.server4.configuration,
            realServers: [Self.real4.key: Self.real4.configuration, .init(ip("10.244.1.2"), port: 8080): .init(weight: 0)])
        share.virtualServers[Self.server6.key] = VirtualServerState(
            Self.server6.configuration, realServers: [.init(ip("fd00:10:244::2"), port: 53): .init(weight: 2_147_483_647)])
        share.members = [
            Self.member, SetMember(SetKey(.clusterIP, .ipv6), .addressPort(ip("fd00:10:96::a"), 53, .udp)),
            SetMember(SetKey(.boundAddresses, .ipv4), .address(ip("10.96.0.10"))),
            SetMember(SetKey(.boundAddresses, .ipv6), .address(ip("fd00:10:96::a"))),
            SetMember(SetKey(.loopBack, .ipv4), .addressPortAddress(ip("10.244.0.2"), 8080, .tcp, ip("10.244.0.2"))),
            SetMember(SetKey(.loopBack, .ipv6), .addressPortAddress(ip("fd00:10:244::2"), 53, .udp, ip("fd00:10:244::2"))),
            SetMember(SetKey(.loadBalancerSourceCIDR, .ipv4), .addressPortNet(ip("10.96.0.10"), 80, .tcp, IPPrefix("192.0.2.0/24") ?? net)),
            SetMember(SetKey(.nodePortTCP, .ipv4), .port(30080)),
            SetMember(SetKey(.noLocalEndpoint, .ipv6), .addressPort(ip("2001:db8:203::1"), 80, .tcp)),
            SetMember(SetKey(.insideMark, .ipv4), .addressPortMark(ip("203.0.113.1"), 80, .tcp, 0x1000_0001)),
            SetMember(SetKey(.insideMark, .ipv6), .addressPortMark(ip("2001:db8:203::1"), 53, .udp, 0x1fff_bfff)),
            SetMember(SetKey(.nodePortSCTP, .ipv4), .addressPort(ip("192.0.2.10"), 30132, .sctp)),
        ]
        share.virtualServers[.firewallMark(0x1000_0001, .ipv4)] = share.virtualServers[Self.server4.key]
        _ = wanted.replace(share, of: "default/web")
        return wanted
    }

    private let net = IPPrefix(ip("0.0.0.0"), length: 0) ?? { preconditionFailure("0.0.0.0/0 is a range") }()

    @Test(arguments: TestKernel.available)
    func whatIsAppliedIsSeen(on which: TestKernel) async {
        let kernel = await which.empty()
        let first = Planner.plan(wanted: wanted, observed: await kernel.observe(.everything).state, ownership: Ownership())
        #expect(await kernel.apply(first.operations) == [])
        let seen = await kernel.observe(.everything)
        #expect(seen.failures == [] && seen.seen == .everything)
        var expected = wanted.state
        expected.timeouts = seen.state.timeouts
        expected.sysctls = seen.state.sysctls
        // A bitmap shows no limit of entries, a hash the one it was made with.
        #expect(seen.state.virtualServers == expected.virtualServers)
        #expect(seen.state.addresses == expected.addresses)
        #expect(seen.state.link == .asWanted)
        for (family, rules) in expected.rules {
            #expect(RuleChange(from: seen.state.rules[family] ?? RuleTables(), to: rules, family: family) == RuleChange(family))
        }
        for (key, set) in expected.sets { #expect(seen.state.sets[key]?.entries == set.entries, "\(key)") }
        #expect(Planner.plan(wanted: wanted, observed: seen.state, ownership: Ownership()).operations == [], "adoption")

        let cleanup = Planner.cleanup(observed: seen.state, ownership: Ownership(), linkName: "kube-ipvs0")
        #expect(await kernel.apply(cleanup.operations) == [])
        let left = await kernel.observe(.everything).state
        #expect(left.virtualServers.isEmpty && left.sets.isEmpty && left.addresses.isEmpty && left.link == .absent)
        #expect(left.rules.values.allSatisfy { $0.tables.isEmpty })
    }

    /// What was done before, the operation, and the cause of its failure; nil where it succeeds.
    private static let table: [(before: [Operation], operation: Operation, cause: KernelFailure.Cause?)] = [
        ([], .addVirtualServer(server4), nil),
        ([.addVirtualServer(server4)], .addVirtualServer(server4), .stale),
        ([], .updateVirtualServer(server4), .stale),
        ([], .removeVirtualServer(server4.key), .stale),
        ([], .addVirtualServer(VirtualServer(server4.key, .init(scheduler: unknownScheduler))), .missingFeature),
        (
            [.addVirtualServer(server4)], .updateVirtualServer(VirtualServer(server4.key, .init(scheduler: unknownScheduler))),
            .missingFeature
        ),
        ([], .addRealServer(real4, to: server4.key), .stale),
        ([.addVirtualServer(server4)], .addRealServer(real4, to: server4.key), nil),
        ([.addVirtualServer(server4), .addRealServer(real4, to: server4.key)], .addRealServer(real4, to: server4.key), .stale),
        ([.addVirtualServer(server4)], .updateRealServer(real4, of: server4.key), .stale),
        ([.addVirtualServer(server4)], .removeRealServer(real4.key, from: server4.key), .stale),
        ([.addVirtualServer(server4)], .addRealServer(RealServer(real4.key, .init(weight: -1)), to: server4.key), .other),
        (
            [.addVirtualServer(server4)],
            .addRealServer(RealServer(real4.key, .init(upperThreshold: 5, lowerThreshold: 6)), to: server4.key), .other
        ),
        ([], .addMember(member), .stale),
        ([.createSet(SetDefinition(clusterIP))], .addMember(member), nil),
        ([.createSet(SetDefinition(clusterIP)), .addMember(member)], .addMember(member), nil),
        ([.createSet(SetDefinition(clusterIP))], .removeMember(member), nil),
        ([.createSet(SetDefinition(clusterIP))], .createSet(SetDefinition(clusterIP)), nil),
        ([], .destroySet(clusterIP), nil),
        ([.createSet(SetDefinition(clusterIP)), .changeRules(ruleOnSet)], .destroySet(clusterIP), .conflict),
        ([], .changeRules(ruleOnSet), .other),
        ([.createSet(SetDefinition(clusterIP))], .changeRules(ruleOnSet), nil),
        ([], .growSet(SetDefinition(clusterIP)), .stale),
        ([.createSet(SetDefinition(clusterIP)), .addMember(member), .changeRules(ruleOnSet)], .growSet(SetDefinition(clusterIP)), nil),
        ([], .destroyLeftoverSet, nil),
        ([], .addAddress(ip("10.96.0.10")), .stale),
        ([.createLink("kube-ipvs0")], .addAddress(ip("10.96.0.10")), nil),
        ([.createLink("kube-ipvs0"), .addAddress(ip("10.96.0.10"))], .addAddress(ip("10.96.0.10")), nil),
        ([.createLink("kube-ipvs0")], .removeAddress(ip("fd00::1")), nil),
        ([.createLink("kube-ipvs0")], .createLink("kube-ipvs0"), nil),
        ([], .removeLink("kube-ipvs0"), nil),
        ([], .silenceLink("kube-ipvs0"), .stale),
    ]

    private static let unknownScheduler = Scheduler(rawValue: "nosuch") ?? .roundRobin

    private static var ruleOnSet: RuleChange {
        var change = RuleChange.TableChange()
        change.writtenChains = ["KUBE-SERVICES": ["-m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT"]]
        return RuleChange(.ipv4, ["nat": change])
    }

    @Test(arguments: TestKernel.available)
    func refusalsAreThese(on which: TestKernel) async {
        for (before, operation, cause) in Self.table {
            let kernel = await which.empty()
            #expect(await kernel.apply(before) == [], "before: \(operation)")
            let failures = await kernel.apply([operation])
            #expect(failures.map(\.failure.cause) == [cause].compactMap(\.self), "\(before) then \(operation): \(failures)")
        }
    }

    @Test(arguments: TestKernel.available)
    func aSetThatIsFullRefusesOnlyWhatIsNew(on which: TestKernel) async {
        let kernel = await which.empty()
        let members = (0..<8).map { SetMember(Self.clusterIP, .addressPort(ip("10.96.0.\($0)"), 80, .tcp)) }
        _ = await kernel.apply([.createSet(SetDefinition(Self.clusterIP, hashSize: 64, maximumEntries: 4))])
        let failures = await kernel.apply(members.map { .addMember($0) } + [.addMember(members[0])])
        #expect(failures.count >= 4)
        #expect(failures.allSatisfy { $0.failure.cause == .resource })
        #expect(await kernel.observe(.sets).state.sets[Self.clusterIP]?.entries.count == 4)
    }

    @Test(arguments: TestKernel.available)
    func aSetThatIsFullGrowsAndKeepsWhatItHolds(on which: TestKernel) async {
        let kernel = await which.empty()
        let members = (0..<8).map { SetMember(Self.clusterIP, .addressPort(ip("10.96.0.\($0)"), 80, .tcp)) }
        _ = await kernel.apply(
            [.createSet(SetDefinition(Self.clusterIP, hashSize: 64, maximumEntries: 4))] + members[..<4].map { .addMember($0) })
        _ = await kernel.apply([.changeRules(Self.ruleOnSet)])
        // Not to less than it holds: then it stays as it is, and nothing is left over.
        let tooSmall = await kernel.apply([.growSet(SetDefinition(Self.clusterIP, hashSize: 64, maximumEntries: 3))])
        #expect(tooSmall.map(\.failure.cause) == [.resource])
        var state = await kernel.observe(.sets).state
        #expect(state.sets[Self.clusterIP]?.maximumEntries == 4 && !state.hasLeftoverSet)

        let grown = SetDefinition(Self.clusterIP).holding(100_000)
        #expect(await kernel.apply([.growSet(grown)] + members.map { .addMember($0) }) == [])
        state = await kernel.observe(.sets).state
        #expect(state.sets[Self.clusterIP]?.entries == Set(members.map(\.entry)))
        #expect(state.sets[Self.clusterIP]?.maximumEntries == 262_144 && !state.hasLeftoverSet)
        // Making it once more finds it as it is, whatever its size.
        #expect(await kernel.apply([.createSet(SetDefinition(Self.clusterIP))]) == [])
        #expect(await kernel.apply([.destroySet(Self.clusterIP)]).map(\.failure.cause) == [.conflict], "the rule matches the new one")
    }

    @Test(arguments: TestKernel.available)
    func whatAGrowthThatWasCutShortLeavesIsSeenAndRemoved(on which: TestKernel) async throws {
        let kernel = await which.empty()
        _ = await kernel.apply([.createSet(SetDefinition(Self.clusterIP, hashSize: 64, maximumEntries: 4)), .addMember(Self.member)])
        func cutShort() throws {
            if let fake = kernel as? FakeKernel {
                fake.state.hasLeftoverSet = true
            } else {
                try run("ipset", "create", ServiceSet.leftoverName, "hash:ip,port")
            }
        }
        try cutShort()
        let state = await kernel.observe(.sets).state
        #expect(state.hasLeftoverSet)
        let cleanup = Planner.cleanup(observed: state, ownership: Ownership(), linkName: "kube-ipvs0")
        #expect(cleanup.operations == [.destroySet(Self.clusterIP), .destroyLeftoverSet])
        var wanted = WantedState(base: NodeBase(linkName: "kube-ipvs0"))
        wanted.base.sets = [SetDefinition(Self.clusterIP)]
        let plan = Planner.plan(wanted: wanted, observed: state, ownership: Ownership(), seen: .sets)
        #expect(plan.operations == [.destroyLeftoverSet, .removeMember(Self.member)])
        #expect(await kernel.apply([.destroyLeftoverSet]) == [])
        #expect(await !kernel.observe(.sets).state.hasLeftoverSet)
        // What is in the way of a growth goes with it.
        try cutShort()
        #expect(await kernel.apply([.growSet(SetDefinition(Self.clusterIP))]) == [])
        if !(kernel is FakeKernel) { #expect(await !kernel.observe(.sets).state.hasLeftoverSet) }
        _ = await kernel.apply([.destroyLeftoverSet])
    }

    @Test(arguments: TestKernel.available)
    func aSetOfAnotherTypeUnderOurNameIsOthers(on which: TestKernel) async throws {
        let kernel = await which.empty()
        if let fake = kernel as? FakeKernel {
            fake.state.sets[Self.clusterIP] = ObservedSet(typeName: "hash:net", family: .ipv4, maximumEntries: 65536)
        } else {
            try run("ipset", "create", "KUBE-CLUSTER-IP", "hash:net")
        }
        for operation in [
            Operation.createSet(SetDefinition(Self.clusterIP)), .growSet(SetDefinition(Self.clusterIP)), .addMember(Self.member),
            .removeMember(Self.member),
        ] {
            #expect(await kernel.apply([operation]).map(\.failure.cause) == [.conflict], "\(operation)")
        }
        let seen = await kernel.observe(.sets).state
        #expect(seen.sets[Self.clusterIP]?.typeName == "hash:net")
        #expect(Planner.cleanup(observed: seen, ownership: Ownership(), linkName: "kube-ipvs0").operations == [])
        if !(kernel is FakeKernel) { try run("ipset", "destroy", "KUBE-CLUSTER-IP") }
    }

    @Test(arguments: TestKernel.available)
    func oneBadOperationStopsNothingElse(on which: TestKernel) async {
        let kernel = await which.empty()
        let operations: [Operation] = [
            .createLink("kube-ipvs0"), .addRealServer(Self.real4, to: Self.server4.key), .addVirtualServer(Self.server4),
            .addVirtualServer(VirtualServer(Self.server6.key, .init(scheduler: Self.unknownScheduler))),
            .addRealServer(Self.real4, to: Self.server4.key), .addMember(Self.member), .addAddress(ip("10.96.0.10")),
        ]
        let failures = await kernel.apply(operations)
        #expect(failures.map(\.operation) == [operations[1], operations[3], operations[5]])
        let state = await kernel.observe(.everything).state
        #expect(state.virtualServers[Self.server4.key]?.realServers == [Self.real4.key: Self.real4.configuration])
        #expect(state.addresses == [ip("10.96.0.10")])
    }

    /// The fake answers as Linux does, whatever is asked in whatever order.
    @Test(.enabled(if: TestKernel.available.contains(.linux)))
    func theFakeAndLinuxAgreeOnRandomOperations() async {
        var random = SeededGenerator(seed: 23)
        for _ in 0..<4 {
            let (linux, fake) = (await TestKernel.linux.empty(), FakeKernel())
            for _ in 0..<60 {
                let operations = (0..<5).map { _ in Self.randomOperation(&random) }
                let (real, faked) = (await linux.apply(operations), await fake.apply(operations))
                #expect(real.map(\.operation) == faked.map(\.operation), "\(operations)\nlinux: \(real)\nfake: \(faked)")
                #expect(real.map(\.failure.cause) == faked.map(\.failure.cause), "linux: \(real)\nfake: \(faked)")
                let sets = await linux.observe(.sets).state.sets
                #expect(sets == fake.state.sets, "\(operations)")
            }
            let seen = await linux.observe([.link, .sets, .virtualServers]).state
            #expect(seen.virtualServers == fake.state.virtualServers)
            #expect(seen.addresses == fake.state.addresses)
            #expect(seen.link == fake.state.link)
            #expect(seen.sets.mapValues(\.entries) == fake.state.sets.mapValues(\.entries))
        }
    }

    private static func randomOperation(_ random: inout SeededGenerator) -> Operation {
        let address = ip(["10.96.0.1", "10.96.0.2", "fd00:10:96::1"].randomElement(using: &random) ?? "")
        let key = VirtualServer.Key.address(address, port: 80, Bool.random(using: &random) ? .tcp : .udp)
        let scheduler = [Scheduler.roundRobin, .weightedLeastConnection, unknownScheduler].randomElement(using: &random) ?? .roundRobin
        let server = VirtualServer(key, .init(scheduler: scheduler))
        let realAddress = address.family == .ipv4 ? "10.244.0.\(UInt8.random(in: 1...3, using: &random))" : "fd00:10:244::1"
        let real = RealServer(.init(ip(realAddress), port: 80), .init(weight: Int32.random(in: -1...2, using: &random)))
        let set = SetKey(Bool.random(using: &random) ? .clusterIP : .insideMark, address.family)
        // One of two marks for the same address and port, which the kernel takes for one entry.
        let marked = SetEntry.addressPortMark(address, 80, .tcp, Bool.random(using: &random) ? 0x1000_0001 : 7)
        let member = SetMember(set, set.set.keepsMarks ? marked : .addressPort(address, 80, .tcp))
        return [
            .addVirtualServer(server), .addVirtualServer(server), .updateVirtualServer(server), .removeVirtualServer(key),
            .addRealServer(real, to: key), .addRealServer(real, to: key), .updateRealServer(real, of: key),
            .removeRealServer(real.key, from: key), .createSet(SetDefinition(set)), .destroySet(set), .addMember(member),
            .removeMember(member), .growSet(SetDefinition(set, maximumEntries: 70_000)), .destroyLeftoverSet, .createLink("kube-ipvs0"),
            .silenceLink("kube-ipvs0"), .addAddress(address), .addAddress(address),
            .removeAddress(address),
        ].randomElement(using: &random) ?? .createLink("kube-ipvs0")
    }
}
