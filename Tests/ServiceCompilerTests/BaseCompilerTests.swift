import Addresses
import NodeModel
import ServiceCompiler
import Testing

@Suite struct BaseCompilerTests {
    private func masqueradeRule(_ compiler: ServiceCompiler, _ family: AddressFamily = .ipv4) -> String? {
        compiler.base().rules[family]?.tables["nat"]?.chains["KUBE-SERVICES"]?[2]
    }

    private let comment = #"-m comment --comment "Kubernetes service cluster ip + port for masquerade purpose""#

    @Test func clusterAddressesAreMasqueradedForWhoIsNoPod() {
        let ranges = compiler { $0.localTraffic = .ranges([net("10.244.0.0/16"), net("fd00:10:244::/48")]) }
        #expect(masqueradeRule(ranges) == "! -s 10.244.0.0/16 \(comment) -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ")
        #expect(
            masqueradeRule(ranges, .ipv6)
                == "! -s fd00:10:244::/48 \(comment) -m set --match-set KUBE-6-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ")
        let bridge = compiler { $0.localTraffic = .bridge("cni0") }
        #expect(masqueradeRule(bridge) == "! -i cni0 \(comment) -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ")
        let prefix = compiler { $0.localTraffic = .interfacePrefix("veth") }
        #expect(masqueradeRule(prefix) == "! -i veth+ \(comment) -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ")
    }

    @Test func nodeRangesComeFromTheNode() {
        var compiler = compiler { $0.localTraffic = .nodeRanges }
        #expect(masqueradeRule(compiler) == "\(comment) -m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ")
        compiler.node.podRanges = [net("10.244.3.0/24")]
        #expect(masqueradeRule(compiler) == "! -s 10.244.3.0/24 \(comment) -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ")
    }

    @Test func masqueradeAllTakesEveryone() {
        let all = compiler {
            $0.masqueradeAll = true
            $0.localTraffic = .ranges([net("10.244.0.0/16")])
        }
        #expect(masqueradeRule(all) == "\(comment) -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ")
        #expect(masqueradeRule(compiler()) == "\(comment) -m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ")
    }

    @Test func theMarkBitIsASetting() {
        let rules = compiler { $0.masqueradeBit = 31 }.base().rules[.ipv4]?.tables["nat"]?.chains
        #expect(rules?["KUBE-MARK-MASQ"] == ["-j MARK --set-xmark 0x80000000/0x80000000"])
        #expect(rules?["KUBE-POSTROUTING"]?[1] == "-m mark ! --mark 0x80000000/0x80000000 -j RETURN")
    }

    @Test func settingsAreWrittenOnlyIfAsked() {
        #expect(compiler().base().sysctls["net.ipv4.vs.conntrack"] == "1")
        #expect(compiler().base().sysctls["net.ipv4.conf.all.arp_ignore"] == nil)
        #expect(compiler { $0.strictARP = true }.base().sysctls["net.ipv4.conf.all.arp_ignore"] == "1")
        #expect(compiler { $0.managesSysctls = false }.base().sysctls.isEmpty)
    }

    @Test func oldKernelsReusePortsWithoutDelay() {
        var old = compiler()
        old.node.kernel = KernelVersion(5, 8)
        #expect(old.base().sysctls["net.ipv4.vs.conn_reuse_mode"] == "0")
        #expect(compiler().base().sysctls["net.ipv4.vs.conn_reuse_mode"] == nil)
        #expect(KernelVersion(release: "6.1.0-37-amd64") == KernelVersion(6, 1))
        #expect(KernelVersion(release: "5.10-rc3") == KernelVersion(5, 10))
        #expect(KernelVersion(release: "x") == nil)
        #expect(KernelVersion(5, 10) > KernelVersion(5, 9))
    }

    @Test func rulesDoNotGrowWithServices() {
        let count = compiler().base().rules[.ipv4]?.tables.values.reduce(0) { $0 + $1.chains.values.reduce(0) { $0 + $1.count } }
        #expect(count == 35)
    }
}
