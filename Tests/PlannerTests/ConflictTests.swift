import Addresses
import IPVSModel
import NodeModel
import Planner
import Testing

/// What others hold is left to them, and everything else is done.
@Suite struct ConflictTests {
    private let external = ip("192.0.2.50")
    private var externalKey: VirtualServer.Key { .address(external, port: 80, .tcp) }
    private var externalMember: SetMember { SetMember(SetKey(.externalIP, .ipv4), .addressPort(external, 80, .tcp)) }
    private let guardMember = SetMember(SetKey(.boundAddresses, .ipv4), .address(vip))

    /// A cluster address and an external one, with their entries.
    private func demand(cluster: Bool = true, external hasExternal: Bool = false) -> WantedState {
        var share = share(cluster ? server(["10.244.0.2"]) : nil)
        if !cluster { (share.addresses, share.members) = ([], []) } else { share.members.insert(guardMember) }
        if hasExternal {
            share.externalAddresses = [external]
            share.members.formUnion([externalMember, SetMember(SetKey(.boundAddresses, .ipv4), .address(external))])
            share.virtualServers[externalKey] = server(["10.244.0.2"])
        }
        var state = wanted(share)
        state.base.sets = [.clusterIP, .externalIP, .boundAddresses].map { SetDefinition(SetKey($0, .ipv4)) }
        return state
    }

    /// A node that holds all that does not depend on Services.
    private var base: NodeState {
        var state = NodeState()
        state.link = .asWanted
        for set in [ServiceSet.clusterIP, .externalIP, .boundAddresses] {
            state.sets[SetKey(set, .ipv4)] = ObservedSet(typeName: set.type.rawValue, family: .ipv4, maximumEntries: 65536)
        }
        return state
    }

    private func plan(_ wanted: WantedState, _ observed: NodeState, ownership: Ownership = Ownership()) -> Plan {
        Planner.plan(wanted: wanted, observed: observed, ownership: ownership)
    }

    @Test func aClusterAddressThatAnotherLinkHoldsIsLeftToIt() {
        var observed = base
        observed.otherAddresses[vip] = "nodelocaldns"
        let plan = plan(demand(), observed)
        #expect(plan.operations == [])
        #expect(plan.conflicts == [.heldAddress(vip, link: "nodelocaldns")])
    }

