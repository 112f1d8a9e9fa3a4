import Addresses
import Foundation
import NetlinkTransport
import Testing

@testable import Links

/// Links and addresses of the running kernel. The dummy link of the tests is theirs alone.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"), .timeLimit(.minutes(5)))
struct LinkSocketKernelTests {
    let name = "ipvs-test0"

    private func shell(_ command: String) -> Int32 { unsafe system(command) }

    private func addresses(_ count: Int) -> [IPAddress] {
        (1...count).map {
            $0 % 2 == 0
                ? IPAddress(ipv4: 0x0a60_0000 + UInt32($0)) : IPAddress(ipv6High: 0xfd00_0000_0000_0096, low: UInt64($0))
        }
    }

    @Test func aDummyLinkIsMadeSilentAndDown() throws {
        var links = try LinkSocket()
        try links.remove(name)
        #expect(try links.link(named: name) == nil)
        let link = try links.createDummy(name)
        #expect(link.kind == "dummy" && link.noARP && !link.isUp)
        #expect(try links.createDummy(name) == link)
        #expect(shell("ip link set \(name) arp on") == 0)
        #expect(try links.link(named: name)?.noARP == false)
        #expect(try links.silence(name) == link)
        #expect(try links.links().contains(link))
        try links.remove(name)
        try links.remove(name)
        #expect(throws: LinkError.noSuchLink(name)) { try links.silence(name) }
    }

    @Test func anotherKindOfLinkIsLeftAsItIs() throws {
        var links = try LinkSocket()
        #expect(shell("ip link add ipvs-test1 type bridge") == 0)
        defer { _ = shell("ip link del ipvs-test1") }
        let refusal = LinkError.otherKind(name: "ipvs-test1", kind: "bridge")
        #expect(throws: refusal) { try links.createDummy("ipvs-test1") }
        #expect(throws: refusal) { try links.silence("ipvs-test1") }
        #expect(throws: refusal) { try links.remove("ipvs-test1") }
        let bridge = try #require(try links.link(named: "ipvs-test1"))
        let address = try #require(IPAddress("192.0.2.1"))
        #expect(links.change([.add(address)], on: bridge) == [AddressFailure(index: 0, error: refusal)])
        #expect(throws: LinkError.otherKind(name: "lo", kind: nil)) { try links.remove("lo") }
    }

    @Test func eachAddressFailsForItself() throws {
        var links = try LinkSocket()
        let link = try links.createDummy(name)
        defer { _ = shell("ip link del \(name)") }
        var changes = addresses(300).map { AddressChange.add($0) }
        // No link can have a multicast address of IPv6 in this way.
        changes[150] = .add(try #require(IPAddress("ff02::1234")))
        #expect(links.change(changes, on: link).map(\.index) == [150])
        changes.remove(at: 150)
        #expect(links.change(changes, on: link) == [], "binding again is harmless")
        let seen = try links.observe(name)
        #expect(seen.hostAddresses == Set(changes.map(\.address)))
        #expect(seen.others.holder(of: try #require(IPAddress("127.0.0.1"))) == "lo")
        #expect(links.change(changes.map { .remove($0.address) }, on: link) == [])
        #expect(links.change(changes.map { .remove($0.address) }, on: link) == [], "unbinding again is harmless")
        #expect(try links.observe(name).hostAddresses.isEmpty)
        try links.remove(name)
        #expect(links.change([changes[0]], on: link).map(\.error) == [.noSuchLink(name)])
    }

    /// The link stays down, and what is sent to its addresses arrives all the same, from this node and from another.
    @Test(arguments: ["10.96.7.7", "fd00:96::7"])
    func anAddressOfALinkThatIsDownIsThisNodes(text: String) throws {
        let address = try #require(IPAddress(text))
        var links = try LinkSocket()
        let link = try links.createDummy(name)
        #expect(links.change([.add(address)], on: link) == [])
        defer { _ = shell("ip link del \(name); ip netns del ipvs-peer; ip link del ipvs-veth0 2>/dev/null") }
        #expect(
            shell(
                """
                set -e; ip netns add ipvs-peer; ip link add ipvs-veth0 type veth peer name eth0 netns ipvs-peer
                ip addr add 192.0.2.1/24 dev ipvs-veth0; ip addr add fd00:1::1/64 dev ipvs-veth0 nodad; ip link set ipvs-veth0 up
                ip -n ipvs-peer addr add 192.0.2.2/24 dev eth0; ip -n ipvs-peer addr add fd00:1::2/64 dev eth0 nodad
                ip -n ipvs-peer link set eth0 up; ip -n ipvs-peer link set lo up
                ip -n ipvs-peer route add default via 192.0.2.1; ip -n ipvs-peer -6 route add default via fd00:1::1
                """) == 0)
        // Nobody listens at the port: the node that has the address says so, and no other answer says that.
        let connect = "timeout 5 bash -c ': </dev/tcp/\(text)/9' 2>&1 | grep -q refused"
        #expect(shell(connect) == 0)
        #expect(shell("ip netns exec ipvs-peer \(connect)") == 0)
        #expect(links.change([.remove(address)], on: link) == [])
        #expect(shell(connect) != 0)
        #expect(try links.link(named: name)?.isUp == false)
    }

    @Test func changesAreAnnounced() async throws {
        var links = try LinkSocket()
        try links.remove(name)
        let monitor = LinkMonitor(try LinkListener())
        let link = try links.createDummy(name)
        let address = try #require(IPAddress("10.96.0.9"))
        #expect(links.change([.add(address)], on: link) == [])
        #expect(links.change([.remove(address)], on: link) == [])
        try links.remove(name)
        var heard: [LinkEvent] = []
        for await events in monitor.events {
            heard += events
            if heard.contains(where: { if case .linkRemoved(let removed) = $0 { removed.name == name } else { false } }) { break }
        }
        let bound = LinkAddress(address, prefixLength: 32, linkIndex: link.index)
        #expect(heard.contains(.linkChanged(link)))
        #expect(heard.contains(.addressAdded(bound)) && heard.contains(.addressRemoved(bound)))
    }

    @Test func tenThousandAddressesGoInAFewMessages() throws {
        var links = try LinkSocket()
        let link = try links.createDummy(name)
        defer { _ = shell("ip link del \(name)") }
        for family in AddressFamily.allCases {
            let addresses = addresses(20_000).filter { $0.family == family }
            let (before, clock) = (links.statistics, ContinuousClock())
            let add = clock.measure { #expect(links.change(addresses.map { .add($0) }, on: link) == []) }
            let sends = links.statistics.sends - before.sends
            #expect(sends <= 100)
            var seen = 0
            let dump = try clock.measure { seen = try links.observe(name).hostAddresses.count }
            #expect(seen == 10_000)
            let remove = clock.measure { #expect(links.change(addresses.map { .remove($0) }, on: link) == []) }
            print("10,000 addresses of \(family): add \(add) in \(sends) sends, observe \(dump), remove \(remove)")
        }
    }
}
