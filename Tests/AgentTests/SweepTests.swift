import Addresses
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import TestSupport
import Testing

@testable import Agent

/// The sweep alone: sightings in, suspects and drifts out.
@Suite struct SweepTests {
    private static let real = RealServer.Key(ip("10.244.0.1"), port: 8080)
    private static let set = SetKey(.clusterIP, .ipv4)
    private static let none = WantedState(base: NodeBase(linkName: "kube-ipvs0"))

    private static func key(_ number: Int) -> VirtualServer.Key { .address(IPAddress(ipv4: 0x0a60_0000 + UInt32(number)), port: 80, .tcp) }
    private static func server(_ number: Int) -> VirtualServer { VirtualServer(key(number), .init(scheduler: .roundRobin)) }
    private static func entry(_ number: Int) -> SetEntry { .addressPort(ip("10.96.0.\(number)"), 80, .tcp) }

    private static func picture(_ servers: Range<Int>) -> NodeState {
        var state = NodeState()
        state.link = .asWanted
        state.addresses = [ip("10.96.0.1"), ip("10.96.0.2")]
        state.sets[set] = ObservedSet(
            typeName: "hash:ip,port", family: .ipv4, maximumEntries: 1 << 20, entries: Set((0..<4).map(entry)))
        for number in servers {
            state.virtualServers[key(number)] = VirtualServerState(.init(scheduler: .roundRobin), realServers: [real: .init()])
        }
        return state
    }

    /// What a quiet kernel that holds this shows.
    private static func sightings(_ state: NodeState) -> [Sighting] {
        [
            .sysctls(state.sysctls), .passed(.sysctls), .link(state.link), .addresses(Array(state.addresses)), .passed(.link),
            .set(set, state.sets[set] ?? ObservedSet(typeName: "", family: .ipv4, maximumEntries: 0)),
            .members(set, Array(state.sets[set]?.entries ?? [])), .passed(.sets), .timeouts(state.timeouts),
            .virtualServers(state.virtualServers.map { VirtualServer($0.key, $0.value.configuration) }),
            .realServers(state.virtualServers.mapValues { $0.realServers.mapValues(\.asFastLookShows) }), .passed(.virtualServers),
        ]
    }

    private func run(
        _ sightings: [Sighting], picture: NodeState, wanted: WantedState = none, number: Int? = nil,
        _ meanwhile: (inout Sweep) -> Void = { _ in }
    ) -> (drifts: [Drift], suspects: [VirtualServer.Key]) {
        var sweep = Sweep(number: number, linkName: "kube-ipvs0")
        meanwhile(&sweep)
        let drifts = sightings.flatMap { sweep.take($0, picture: picture, wanted: wanted) }
        return (drifts, sweep.takeSuspects(.max))
    }

    @Test func nothingHasDriftedWhereAllIsAsItWasLeft() {
        let picture = Self.picture(0..<30)
        let result = run(Self.sightings(picture), picture: picture)
        #expect(result.drifts == [] && result.suspects == [])
    }

    @Test func everyVirtualServerHasItsTurn() {
        let picture = Self.picture(0..<300)
        var seen: [VirtualServer.Key] = []
        for number in 0..<20 {
            let suspects = run(Self.sightings(picture), picture: picture, number: number).suspects
            #expect(suspects.count < 60)
            seen += suspects
        }
        #expect(seen.sorted() == picture.virtualServers.keys.sorted(), "each once")
    }

    @Test func whatTheFastLookDoesNotShowIsLookedAtEachTime() {
        var share = NodeShare(precedence: .init(created: nil, owner: "x"))
        var picture = Self.picture(0..<3)
        for (number, real) in [
            RealServer.Configuration(forwarding: .tunnel(.ipip)), .init(upperThreshold: 5), .init(forwarding: .tunnel(Tunnel(.gre))),
        ]
        .enumerated() {
            picture.virtualServers[Self.key(number)]?.realServers = [Self.real: real]
            share.virtualServers[Self.key(number)] = picture.virtualServers[Self.key(number)]
        }
        var wanted = Self.none
        _ = wanted.replace(share, of: "x")
        let result = run(Self.sightings(picture), picture: picture, wanted: wanted)
        #expect(result.suspects.sorted() == [Self.key(1), Self.key(2)], "an IPIP tunnel is shown whole")
    }

    @Test func whatIsMissingDifferentOrNewIsSuspected() {
        let picture = Self.picture(0..<5)
        var found = picture
        found.virtualServers[Self.key(0)] = nil
        found.virtualServers[Self.key(1)]?.configuration.scheduler = .sourceHashing
        found.virtualServers[Self.key(2)]?.realServers = [:]
        found.virtualServers[Self.key(3)]?.realServers[Self.real]?.weight = 9
        found.virtualServers[Self.key(9)] = picture.virtualServers[Self.key(0)]
        let result = run(Self.sightings(found), picture: picture)
        #expect(result.suspects.sorted() == [0, 1, 2, 3, 9].map(Self.key))
        #expect(result.drifts == [])
    }

    @Test func oneWhoseRealServersWereMissedIsSuspected() {
        let picture = Self.picture(0..<2)
        let sightings: [Sighting] = [
            .virtualServers([Self.server(0), Self.server(1)]), .realServers([Self.key(1): [Self.real: .init()]]), .passed(.virtualServers),
        ]
        #expect(run(sightings, picture: picture).suspects == [Self.key(0)])
    }