    /// What stood there before goes, with the entries that would refuse the node's own traffic to the address.
    @Test func whatStandsOnAHeldAddressGoesIfItIsOurs() {
        var observed = base
        observed.otherAddresses[vip] = "eth0"
        observed.virtualServers[key] = server(["10.244.0.2"])
        #expect(plan(demand(), observed).operations == [], "nothing shows that it is ours")
        observed.sets[clusterMember.set]?.entries = [clusterMember.entry]
        observed.sets[guardMember.set]?.entries = [guardMember.entry]
        #expect(
            plan(demand(), observed).operations == [
                .removeMember(guardMember), .removeVirtualServer(key), .removeMember(clusterMember),
            ])
    }

    /// A port of a group at a cluster address that another link holds: nobody's packets to that link are marked.
    @Test func aGroupsEntryGoesWithItsAddress() {
        let entry = SetMember(SetKey(.groupMark, .ipv4), .addressPortMark(vip, 80, .tcp, 0x1c00_0001))
        var share = share(server(["10.244.0.2"]))
        share.membersOfServers[key] = [entry]
        var state = wanted(share)
        state.base.sets = [.clusterIP, .groupMark].map { SetDefinition(SetKey($0, .ipv4)) }
        let stands = state.state
        #expect(plan(state, stands) == Plan())
        var held = stands
        (held.addresses, held.otherAddresses[vip]) = ([], "eth0")
        let operations = plan(state, held).operations
        #expect(operations.contains(.removeMember(entry)) && operations.contains(.removeVirtualServer(key)), "\(operations)")
        // The same where only the address is looked at.
        var touched = Touched()
        touched.addresses = [vip]
        let announced = Planner.plan(touched, wanted: state, observed: held, ownership: Ownership())
        #expect(announced.operations.contains(.removeMember(entry)), "\(announced)")
        var (gone, after) = (held, stands)
        gone.sets[entry.set]?.entries = []
        after.otherAddresses = [:]
        gone.otherAddresses = [:]
        let back = Planner.plan(touched, wanted: state, observed: gone, ownership: Ownership())
        #expect(back.operations.contains(.addMember(entry)), "\(back)")
    }

    @Test func anAddressOfOursStaysServedWhenAnotherLinkIsGivenItToo() {
        var observed = demand().state
        observed.otherAddresses[vip] = "eth0"
        #expect(plan(demand(), observed) == Plan())
    }

    @Test func anAddressThatIsGivenUpIsServed() {
        var touched = Touched()
        touched.addresses = [vip]
        let plan = Planner.plan(touched, wanted: demand(), observed: base, ownership: Ownership())
        #expect(
            plan.operations.map(\.description) == [
                "add virtual server tcp 10.96.0.10:80 rr", "add real server 10.244.0.2:8080 to tcp 10.96.0.10:80 masquerade weight 1",
                "add entry 10.96.0.10,tcp:80 to set KUBE-CLUSTER-IP", "add entry 10.96.0.10 to set KUBE-IPVS-IPS",
                "bind address 10.96.0.10",
            ])
        #expect(Planner.plan(touched, wanted: demand(), observed: demand().state, ownership: Ownership()) == Plan())
    }

    @Test func anExternalAddressIsBoundUnlessAnotherLinkHoldsIt() {
        #expect(plan(demand(external: true), base).operations.contains(.addAddress(external)))
        var observed = base
        observed.otherAddresses[external] = "eth0"
        let held = plan(demand(cluster: false, external: true), observed)
        #expect(held.conflicts == [])
        #expect(
            held.operations.map(\.description) == [
                "add entry 192.0.2.50,tcp:80 to set KUBE-EXTERNAL-IP", "add virtual server tcp 192.0.2.50:80 rr",
                "add real server 10.244.0.2:8080 to tcp 192.0.2.50:80 masquerade weight 1",
            ], "no guard, which would refuse what comes to the node's own ports, and the entry first: the node answers there already")
        for operation in held.operations { observed.apply(operation) }
        #expect(plan(demand(cluster: false, external: true), observed) == Plan())
        #expect(
            plan(demand(cluster: false), observed).operations == [.removeVirtualServer(externalKey), .removeMember(externalMember)],
            "told by its entry, which goes last")
    }

    /// Who names an address at which somebody else balances gets nothing there, and a message.
    @Test func aVirtualServerOfOthersAtAnExternalAddressIsLeft() {
        var observed = base
        observed.virtualServers[externalKey] = server(["198.51.100.1"])
        let wanted = demand(cluster: false, external: true)
        let left = plan(wanted, observed)
        #expect(left.conflicts == [.othersVirtualServer(VirtualServer(externalKey, .init(scheduler: .roundRobin)))])
        #expect(left.operations == [], "neither its entry nor its address: they would say that it is ours")

        // A retry is told of the key only; when the other goes, everything comes.
        var touched = Touched()
        touched.insert(.addVirtualServer(VirtualServer(externalKey, .init(scheduler: .roundRobin))))
        observed.virtualServers = [:]
        let healed = Planner.plan(touched, wanted: wanted, observed: observed, ownership: Ownership())
        #expect(healed.operations.contains(.addAddress(external)) && healed.operations.contains(.addMember(externalMember)))
        for operation in healed.operations { observed.apply(operation) }
        #expect(plan(wanted, observed) == Plan())
    }

    @Test func excludedRangesAreOthersWhateverStandsThere() {
        let excluded = Ownership(excluded: [IPPrefix("10.96.0.0/16")].compactMap(\.self))
        var observed = base
        observed.virtualServers[key] = server(["198.51.100.1"])
        let left = plan(demand(), observed, ownership: excluded)
        #expect(left.conflicts == [.othersVirtualServer(VirtualServer(key, .init(scheduler: .roundRobin)))])
        #expect(!left.operations.contains(.addAddress(vip)) && !left.operations.contains(.addMember(clusterMember)))
        // Bound on our link, unwanted and excluded: it stays with what is on it.
        observed.addresses = [vip]
        #expect(plan(demand(cluster: false), observed, ownership: excluded) == Plan())
        #expect(
            Planner.cleanup(observed: observed, ownership: excluded, linkName: "kube-ipvs0").operations.map(\.description) == [
                "destroy set KUBE-CLUSTER-IP", "destroy set KUBE-EXTERNAL-IP", "destroy set KUBE-IPVS-IPS",
            ])
    }

    /// At an address of the node, which is not bound for it.
    @Test func whatOthersHaveInAnExcludedRangeIsTheirsEvenWhereItIsAsWanted() {
        var share = share(nil)
        (share.addresses, share.members) = ([], [])
        share.virtualServers[externalKey] = server(["10.244.0.2"])
        var state = wanted(share)
        state.base.sets = demand().base.sets
        var observed = base
        observed.virtualServers[externalKey] = server(["10.244.0.2"])
        #expect(plan(state, observed) == Plan())
        let left = plan(state, observed, ownership: Ownership(excluded: [IPPrefix("192.0.2.0/24")].compactMap(\.self)))
        #expect(left.operations == [])
        #expect(left.conflicts == [.othersVirtualServer(VirtualServer(externalKey, .init(scheduler: .roundRobin)))])
    }
}

/// What in the kernel tells that a virtual server is ours.
@Suite struct OwnershipTests {
    private static let tcp = VirtualServer.Key.address(ip("192.0.2.10"), port: 30080, .tcp)
    private static let udp = VirtualServer.Key.address(ip("2001:db8:1::10"), port: 30053, .udp)
    private static let sctp = VirtualServer.Key.address(ip("192.0.2.10"), port: 30132, .sctp)

