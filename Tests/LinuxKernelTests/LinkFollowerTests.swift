import Addresses
import Links
import NodeKernel
import NodeModel
import Testing

@testable import LinuxKernel

@Suite struct LinkFollowerTests {
    private let virtual = IPAddress(ipv4: 0x0a60_000a)
    private let node = IPAddress(ipv4: 0xc000_0201)
    private let dummy = Link(index: 4, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true)
    private let uplink = Link(index: 2, name: "eth0", kind: nil, isUp: true, noARP: false)

    private var follower: LinkFollower {
        var seen = LinkObservation("kube-ipvs0", links: [uplink, dummy])
        seen.insert(LinkAddress(node, prefixLength: 24, linkIndex: 2))
        return LinkFollower(seen, name: "kube-ipvs0")
    }

    @Test func whoElseHoldsAnAddressIsNews() {
        var follower = follower
        #expect(
            follower.announcements(of: .addressAdded(LinkAddress(virtual, prefixLength: 24, linkIndex: 2)))
                == [.otherAddress(virtual, link: "eth0")])
        #expect(follower.announcements(of: .addressAdded(LinkAddress(virtual, prefixLength: 32, linkIndex: 4))) == [.addressAdded(virtual)])
        #expect(
            follower.announcements(of: .addressRemoved(LinkAddress(virtual, prefixLength: 24, linkIndex: 2)))
                == [.otherAddress(virtual, link: nil)])
        #expect(follower.announcements(of: .linkRemoved(uplink)) == [.otherAddress(node, link: nil)])
        #expect(follower.announcements(of: .linkRemoved(dummy)) == [.link(.absent)])
    }

    @Test func whereWhatIsKnownDoesNotSufficeItSaysSo() {
        var follower = follower
        #expect(follower.announcements(of: .lost) == [.lost])
        var renamed = dummy
        renamed.name = "other"
        #expect(follower.announcements(of: .linkChanged(renamed)) == [.link(.absent), .lost])
    }
}
