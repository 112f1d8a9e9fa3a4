import Addresses
import FakeKernel
import IPVSModel
import NodeKernel
import NodeModel
import Planner
import Testing

func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

let vip = ip("10.96.0.10")
let key = VirtualServer.Key.address(vip, port: 80, .tcp)
let clusterMember = SetMember(SetKey(.clusterIP, .ipv4), .addressPort(vip, 80, .tcp))

func server(_ real: [String], scheduler: Scheduler = .roundRobin, weight: Int32 = 1) -> VirtualServerState {
    VirtualServerState(
        .init(scheduler: scheduler),
        realServers: Dictionary(uniqueKeysWithValues: real.map { (RealServer.Key(ip($0), port: 8080), .init(weight: weight)) }))
}

func share(_ state: VirtualServerState?, owner: String = "default/web", created: Int64? = nil, at key: VirtualServer.Key = key) -> NodeShare
{
    var share = NodeShare(precedence: .init(created: created, owner: owner))
    share.addresses = [vip]
    share.members = [clusterMember]
    if let state { share.virtualServers = [key: state] }
    return share
}

func wanted(_ shares: NodeShare...) -> WantedState {
    var base = NodeBase(linkName: "kube-ipvs0")
    base.sets = [SetDefinition(SetKey(.clusterIP, .ipv4))]
    var wanted = WantedState(base: base)
    for share in shares { _ = wanted.replace(share, of: share.precedence.owner) }
    return wanted
}

@Suite struct PlannerTests {
    private func plan(_ wanted: WantedState, _ observed: NodeState, ownership: Ownership = Ownership()) -> [String] {
        Planner.plan(wanted: wanted, observed: observed, ownership: ownership).operations.map(\.description)
    }

