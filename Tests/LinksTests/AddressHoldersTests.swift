import Addresses
import Testing

@testable import Links

struct AddressHoldersTests {
    private let node = IPAddress(ipv4: 0xc000_0201)
    private let virtual = IPAddress(ipv4: 0x0a60_000a)
    private let dummy = Link(index: 4, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true)

    private func link(_ index: Int32, _ name: String, kind: String? = nil) -> Link {
        Link(index: index, name: name, kind: kind, isUp: true, noARP: false)
    }

    private func held(_ address: IPAddress, _ index: Int32, prefixLength: Int = 24) -> LinkAddress {
        LinkAddress(address, prefixLength: prefixLength, linkIndex: index)
    }

    private var found: AddressHolders {
        var holders = AddressHolders(besideDummy: "kube-ipvs0", links: [link(1, "lo"), link(2, "eth0"), dummy])
        holders.insert(held(node, 2))
        holders.insert(held(virtual, 4, prefixLength: 32))
        return holders
    }

    @Test func theDummyLinksOwnAreLeftOut() {
        #expect(found.all == [node: "eth0"])
        var holders = found
        #expect(holders.take(.addressAdded(held(virtual, 4, prefixLength: 32))) == [])
        #expect(holders.take(.addressRemoved(held(virtual, 4, prefixLength: 32))) == [])
        #expect(holders.all == [node: "eth0"])
        // One of the name that is no dummy is somebody's.
        var others = AddressHolders(besideDummy: "kube-ipvs0", links: [link(4, "kube-ipvs0", kind: "bridge")])
        others.insert(held(virtual, 4))
        #expect(others.all == [virtual: "kube-ipvs0"])
    }

    @Test func anAddressOfSeveralLinksIsHeldUntilTheLastLetsGo() {
        var holders = found
        #expect(holders.take(.addressAdded(held(node, 1, prefixLength: 32))) == [node])
        #expect(holders.holder(of: node) == "lo")
        #expect(holders.take(.addressAdded(held(node, 1, prefixLength: 24))) == [node])
        #expect(holders.take(.addressRemoved(held(node, 1, prefixLength: 32))) == [node])
        #expect(holders.holder(of: node) == "lo", "it is there with another prefix length")
        #expect(holders.take(.addressRemoved(held(node, 1, prefixLength: 24))) == [node])
        #expect(holders.holder(of: node) == "eth0")
        #expect(holders.take(.linkRemoved(link(2, "eth0"))) == [node])
        #expect(holders.all == [:])
        #expect(holders.take(.addressRemoved(held(node, 2))) == [], "what goes twice is gone once")
    }

    @Test func anAddressFollowsTheNameOfItsLink() {
        var holders = found
        #expect(holders.take(.linkChanged(link(2, "eth0"))) == [])
        #expect(holders.take(.linkChanged(link(2, "uplink"))) == [node])
        #expect(holders.all == [node: "uplink"])
        // Announced before its link, and named when that is.
        #expect(holders.take(.addressAdded(held(virtual, 9))) == [virtual])
        #expect(holders.holder(of: virtual) == "number 9")
        #expect(holders.take(.linkChanged(link(9, "vip0"))) == [virtual])
        #expect(holders.holder(of: virtual) == "vip0")
    }

    @Test func aLinkThatBecomesTheDummyOneHoldsNothingForOthers() {
        var holders = AddressHolders(besideDummy: "kube-ipvs0", links: [link(4, "other", kind: "dummy")])
        holders.insert(held(virtual, 4, prefixLength: 32))
        #expect(holders.take(.linkChanged(dummy)) == [virtual])
        #expect(holders.all == [:])
        #expect(holders.take(.addressAdded(held(virtual, 4, prefixLength: 32))) == [])
        // Renamed again it holds addresses that were not taken note of: somebody has to look.
        #expect(holders.take(.linkChanged(link(4, "other", kind: "dummy"))) == nil)
        #expect(holders.take(.lost) == nil)
    }
}
