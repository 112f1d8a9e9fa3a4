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
        let usual: [String: SysctlWish] = [
            "net.ipv4.vs.conntrack": "1", "net.ipv4.vs.expire_nodest_conn": "1", "net.ipv4.vs.expire_quiescent_template": "1",
            "net.ipv4.ip_forward": "1",
        ]
        #expect(compiler().base().sysctls == usual)
        let strict: [String: SysctlWish] = ["net.ipv4.conf.all.arp_ignore": "1", "net.ipv4.conf.all.arp_announce": "2"]
        #expect(compiler { $0.strictARP = true }.base().sysctls == usual.merging(strict) { $1 })
        // What becomes of clients of a server that goes (docs/drains.md).
        #expect(compiler { $0.keepsStickyClients = true }.base().sysctls["net.ipv4.vs.expire_quiescent_template"] == "0")
        #expect(compiler { $0.managesSysctls = false }.base().sysctls.isEmpty)
    }

    @Test func theHashTableGrowsWithTheLimit() {
        let sysctls = compiler { $0.conntrack.maximum = 131_072 }.base().sysctls
        #expect(sysctls["net.netfilter.nf_conntrack_max"] == SysctlWish("131072", isLeast: true, isAdvised: true))
        let buckets = sysctls["net.netfilter.nf_conntrack_buckets"]
        #expect(buckets == SysctlWish("32768", isLeast: true, isAdvised: true))
        // A larger one is left.
        #expect(buckets?.isMet(by: "65536") == true && buckets?.isMet(by: "16384") == false)
        #expect(compiler().base().sysctls["net.netfilter.nf_conntrack_buckets"] == nil)
    }

    /// Real servers are made in the order that this node's name gives.
    @Test func theNodeHasItsOwnOrder() {
        #expect(compiler().base().turns == ServerTurns(node: "n1"))
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

    @Test func trafficFromInsideIsMarked() throws {
        var compiler = compiler { $0.localTraffic = .ranges([net("10.244.0.0/16"), net("fd00:10:244::/48")]) }
        compiler.node.podRanges = [net("10.244.3.0/24")]
        let mangle = try #require(compiler.base().rules[.ipv4]?.tables["mangle"])
        #expect(
            mangle.chains == [
                "IPVS-AGENT-PREROUTING": [
                    "-j SET --map-set IPVS-AGENT-GROUP-MARK dst,dst --map-mark",
                    "-s 10.244.0.0/16 -j SET --map-set IPVS-AGENT-INSIDE-MARK dst,dst --map-mark",
                ],
                "IPVS-AGENT-OUTPUT": [
                    "-m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j IPVS-AGENT-SOURCE-RANGES",
                    "-j SET --map-set IPVS-AGENT-GROUP-MARK dst,dst --map-mark",
                    "-j SET --map-set IPVS-AGENT-INSIDE-MARK dst,dst --map-mark",
                ],
                "IPVS-AGENT-SOURCE-RANGES": [
                    "-m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN",
                    "-m set --match-set KUBE-LOAD-BALANCER-SOURCE-IP dst,dst,src -j RETURN", "-j DROP",
                ],
                "IPVS-AGENT-POSTROUTING": [
                    "-m mark --mark 0x1c000000/0xfe000000 -j MARK --set-xmark 0x0/0xffffbfff",
                    "! -s 10.244.3.0/24 -m mark --mark 0x10000000/0xf0000000 -m conntrack --ctstate NEW -j MARK --set-xmark 0x4000/0xffffffff",
                    "-m mark --mark 0x10000000/0xf0000000 -j MARK --set-xmark 0x0/0xffffffff",
                ],
            ])
        #expect(mangle.jumps.map(\.chain) == ["PREROUTING", "OUTPUT", "POSTROUTING"])
        for table in compiler.base().rules.values.flatMap(\.tables) {
            #expect(Set(table.value.chains.keys) == OwnChains.byTable[table.key], "what is written is ours, and the other way round")
        }
    }

    @Test func podsAreToldInEveryWay() {
        func rules(_ local: CompilerSettings.LocalTraffic) -> [String]? {
            let tables = compiler { $0.localTraffic = local }.base().rules[.ipv4]?.tables
            return Array((tables?["mangle"]?.chains["IPVS-AGENT-PREROUTING"] ?? []).dropFirst())
                + (tables?["filter"]?.chains["KUBE-IPVS-FILTER"]?.prefix(1) ?? [])
        }
        let mark = "-j SET --map-set IPVS-AGENT-INSIDE-MARK dst,dst --map-mark"
        let drop =
            #"-m comment --comment "Service with externalTrafficPolicy=local and no endpoint on this node" -m conntrack --ctstate NEW "#
            + "-m set --match-set IPVS-AGENT-NO-LOCAL-ENDPOINT dst,dst -j DROP"
        #expect(rules(.bridge("cni0")) == ["-i cni0 \(mark)", "! -i cni0 \(drop)"])
        #expect(rules(.interfacePrefix("veth")) == ["-i veth+ \(mark)", "! -i veth+ \(drop)"])
        #expect(rules(.ranges([net("10.244.0.0/16")])) == ["-s 10.244.0.0/16 \(mark)", "! -s 10.244.0.0/16 \(drop)"])
        #expect(rules(.unknown) == [drop], "who cannot be told from others is outside")
        let whole = compiler { $0.localTraffic = .ranges([net("10.244.0.0/16")]) }.base().rules[.ipv4]?.tables["mangle"]
        #expect(
            whole?.chains["IPVS-AGENT-POSTROUTING"]?.dropFirst().first
                == "-m mark --mark 0x10000000/0xf0000000 -m conntrack --ctstate NEW -j MARK --set-xmark 0x4000/0xffffffff",
            "which pods are this node's is not known")
        let unknown = compiler().base().rules[.ipv4]?.tables["mangle"]?.chains["IPVS-AGENT-POSTROUTING"]?.dropFirst().first
        #expect(
            unknown
                == "-m mark --mark 0x10000000/0xf0000000 -m conntrack --ctstate NEW -m addrtype --src-type LOCAL "
                + "-j MARK --set-xmark 0x4000/0xffffffff")
    }

    /// Of these kube-proxy's recordings show only what is not Local: what comes to a Local node port keeps its source.
    @Test func localNodePortsAreLeftUnmarked() {
        let rules = compiler().base().rules[.ipv6]?.tables["nat"]?.chains["KUBE-NODE-PORT"] ?? []
        #expect(
            rules.map { $0.replacing(#/-m comment --comment "[^"]*" /#, with: "") } == [
                "-p tcp -m set --match-set KUBE-6-NODE-PORT-LOCAL-TCP dst -j RETURN",
                "-p tcp -m set --match-set KUBE-6-NODE-PORT-TCP dst -j KUBE-MARK-MASQ",
                "-p udp -m set --match-set KUBE-6-NODE-PORT-LOCAL-UDP dst -j RETURN",
                "-p udp -m set --match-set KUBE-6-NODE-PORT-UDP dst -j KUBE-MARK-MASQ",
                "-p sctp -m set --match-set KUBE-6-NODE-PORT-LOCAL-SCTP-HAS dst,dst -j RETURN",
                "-p sctp -m set --match-set KUBE-6-NODE-PORT-SCTP-HASH dst,dst -j KUBE-MARK-MASQ",
            ])
    }

    @Test func podsEgressIsMasqueradedWhereAsked() {
        func rules(_ change: (inout CompilerSettings) -> Void, _ podRanges: [IPPrefix] = []) -> [String] {
            var compiler = compiler(change)
            compiler.node.podRanges = podRanges
            return compiler.base().rules[.ipv4]?.tables["nat"]?.chains["KUBE-POSTROUTING"] ?? []
        }
        let plain = rules { _ in }
        let comment = #"-m comment --comment "pods to outside the cluster" -j MASQUERADE --random-fully"#
        let asked: (inout CompilerSettings) -> Void = {
            $0.masqueradesPodEgress = true
            $0.clusterRanges = [net("fd00:10:244::/48"), net("10.244.0.0/16")]
        }
        // Before the rule that ends the walk of what is not marked.
        let whole = rules(asked)
        #expect(whole.count == plain.count + 1 && whole[1] == "-s 10.244.0.0/16 ! -d 10.244.0.0/16 \(comment)")
        #expect(rules(asked, [net("10.244.3.0/24"), net("fd00:10:244:3::/64")])[1] == "-s 10.244.3.0/24 ! -d 10.244.0.0/16 \(comment)")
        #expect(rules { $0.masqueradesPodEgress = true } == plain, "nothing where the cluster's range is not known")
    }

    @Test func rulesDoNotGrowWithServices() {
        let count = compiler().base().rules[.ipv4]?.tables.values.reduce(0) { $0 + $1.chains.values.reduce(0) { $0 + $1.count } }
        // One fewer where pods cannot be told from others.
        #expect(count == 46)
    }
}