    @Test func anEmptyNodeIsFilledInTheOrderThatKeepsTrafficWhole() {
        #expect(
            plan(wanted(share(server(["10.244.0.2"]))), NodeState()) == [
                "create set KUBE-CLUSTER-IP hash:ip,port", "create dummy link kube-ipvs0", "add virtual server tcp 10.96.0.10:80 rr",
                "add real server 10.244.0.2:8080 to tcp 10.96.0.10:80 masquerade weight 1",
                "add entry 10.96.0.10,tcp:80 to set KUBE-CLUSTER-IP", "bind address 10.96.0.10",
            ])
    }

    @Test(arguments: ["n1", "n2", "n3"]) func realServersComeInTheNodesOrder(node: String) {
        let addresses = (1...8).map { "10.244.0.\($0)" }
        var wanted = wanted(share(server(addresses)))
        wanted.base.turns = ServerTurns(node: node)
        let added = plan(wanted, NodeState()).filter { $0.hasPrefix("add real server ") }
        let order = ServerTurns(node: node).order(addresses.map { RealServer.Key(ip($0), port: 8080) }, of: key)
        #expect(added == order.map { "add real server \($0) to tcp 10.96.0.10:80 masquerade weight 1" } && order != order.sorted())
    }

    @Test func whatIsNoLongerWantedGoesInTheReverseOrder() {
        let full = wanted(share(server(["10.244.0.2"]))).state
        #expect(
            plan(wanted(), full) == [
                "unbind address 10.96.0.10", "remove entry 10.96.0.10,tcp:80 from set KUBE-CLUSTER-IP",
                "remove virtual server tcp 10.96.0.10:80",
            ])
    }

    @Test func nothingIsDoneWhereNothingDiffers() {
        let wanted = wanted(share(server(["10.244.0.2"])))
        #expect(plan(wanted, wanted.state) == [])
    }

    @Test func newEndpointsComeBeforeOldOnesGo() {
        let before = wanted(share(server(["10.244.0.2", "10.244.0.3"]))).state
        #expect(
            plan(wanted(share(server(["10.244.0.3", "10.244.0.4"]))), before) == [
                "add real server 10.244.0.4:8080 to tcp 10.96.0.10:80 masquerade weight 1",
                "remove real server 10.244.0.2:8080 from tcp 10.96.0.10:80",
            ])
    }

    @Test func changesAreUpdatesInPlace() {
        let before = wanted(share(server(["10.244.0.2"]))).state
        #expect(
            plan(wanted(share(server(["10.244.0.2"], scheduler: .sourceHashing, weight: 5))), before) == [
                "update virtual server tcp 10.96.0.10:80 sh", "update real server 10.244.0.2:8080 of tcp 10.96.0.10:80 masquerade weight 5",
            ])
    }

    @Test func virtualServersOfOthersAreLeftAlone() {
        var observed = wanted().state
        let theirs = VirtualServer.Key.address(ip("192.0.2.1"), port: 80, .tcp)
        observed.virtualServers[theirs] = server(["192.0.2.2"])
        observed.virtualServers[.firewallMark(7, .ipv4)] = server([])
        #expect(plan(wanted(), observed) == [])
        observed.addresses.insert(ip("192.0.2.1"))
        #expect(plan(wanted(), observed) == ["unbind address 192.0.2.1", "remove virtual server tcp 192.0.2.1:80"])
        let excluded = Ownership(excluded: [IPPrefix("192.0.2.0/24")].compactMap(\.self))
        #expect(plan(wanted(), observed, ownership: excluded) == [])
    }

    @Test func rememberedKeysAreOursWithoutTheirAddress() {
        var observed = wanted().state
        observed.virtualServers[key] = server([])
        #expect(plan(wanted(), observed) == [])
        #expect(plan(wanted(), observed, ownership: Ownership(remembered: [key])) == ["remove virtual server tcp 10.96.0.10:80"])
    }

    @Test func theOlderOfTwoClaimsCountsAndTheOtherTakesOver() {
        var wanted = wanted(
            share(server(["10.244.0.9"]), owner: "a/young", created: 200), share(server(["10.244.0.1"]), owner: "z/old", created: 100),
            share(server(["10.244.0.5"]), owner: "a/ageless"))
        #expect(wanted.virtualServer(key) == server(["10.244.0.1"]))
        #expect(wanted.claimants(of: key) == ["z/old", "a/young", "a/ageless"])
        let touched = wanted.replace(nil, of: "z/old")
        #expect(touched.virtualServers == [key])
        #expect(wanted.virtualServer(key) == server(["10.244.0.9"]))
        _ = wanted.replace(nil, of: "a/young")
        #expect(wanted.virtualServer(key) == server(["10.244.0.5"]))
        #expect(wanted.isWanted(vip) && wanted.isWanted(clusterMember))
        _ = wanted.replace(nil, of: "a/ageless")
        #expect(!wanted.isWanted(vip) && !wanted.isWanted(clusterMember) && wanted.virtualServer(key) == nil)
    }

    @Test func aReplacedShareTouchesOnlyWhatDiffers() {
        var wanted = wanted(share(server(["10.244.0.2"])))
        #expect(wanted.replace(share(server(["10.244.0.2"])), of: "default/web").isEmpty)
        let touched = wanted.replace(share(server(["10.244.0.3"])), of: "default/web")
        #expect(touched.virtualServers == [key])
        #expect(touched.addresses.isEmpty && touched.members.isEmpty)
    }

    @Test func partsThatWereNotSeenAreLeftAlone() {
        let plan = Planner.plan(
            wanted: wanted(share(server([]))), observed: NodeState(), ownership: Ownership(), seen: [.link])
        #expect(plan.operations.map(\.description) == ["create dummy link kube-ipvs0", "bind address 10.96.0.10"])
    }

    @Test func aLinkOfAnotherKindIsNotChanged() {
        var observed = wanted().state
        observed.link = .present(kind: "bridge", noARP: false)
        #expect(plan(wanted(), observed) == ["create dummy link kube-ipvs0"])
        observed.link = .present(kind: "dummy", noARP: false)
        #expect(plan(wanted(), observed) == ["set link kube-ipvs0 noarp"])
    }

    @Test func timeoutsOfZeroAreLeft() {
        var wanted = wanted()
        wanted.base.timeouts = ConnectionTimeouts(tcp: 900, tcpFin: 0, udp: 300)
        var observed = wanted.state
        observed.timeouts = ConnectionTimeouts(tcp: 900, tcpFin: 120, udp: 17)
        #expect(plan(wanted, observed) == ["set timeouts udp 300s"])
    }
}

@Suite struct RuleDifferenceTests {
    private let jump = RuleTables.Jump(from: "OUTPUT", "-j KUBE-SERVICES")
    private let second = RuleTables.Jump(from: "OUTPUT", "-j KUBE-OTHER")

    @Test func onlyChainsThatDifferAreWritten() throws {
        let wanted = RuleTables(["nat": .init(chains: ["A": ["-j RETURN"], "B": ["-j DROP"]], jumps: [jump])])
        var observed = wanted
        #expect(RuleChange(from: observed, to: wanted, family: .ipv4).isEmpty)
        observed.tables["nat"]?.chains["B"] = []
        observed.tables["nat"]?.chains["C"] = []
        let change = try #require(RuleChange(from: observed, to: wanted, family: .ipv4).tables["nat"])
        #expect(change.writtenChains == ["B": ["-j DROP"]])
        #expect(change.removedChains == ["C"])
        #expect(change.insertedJumps.isEmpty && change.removedJumps.isEmpty)
    }

    @Test func missingJumpsAreInsertedInOrderAndDoubledOnesRemoved() throws {
        let wanted = RuleTables(["nat": .init(jumps: [jump, second])])
        var state = RuleTables()
        state.apply(RuleChange(from: state, to: wanted, family: .ipv4))
        #expect(state == wanted)
        let doubled = RuleTables(["nat": .init(jumps: [jump, second, jump])])
        let change = try #require(RuleChange(from: doubled, to: wanted, family: .ipv4).tables["nat"])
        #expect(change.removedJumps == [jump])
    }
}
