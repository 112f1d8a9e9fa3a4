import Addresses
import Foundation
import IPVSModel
import Settings
import Testing

/// kube-proxy's own configuration as settings of ours.
@Suite struct KubeProxyConfigurationTests {
    private static func resolve(_ text: String, flags: [String: String] = [:]) throws(InvalidSettings) -> AgentSettings {
        let header = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
        return try SettingsResolver.resolve(flags: flags, file: ("config.conf", header + text))
    }

    private static func problems(_ text: String) -> [String] {
        do throws(InvalidSettings) {
            _ = try resolve(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    /// As kubeadm writes it into the ConfigMap: every field, nearly all of them without a value.
    private static let kubeadm = """
        bindAddress: 0.0.0.0
        bindAddressHardFail: false
        clientConnection:
          acceptContentTypes: ""
          burst: 0
          contentType: ""
          kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
          qps: 0
        clusterCIDR: 10.244.0.0/16
        configSyncPeriod: 0s
        conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
        detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
        detectLocalMode: ""
        enableProfiling: false
        healthzBindAddress: ""
        hostnameOverride: ""
        iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
        ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
        logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
        metricsBindAddress: ""
        mode: ipvs
        nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
        nodePortAddresses: null
        oomScoreAdj: null
        portRange: ""
        showHiddenMetricsForVersion: ""
        winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
        """

    @Test func kubeadmsIsTaken() throws {
        let settings = try Self.resolve(Self.kubeadm)
        #expect(settings.followsKubernetes && settings.kubeconfig == "/var/lib/kube-proxy/kubeconfig.conf")
        #expect(settings.clusterCIDRs.map(\.description) == ["10.244.0.0/16"] && settings.syncPeriod == .seconds(30))
        #expect(settings.masqueradeBit == 14 && settings.scheduler.rawValue == "rr")
        #expect(
            settings.warnings.map(\.description) == [
                "config.conf:3, bindAddress: has no effect: the node's addresses are those of its Node object and its links"
            ])
    }

    @Test func everyFieldThatHasAMeaningIsTaken() throws {
        let settings = try Self.resolve(
            """
            hostnameOverride: n1
            clusterCIDR: 10.244.0.0/16,fd00:10:244::/48
            healthzBindAddress: 127.0.0.1:10256
            metricsBindAddress: 127.0.0.1:10249
            detectLocalMode: InterfaceNamePrefix
            detectLocal: {interfaceNamePrefix: veth}
            nodePortAddresses: [192.0.2.0/24]
            iptables: {masqueradeAll: true, masqueradeBit: 0}
            ipvs: {scheduler: wlc, syncPeriod: 1m, minSyncPeriod: 2s, strictARP: true, tcpTimeout: 15m, tcpFinTimeout: 1m, udpTimeout: 30s, excludeCIDRs: [10.9.0.0/16]}
            logging: {format: json, verbosity: 5}
            conntrack: {maxPerCore: 1000, min: 5000, tcpBeLiberal: true, tcpCloseWaitTimeout: 30m, tcpEstablishedTimeout: 0s, udpTimeout: 20s, udpStreamTimeout: 2m}
            mode: ipvs
            """)
        #expect(settings.warnings.isEmpty && settings.hostnameOverride == "n1" && settings.clusterCIDRs.count == 2)
        #expect(settings.detectLocalMode == .interfaceNamePrefix && settings.podInterfaceNamePrefix == "veth")
        #expect(settings.nodePortRanges?.map(\.description) == ["192.0.2.0/24"] && settings.masqueradeAll && settings.masqueradeBit == 0)
        #expect(settings.scheduler.rawValue == "wlc" && settings.syncPeriod == .seconds(60) && settings.minSyncPeriod == .seconds(2))
        #expect(settings.strictARP && settings.tcpTimeout == 900 && settings.tcpFinTimeout == 60 && settings.udpTimeout == 30)
        #expect(settings.excludeCIDRs.count == 1 && settings.logFormat == .json && settings.logLevel == .debug)
        #expect(settings.conntrackMaxPerCore == 1000 && settings.conntrackMin == 5000 && settings.conntrackIsLiberal)
        #expect(settings.conntrackTCPEstablished == nil && settings.conntrackTCPCloseWait == 1800, "0 is to leave what is")
        #expect(settings.conntrackUDP == 20 && settings.conntrackUDPStream == 120)
        #expect(settings.origins["ipvs-scheduler"]?.description == "config.conf:11, ipvs.scheduler")
    }

    @Test(arguments: [
        ("mode: nftables", "mode"), ("conntrack: {newInAnotherVersion: 1}", "conntrack.newInAnotherVersion"),
        ("featureGates: {A: true}", "featureGates.A"),
        ("clientConnection: {qps: 5}", "clientConnection.qps"), ("iptables: {syncPeriod: 5s}", "iptables.syncPeriod"),
        ("nftables: {masqueradeAll: true}", "nftables.masqueradeAll"), ("winkernel: {enableDSR: true}", "winkernel.enableDSR"),
        ("oomScoreAdj: 0", "oomScoreAdj"), ("newInAnotherVersion: {deep: 3}", "newInAnotherVersion.deep"), ("portRange: 1-2", "portRange"),
        ("logging: {vmodule: [a]}", "logging.vmodule"),
    ])
    func whatHasNoEffectIsSaid(_ text: String, _ path: String) throws {
        let warnings = try Self.resolve(text).warnings
        #expect(warnings.count == 1 && warnings[0].place.hasSuffix(", \(path)") && warnings[0].message.hasPrefix("has no effect: "))
    }

    @Test(arguments: [
        ("mode: kernelspace", "no mode for Linux"), ("iptables: {snatNodeInternalIP: true}", "cannot be had"),
        ("ipvs: {scheduler: much-too-long-for-a-name}", "config.conf:3, ipvs.scheduler"),
        ("clusterCIDR: nonsense", "config.conf:3, clusterCIDR"),
        ("nodePortAddresses: [localhost]", "\"localhost\" is not a range"),
    ])
    func whatCannotBeHadIsRefused(_ text: String, _ message: String) {
        let problems = Self.problems(text)
        #expect(problems.count == 1 && problems[0].contains(message), "\(problems)")
    }

    @Test func flagsComeFirst() throws {
        let settings = try Self.resolve(
            "ipvs: {scheduler: wlc}", flags: ["ipvs-scheduler": "sh", "kubernetes": "false", "manifests": "/m"])
        #expect(settings.scheduler.rawValue == "sh" && !settings.followsKubernetes && settings.manifests == "/m")
    }

    @Test func theDocumentHoldsTheTable() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/kube-proxy-configuration.md")
            .standardizedFileURL
        var text = try String(contentsOf: path, encoding: .utf8)
        let start = try #require(text.range(of: "<!-- fields -->\n"))
        if ProcessInfo.processInfo.environment["WRITE_DOCS"] == "1" {
            text = text[..<start.upperBound] + KubeProxyField.markdownTable
            try text.write(to: path, atomically: true, encoding: .utf8)
        }
        #expect(text.hasSuffix("<!-- fields -->\n" + KubeProxyField.markdownTable), "run the tests with WRITE_DOCS=1 to write it anew")
    }
}