    /// As the text does where another network namespace has virtual servers too.
    @Test(arguments: 1...20) func whatTheTextLeavesOutIsLookedAtExactlyInTheSameSweep(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var picture = Self.picture(0..<200)
        // One that had no real servers may have been given some.
        for number in 0..<200 where number.isMultiple(of: 3) { picture.virtualServers[Self.key(number)]?.realServers = [:] }
        let omitted = picture.virtualServers.keys.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
        var text = picture.virtualServers.mapValues(\.realServers)
        for key in omitted { text[key] = nil }
        let servers = picture.virtualServers.map { VirtualServer($0.key, $0.value.configuration) }
        let result = run([.virtualServers(servers), .realServers(text), .passed(.virtualServers)], picture: picture)
        #expect(result.suspects == omitted.sorted() && result.drifts == [])
    }

    @Test func whatIsShownTwiceIsNoMatter() {
        let picture = Self.picture(0..<3)
        let sightings = Self.sightings(picture)
        let twice = sightings[..<7] + [sightings[6]] + sightings[7..<10] + [sightings[9]] + sightings[10...]
        let result = run(Array(twice), picture: picture)
        #expect(result.drifts == [] && result.suspects == [])
    }

    @Test func whatIsHiddenIsNotJudged() {
        let picture = Self.picture(0..<3)
        let failure = KernelFailure(.privilege, "no")
        for part in [ObservationScope.link, .sets, .virtualServers] {
            let result = run([.hidden(part, failure), .passed(part)], picture: picture)
            #expect(result.drifts == [] && result.suspects == [])
        }
    }

    @Test func linkAddressesAndSetsAreToldForSure() {
        let picture = Self.picture(0..<1)
        var found = picture
        found.addresses = [ip("10.96.0.2"), ip("10.96.0.3")]
        found.sets[Self.set]?.entries = Set((1..<5).map(Self.entry))
        #expect(
            run(Self.sightings(found), picture: picture).drifts == [
                .address(ip("10.96.0.1"), on: "kube-ipvs0", isBound: false), .address(ip("10.96.0.3"), on: "kube-ipvs0", isBound: true),
                .entries(Self.set, gone: [Self.entry(0)], new: [Self.entry(4)]),
            ])
    }

    // MARK: The agent's own changes meanwhile

    private static let ownChanges: [(operation: Operation, before: Bool)] = [
        (.addAddress(ip("10.96.0.1")), true), (.addMember(SetMember(set, entry(0))), true), (.addVirtualServer(server(0)), true),
        (.updateRealServer(RealServer(real, .init()), of: key(0)), true), (.removeAddress(ip("10.96.0.3")), false),
        (.removeMember(SetMember(set, entry(4))), false), (.removeVirtualServer(key(9)), false),
    ]

    /// A change may have been made before or after the sweep passed the place: neither is a drift.
    @Test(arguments: ownChanges.indices) func areNotJudged(_ index: Int) {
        let (operation, isAddition) = Self.ownChanges[index]
        let picture = Self.picture(0..<3)
        var other = picture
        switch operation {
        case .addAddress(let address): other.addresses.remove(address)
        case .addMember(let member): other.sets[Self.set]?.entries.remove(member.entry)
        case .addVirtualServer(let server): other.virtualServers[server.key] = nil
        case .updateRealServer(_, let key): other.virtualServers[key]?.realServers[Self.real]?.weight = 9
        case .removeAddress(let address): other.addresses.insert(address)
        case .removeMember(let member): other.sets[Self.set]?.entries.insert(member.entry)
        case .removeVirtualServer(let key): other.virtualServers[key] = picture.virtualServers[Self.key(0)]
        default: Issue.record("\(operation) is not in the table")
        }
        let unnoticed = run(Self.sightings(other), picture: picture)
        #expect(!unnoticed.drifts.isEmpty || !unnoticed.suspects.isEmpty, "\(isAddition)")
        for seen in [other, picture] {
            let result = run(Self.sightings(seen), picture: picture) { $0.leaveOut(operation) }
            #expect(result.drifts == [] && result.suspects == [], "\(operation)")
        }
    }

    /// Own changes to a set hide nobody else's.
    @Test func othersEntriesAreFoundBesideOwnOnes() {
        let picture = Self.picture(0..<1)
        var found = picture
        // Entry 3 was added after the sweep had passed, and another program took entry 0.
        found.sets[Self.set]?.entries = [Self.entry(1), Self.entry(2)]
        let result = run(Self.sightings(found), picture: picture) { $0.leaveOut(.addMember(SetMember(Self.set, Self.entry(3)))) }
        #expect(result.drifts == [.entries(Self.set, gone: [Self.entry(0)], new: [])])
        // Entry 4 was removed after the sweep had passed.
        found.sets[Self.set]?.entries = Set((1..<5).map(Self.entry))
        let other = run(Self.sightings(found), picture: picture) { $0.leaveOut(.removeMember(SetMember(Self.set, Self.entry(4)))) }
        #expect(other.drifts == [.entries(Self.set, gone: [Self.entry(0)], new: [])])
    }
}
