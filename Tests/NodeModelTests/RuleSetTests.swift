import Addresses
import NodeModel
import Testing

/// What is left of rules when a set that they match cannot be made.
@Suite struct RuleSetTests {
    private let clusterIP = "-m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN"
    private let external = "-m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN"
    private let refusal =
        "-m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT --reject-with icmp-port-unreachable"
    private let sourceRange = "-m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN"

    private func change(_ chains: [String: [String]]) -> RuleChange {
        var table = RuleChange.TableChange()
        table.writtenChains = chains
        return RuleChange(.ipv4, ["filter": table])
    }

    @Test func itsRulesAreLeftOut() {
        let change = change(["KUBE-IPVS-FILTER": [clusterIP, external], "KUBE-FORWARD": ["-j ACCEPT"]])
        #expect(change.sets == [SetKey(.clusterIP, .ipv4), SetKey(.externalIP, .ipv4)])
        let rest = change.leavingOut([SetKey(.externalIP, .ipv4)])
        #expect(rest.tables["filter"]?.writtenChains == ["KUBE-IPVS-FILTER": [clusterIP], "KUBE-FORWARD": ["-j ACCEPT"]])
        #expect(change.leavingOut([SetKey(.externalIP, .ipv6)]) == change)
    }

    /// Without the exception for cluster addresses the guard would refuse every connection to one.
    @Test func aRefusalGoesWithItsException() {
        let guarded = change(["KUBE-IPVS-FILTER": [clusterIP, external, refusal]])
        #expect(
            guarded.leavingOut([SetKey(.clusterIP, .ipv4)]).tables["filter"]?.writtenChains == ["KUBE-IPVS-FILTER": [external]])
        #expect(
            guarded.leavingOut([SetKey(.boundAddresses, .ipv4)]).tables["filter"]?.writtenChains
                == ["KUBE-IPVS-FILTER": [clusterIP, external]])
    }

    @Test func whatIsDroppedByWishStaysDropped() {
        let firewall = change(["KUBE-SOURCE-RANGES-FIREWALL": [sourceRange, "-j DROP"]])
        #expect(
            firewall.leavingOut([SetKey(.loadBalancerSourceCIDR, .ipv4)]).tables["filter"]?.writtenChains
                == ["KUBE-SOURCE-RANGES-FIREWALL": ["-j DROP"]])
    }

    @Test func whetherItMakesADifference() {
        let change = change(["KUBE-FORWARD": ["-j ACCEPT"]])
        #expect(change.changes(RuleTables()))
        #expect(!change.changes(RuleTables(["filter": .init(chains: ["KUBE-FORWARD": ["-j ACCEPT"]])])))
    }
}

@Suite struct SetSizeTests {
    @Test(arguments: [
        (0, 1024, 65_536), (1, 1024, 65_536), (32_768, 8192, 65_536), (32_772, 16_384, 131_072), (100_000, 32_768, 262_144),
        (1 << 31, 1 << 29, 1 << 31), (Int.max / 4, 1 << 31, 1 << 31),
    ])
    func aSetHasRoomForTwiceWhatItHolds(count: Int, hashSize: Int, maximum: Int) {
        let definition = SetDefinition(SetKey(.clusterIP, .ipv4)).holding(count)
        #expect((Int(definition.hashSize), Int(definition.maximumEntries)) == (hashSize, maximum))
    }
}
