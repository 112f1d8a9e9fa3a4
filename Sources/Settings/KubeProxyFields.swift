/// A field of kube-proxy's own configuration (`kubeproxy.config.k8s.io/v1alpha1`), and what it means here.
package struct KubeProxyField: Sendable {
    enum Meaning: Sendable {
        /// It sets one of ours; the closure gives the text as a flag has it, or nil where it says what is so anyway.
        case setting(SettingDefinition, translate: @Sendable (String) -> String?)
        /// It has no effect, and whoever sets it is told why.
        case ignored(String)
        /// What it asks for is not done, and to go on without would be wrong.
        case refused(String)
        /// Read by itself.
        case mode
    }

    /// `ipvs.syncPeriod`; a last part of `*` stands for all fields below.
    package let path: String
    let meaning: Meaning
    /// Whether 0 and false are something else than nothing: the API tells them apart.
    let zeroCounts: Bool

    private init(_ path: String, _ meaning: Meaning, zeroCounts: Bool = false) {
        self.path = path
        self.meaning = meaning
        self.zeroCounts = zeroCounts
    }

    private static func same(_ path: String, _ setting: SettingDefinition, zeroCounts: Bool = false) -> KubeProxyField {
        KubeProxyField(path, .setting(setting) { $0 }, zeroCounts: zeroCounts)
    }

    private static let client = "requests are few, and in JSON"
    private static let otherMode = "belongs to another mode of kube-proxy"

    /// All fields of kube-proxy 1.36.
    package static let all: [KubeProxyField] = [
        KubeProxyField("mode", .mode),
        same("hostnameOverride", .hostnameOverride),
        same("clientConnection.kubeconfig", .kubeconfig),
        KubeProxyField("clientConnection.*", .ignored(client)),
        same("healthzBindAddress", .healthzBindAddress),
        same("metricsBindAddress", .metricsBindAddress),
        same("clusterCIDR", .clusterCIDR),
        same("detectLocalMode", .detectLocalMode),
        same("detectLocal.bridgeInterface", .podBridgeInterface),
        same("detectLocal.interfaceNamePrefix", .podInterfaceNamePrefix),
        KubeProxyField("nodePortAddresses", .setting(.nodePortAddresses) { $0 == "all" ? nil : $0 }),
        same("iptables.masqueradeAll", .masqueradeAll),
        same("iptables.masqueradeBit", .masqueradeBit, zeroCounts: true),
        KubeProxyField(
            "iptables.snatNodeInternalIP",
            .refused(
                "masqueraded traffic has the address of the link it leaves by; policies that go by the node's internal one would not match")
        ),
        KubeProxyField("iptables.*", .ignored(otherMode)),
        same("ipvs.scheduler", .scheduler),
        same("ipvs.syncPeriod", .syncPeriod),
        same("ipvs.minSyncPeriod", .minSyncPeriod),
        same("ipvs.strictARP", .strictARP),
        same("ipvs.tcpTimeout", .tcpTimeout),
        same("ipvs.tcpFinTimeout", .tcpFinTimeout),
        same("ipvs.udpTimeout", .udpTimeout),
        same("ipvs.excludeCIDRs", .excludeCIDRs),
        KubeProxyField("nftables.*", .ignored(otherMode)),
        KubeProxyField("winkernel.*", .ignored("belongs to Windows")),
        KubeProxyField("windowsRunAsService", .ignored("belongs to Windows")),
        // Of these no value is kube-proxy's default, and 0 is to leave what is.
        same("conntrack.maxPerCore", .conntrackMaxPerCore, zeroCounts: true),
        same("conntrack.min", .conntrackMin, zeroCounts: true),
        same("conntrack.tcpEstablishedTimeout", .conntrackTCPEstablished, zeroCounts: true),
        same("conntrack.tcpCloseWaitTimeout", .conntrackTCPCloseWait, zeroCounts: true),
        same("conntrack.tcpBeLiberal", .conntrackTCPBeLiberal),
        same("conntrack.udpTimeout", .conntrackUDP),
        same("conntrack.udpStreamTimeout", .conntrackUDPStream),
        KubeProxyField("logging.format", .setting(.logFormat) { $0 == "json" ? "json" : "text" }),
        KubeProxyField(
            "logging.verbosity", .setting(.logLevel) { text in Int(text).flatMap { $0 < 4 ? nil : $0 < 6 ? "debug" : "trace" } }),
        KubeProxyField("logging.*", .ignored("the log goes to standard error, a line a message")),
        KubeProxyField("bindAddress", .ignored("the node's addresses are those of its Node object and its links")),
        KubeProxyField("bindAddressHardFail", .ignored("a port that cannot be had is told, and tried again")),
        KubeProxyField("enableProfiling", .ignored("there is no profiler to be reached over the network")),
        KubeProxyField("showHiddenMetricsForVersion", .ignored("no metric is hidden")),
        KubeProxyField("featureGates.*", .ignored("kube-proxy's features are its own")),
        KubeProxyField(
            "oomScoreAdj", .ignored("whoever starts the agent sets it: a Pod's quality of service, or OOMScoreAdjust of systemd"),
            zeroCounts: true),
        KubeProxyField("configSyncPeriod", .ignored("what the API says is followed as it comes, and is never read again for no reason")),
        KubeProxyField("portRange", .ignored("kube-proxy has not used it since 1.26 either")),
    ]

    /// The field of that path; nil where this version knows none.
    static func of(_ path: String) -> KubeProxyField? {
        if let exact = all.first(where: { $0.path == path }) { return exact }
        return all.first { $0.path.hasSuffix(".*") && path.hasPrefix($0.path.dropLast()) }
    }

    /// All fields as a table in Markdown: what stands in `docs/kube-proxy-configuration.md`.
    package static var markdownTable: String {
        let rows = all.map { field in
            let meaning =
                switch field.meaning {
                case .mode: "IPVS is what balances, whatever it says; another mode is told in a warning, `kernelspace` is refused"
                case .setting(let setting, _): "`\(setting.flag)`"
                case .ignored(let reason): "no effect, with a warning: \(reason)"
                case .refused(let reason): "refused: \(reason)"
                }
            let path = field.path.hasSuffix(".*") ? "\(field.path) (all others)" : field.path
            return "| `\(path)` | \(meaning) |"
        }
        return (["| field | here |", "| --- | --- |"] + rows).joined(separator: "\n") + "\n"
    }
}
