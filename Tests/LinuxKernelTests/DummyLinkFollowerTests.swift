import Addresses
import Links
import NodeKernel
import NodeModel
import Testing

@testable import LinuxKernel

@Suite struct DummyLinkFollowerTests {
    private let address = IPAddress(ipv4: 0x0a60_000a)

    private func link(_ name: String = "kube-ipvs0", index: Int32 = 4, kind: String? = "dummy") -> Link {
        Link(index: index, name: name, kind: kind, isUp: false, noARP: true)
    }

    private func bound(_ index: Int32, prefixLength: Int = 32) -> LinkAddress {
        LinkAddress(address, prefixLength: prefixLength, linkIndex: index)
    }

    @Test func onlyTheDummyLinksHostAddressesAreNews() {
        var follower = DummyLinkFollower(name: "kube-ipvs0", link: link())
        #expect(follower.announcements(of: .addressAdded(bound(4))) == [.addressAdded(address)])
        #expect(follower.announcements(of: .addressRemoved(bound(4))) == [.addressRemoved(address)])
        #expect(follower.announcements(of: .addressAdded(bound(5))) == [])
        #expect(follower.announcements(of: .addressAdded(bound(4, prefixLength: 24))) == [])
        #expect(follower.announcements(of: .linkChanged(link("eth0", index: 2, kind: nil))) == [])
        #expect(follower.announcements(of: .lost) == [.lost])
    }

    @Test func theLinkIsFollowedThroughItsNumbers() {
        var follower = DummyLinkFollower(name: "kube-ipvs0", link: nil)
        #expect(follower.announcements(of: .addressAdded(bound(4))) == [])
        #expect(follower.announcements(of: .linkChanged(link())) == [.link(.asWanted)])
        #expect(follower.announcements(of: .addressAdded(bound(4))) == [.addressAdded(address)])
        #expect(follower.announcements(of: .linkRemoved(link())) == [.link(.absent)])
        #expect(follower.announcements(of: .addressAdded(bound(4))) == [])
        #expect(follower.announcements(of: .linkChanged(link(index: 9))) == [.link(.asWanted)])
        #expect(follower.announcements(of: .addressAdded(bound(9))) == [.addressAdded(address)])
    }

    @Test func aRenamedLinkIsGone() {
        var follower = DummyLinkFollower(name: "kube-ipvs0", link: link())
        #expect(follower.announcements(of: .linkChanged(link("other"))) == [.link(.absent)])
        #expect(follower.announcements(of: .addressRemoved(bound(4))) == [])
    }

    @Test func aLinkOfAnotherKindHoldsNothingOfOurs() {
        var follower = DummyLinkFollower(name: "kube-ipvs0", link: nil)
        #expect(follower.announcements(of: .linkChanged(link(kind: "bridge"))) == [.link(.present(kind: "bridge", noARP: true))])
        #expect(follower.announcements(of: .addressAdded(bound(4))) == [])
    }
}
