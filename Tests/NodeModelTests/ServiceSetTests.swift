import Addresses
import NodeModel
import Testing

@Suite struct ServiceSetTests {
    @Test func namesAreThoseOfKubeProxyAndFitTheKernel() {
        let keys = AddressFamily.allCases.flatMap { family in ServiceSet.allCases.map { SetKey($0, family) } }
        #expect(keys.count == 40)
        #expect(Set(keys.map(\.name)).count == 40)
        #expect(keys.allSatisfy { $0.name.utf8.count <= 31 })
        #expect(SetKey(.loadBalancerSourceCIDR, .ipv6).name == "KUBE-6-LOAD-BALANCER-SOURCE-CID")
        #expect(SetKey(.nodePortLocalSCTP, .ipv4).name == "KUBE-NODE-PORT-LOCAL-SCTP-HASH")
        #expect(SetKey(.noLocalEndpoint, .ipv6).name == "IPVS-AGENT-6-NO-LOCAL-ENDPOINT")
        #expect(keys.filter(\.set.isKubeProxys).count == 34)
        for key in keys { #expect(SetKey(name: key.name) == key) }
        #expect(SetKey(name: "KUBE-SOMETHING") == nil)
    }

    /// As many again as it holds, rounded up to a power of two; and never less than kube-proxy's sets have.
    @Test(arguments: [(0, 65_536), (32_768, 65_536), (32_769, 131_072), (100_000, 262_144)])
    func aSetHasRoomForTwiceWhatItHolds(count: Int, room: UInt32) {
        #expect(SetDefinition(SetKey(.clusterIP, .ipv4)).holding(count).maximumEntries == room)
    }

    @Test(arguments: [
        ("10.96.0.1", SetType.hashAddress), ("10.96.0.10,tcp:53", .hashAddressPort), ("fd00::1,udp:53", .hashAddressPort),
        ("10.244.0.2,sctp:8080,10.244.0.2", .hashAddressPortAddress), ("10.96.0.1,tcp:80,10.0.0.0/8", .hashAddressPortNet),
        ("fd00::1,tcp:80,fd00::/64", .hashAddressPortNet), ("30080", .bitmapPort),
    ])
    func entriesReadAsTheyAreWritten(text: String, type: SetType) throws {
        let entry = try #require(SetEntry(text, type: type))
        #expect(entry.description == text)
        #expect(entry.type == type)
    }

    @Test func aWholeAddressAsNetIsWrittenWithoutLength() {
        #expect(SetEntry("10.96.0.1,tcp:80,10.1.1.1", type: .hashAddressPortNet)?.description == "10.96.0.1,tcp:80,10.1.1.1/32")
    }

    @Test(arguments: [
        ("10.96.0.1,tcp:80", SetType.hashAddress), ("10.96.0.1", .hashAddressPort), ("10.96.0.1,icmp:80", .hashAddressPort),
        ("10.96.0.1,tcp:99999", .hashAddressPort), ("70000", .bitmapPort), ("", .bitmapPort), (",,", .hashAddressPortAddress),
    ])
    func refuses(text: String, type: SetType) {
        #expect(SetEntry(text, type: type) == nil)
    }
}
