import Addresses
import NodeModel
import Testing

@testable import IPSets

/// The ruler must be straight, too.
struct SavedTextTests {
    @Test func readsWhatSavePrints() throws {
        let listing = SavedText(
            """
            create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x991d1a88
            add KUBE-CLUSTER-IP 10.96.0.10,udp:53
            add KUBE-CLUSTER-IP 10.96.0.10,tcp:53
            create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
            add KUBE-NODE-PORT-TCP 30080
            create KUBE-6-LOAD-BALANCER-SOURCE-CID hash:ip,port,net family inet6 hashsize 1024 maxelem 9
            add KUBE-6-LOAD-BALANCER-SOURCE-CID 2001:db8::1,tcp:80,2001:db8::/32
            create OTHERS hash:ip family inet hashsize 1024 maxelem 65536
            add OTHERS 10.0.0.1

            """)
        let address = try #require(IPAddress("10.96.0.10"))
        #expect(listing.unreadableLines == 0)
        #expect(listing.sets.count == 3)
        #expect(
            listing.sets[SetKey(.clusterIP, .ipv4)]
                == ObservedSet(
                    typeName: "hash:ip,port", family: .ipv4, maximumEntries: 65536,
                    entries: [.addressPort(address, 53, .udp), .addressPort(address, 53, .tcp)]))
        #expect(listing.sets[SetKey(.nodePortTCP, .ipv4)]?.entries == [.port(30080)])
        let ranges = try #require(listing.sets[SetKey(.loadBalancerSourceCIDR, .ipv6)])
        #expect(ranges.family == .ipv6 && ranges.maximumEntries == 9 && ranges.entries.count == 1)
    }

    @Test(arguments: [
        "add KUBE-CLUSTER-IP 10.0.0.1,tcp:80",  // without its set
        "create KUBE-CLUSTER-IP hash:ip family inet\nadd KUBE-CLUSTER-IP 10.0.0.1",  // another's set
        "create KUBE-CLUSTER-IP hash:ip,port family inet\nadd KUBE-CLUSTER-IP 10.0.0.1,udplite:80",
        "create KUBE-CLUSTER-IP hash:ip,port family inet\nadd KUBE-CLUSTER-IP 10.0.0.1,tcp:80 nomatch",
        "create KUBE-CLUSTER-IP hash:ip,port family inet\nadd KUBE-CLUSTER-IP 10.0.0.1,tcp:65536",
        "create KUBE-CLUSTER-IP hash:ip,port family inet6\nadd KUBE-CLUSTER-IP fd00::1,tcp:80",  // another's family
        "swap KUBE-CLUSTER-IP KUBE-LOOP-BACK",
    ])
    func countsWhatItCannotExpress(text: String) {
        let listing = SavedText(text)
        #expect(listing.unreadableLines == 1)
        #expect(listing.sets.values.map(\.entries.count).reduce(0, +) == 0)
    }

    @Test func everyEntryReadsBackAsItIsWritten() throws {
        let (four, six) = (try #require(IPAddress("192.0.2.7")), try #require(IPAddress("2001:db8::7")))
        for (family, address) in [(AddressFamily.ipv4, four), (.ipv6, six)] {
            let net = try #require(IPPrefix(address, length: 24))
            for set in ServiceSet.allCases {
                let entry: SetEntry =
                    switch set.type {
                    case .hashAddress: .address(address)
                    case .hashAddressPort where set.keepsMarks: .addressPortMark(address, 1, .sctp, 0x1000_00ab)
                    case .hashAddressPort: .addressPort(address, 1, .sctp)
                    case .hashAddressPortAddress: .addressPortAddress(address, 65535, .tcp, address)
                    case .hashAddressPortNet: .addressPortNet(address, 80, .udp, net)
                    case .bitmapPort: .port(0)
                    }
                let key = SetKey(set, family)
                let header =
                    "create \(key) \(key.type.rawValue) family \(family == .ipv4 ? "inet" : "inet6") maxelem 5\(set.keepsMarks ? " skbinfo" : "")"
                #expect(SavedText("\(header)\nadd \(key) \(entry)").sets[key]?.entries == [entry])
            }
        }
    }
}