    private static func holding(_ members: SetMember..., node: [String] = ["192.0.2.10", "2001:db8:1::10"]) -> NodeState {
        var state = NodeState()
        state.otherAddresses = Dictionary(uniqueKeysWithValues: node.map { (ip($0), "eth0") })
        for member in members {
            state.sets[member.set, default: ObservedSet(typeName: member.set.type.rawValue, family: .ipv4, maximumEntries: 0)].entries
                .insert(member.entry)
        }
        return state
    }

    @Test(arguments: [ServiceSet.clusterIP, .externalIP, .externalIPLocal, .loadBalancer, .loadBalancerLocal])
    func anEntryTells(of set: ServiceSet) {
        let member = SetMember(SetKey(set, .ipv4), .addressPort(vip, 80, .tcp))
        #expect(Ownership().owns(key, in: Self.holding(member)))
        #expect(!Ownership().owns(.address(vip, port: 81, .tcp), in: Self.holding(member)))
        #expect(!Ownership().owns(.address(vip, port: 80, .udp), in: Self.holding(member)))
        #expect(!Ownership(excluded: [IPPrefix("10.96.0.0/12")].compactMap(\.self)).owns(key, in: Self.holding(member)))
    }

    @Test func aNodePortTellsOnAddressesOfTheNode() {
        let tcpPort = SetMember(SetKey(.nodePortTCP, .ipv4), .port(30080))
        #expect(Ownership().owns(Self.tcp, in: Self.holding(tcpPort)))
        #expect(!Ownership().owns(Self.tcp, in: Self.holding(tcpPort, node: [])), "not an address of this node")
        #expect(!Ownership().owns(.address(ip("192.0.2.10"), port: 30080, .udp), in: Self.holding(tcpPort)), "another protocol")
        #expect(!Ownership().owns(Self.udp, in: Self.holding(SetMember(SetKey(.nodePortUDP, .ipv4), .port(30053)))), "another family")
        #expect(Ownership().owns(Self.udp, in: Self.holding(SetMember(SetKey(.nodePortLocalUDP, .ipv6), .port(30053)))))
        let sctpEntry = SetMember(SetKey(.nodePortSCTP, .ipv4), .addressPort(ip("192.0.2.10"), 30132, .sctp))
        #expect(Ownership().owns(Self.sctp, in: Self.holding(sctpEntry)))
        #expect(!Ownership().owns(Self.sctp, in: Self.holding(tcpPort)))
    }

    /// A node that lost an address while no agent ran has the same node port on another still.
    @Test func aNodePortTellsOnAnAddressThatWasTheNodes() {
        let lost = VirtualServer.Key.address(ip("192.0.2.77"), port: 30080, .tcp)
        var state = Self.holding(SetMember(SetKey(.nodePortTCP, .ipv4), .port(30080)))
        state.virtualServers = [lost: server(["10.244.0.2"]), Self.tcp: server(["10.244.0.2"])]
        #expect(Ownership().owns(lost, in: state))
        state.virtualServers[lost] = server(["10.244.0.9"])
        #expect(!Ownership().owns(lost, in: state), "it leads somewhere else")
        state.virtualServers = [lost: server(["10.244.0.2"]), .address(ip("198.51.100.7"), port: 30080, .tcp): server(["10.244.0.2"])]
        #expect(!Ownership().owns(lost, in: state), "the other is not the node's either")
    }

    @Test func entriesOfOtherSetsTellNothing() {
        let hairpin = SetMember(SetKey(.loopBack, .ipv4), .addressPortAddress(vip, 80, .tcp, vip))
        let guards = SetMember(SetKey(.boundAddresses, .ipv4), .address(vip))
        #expect(!Ownership().owns(key, in: Self.holding(hairpin, guards)))
    }

    @Test func firewallMarksOfOurRangeAreOurs() {
        #expect(!Ownership().owns(.firewallMark(7, .ipv4), in: NodeState()))
        #expect(Ownership(firewallMarks: 5...9).owns(.firewallMark(7, .ipv6), in: NodeState()))
        #expect(!Ownership(firewallMarks: 5...9).owns(.firewallMark(10, .ipv4), in: NodeState()))
        // Made when the range was another one.
        let entry = SetMember(SetKey(.insideMark, .ipv4), .addressPortMark(vip, 80, .tcp, 10))
        #expect(Ownership(firewallMarks: 5...9).owns(.firewallMark(10, .ipv4), in: Self.holding(entry)))
        #expect(!Ownership(firewallMarks: 5...9).owns(.firewallMark(10, .ipv6), in: Self.holding(entry)))
        // The mark of a group, and that with the bit for masquerading; nothing else.
        let group = SetMember(SetKey(.groupMark, .ipv4), .addressPortMark(vip, 80, .tcp, 0x1c00_0001))
        for (mark, isOurs) in [(0x1c00_0001, true), (0x1c00_4001, true), (0x1c00_4003, false), (0x1c00_0000, false)] as [(UInt32, Bool)] {
            #expect(Ownership().owns(.firewallMark(mark, .ipv4), in: Self.holding(group)) == isOurs)
        }
    }
}
