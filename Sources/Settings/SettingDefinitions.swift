extension SettingDefinition {
    /// All settings, in the order of the help text.
    package static let all: [SettingDefinition] = [
        manifests, hostnameOverride,
        scheduler, schedulerFlags, syncPeriod, minSyncPeriod, strictARP, tcpTimeout, tcpFinTimeout, udpTimeout, excludeCIDRs,
        masqueradeAll, masqueradeBit, clusterCIDR, detectLocalMode, podBridgeInterface, podInterfaceNamePrefix,
        nodePortAddresses, serviceNodePortRange, runtimeDirectory, socket, socketGroup,
        healthzBindAddress, metricsBindAddress, metricsServers, link, iptablesBackend, manageSysctls, logLevel,
        logFormat,
    ]

    package static let manifests = SettingDefinition(
        "manifests", .text, "Directory of Service, EndpointSlice and Node documents to follow")
    package static let hostnameOverride = SettingDefinition(
        "hostname-override", .text, kubeProxy: "hostname-override",
        "This node's name in documents; the host's name where it is left out")

    package static let scheduler = SettingDefinition(
        "ipvs-scheduler", .text, default: "rr", kubeProxy: "ipvs-scheduler",
        "Scheduler of Services that name none by annotation")
    package static let schedulerFlags = SettingDefinition(
        "ipvs-scheduler-flags", .list,
        "Flags of that scheduler: fallback, port, flag-3. With mh and nothing said here, port is set, as kube-proxy does")
    package static let syncPeriod = SettingDefinition(
        "ipvs-sync-period", .duration, default: "30s", kubeProxy: "ipvs-sync-period",
        "How often the kernel is compared with what is wanted, at least; more than 0")
    package static let minSyncPeriod = SettingDefinition(
        "ipvs-min-sync-period", .duration, default: "0s", kubeProxy: "ipvs-min-sync-period",
        "The least time between two changes that are written; 0 writes each at once")
    package static let strictARP = SettingDefinition(
        "ipvs-strict-arp", .boolean, default: "false", kubeProxy: "ipvs-strict-arp",
        "Set arp_ignore to 1 and arp_announce to 2, so that no other link answers for the dummy link's addresses")
    package static let tcpTimeout = SettingDefinition(
        "ipvs-tcp-timeout", .duration, default: "0s", kubeProxy: "ipvs-tcp-timeout",
        "How long an idle TCP connection is kept, in whole seconds; 0 leaves the kernel's value")
    package static let tcpFinTimeout = SettingDefinition(
        "ipvs-tcpfin-timeout", .duration, default: "0s", kubeProxy: "ipvs-tcpfin-timeout",
        "How long a TCP connection is kept after a FIN, in whole seconds; 0 leaves the kernel's value")
    package static let udpTimeout = SettingDefinition(
        "ipvs-udp-timeout", .duration, default: "0s", kubeProxy: "ipvs-udp-timeout",
        "How long an idle UDP flow is kept, in whole seconds; 0 leaves the kernel's value")
    package static let excludeCIDRs = SettingDefinition(
        "ipvs-exclude-cidrs", .list, kubeProxy: "ipvs-exclude-cidrs",
        "Ranges whose virtual servers are never touched")

    package static let masqueradeAll = SettingDefinition(
        "masquerade-all", .boolean, default: "false", kubeProxy: "masquerade-all",
        "Give all traffic to cluster addresses this node's source address")
    package static let masqueradeBit = SettingDefinition(
        "iptables-masquerade-bit", .integer(0...31), default: "14", kubeProxy: "iptables-masquerade-bit",
        "The bit of the packet mark that asks for masquerading")
    package static let clusterCIDR = SettingDefinition(
        "cluster-cidr", .list, kubeProxy: "cluster-cidr",
        "The pods' ranges in the cluster, at most one of each family; traffic from elsewhere is masqueraded")
    package static let detectLocalMode = SettingDefinition(
        "detect-local-mode", .word(DetectLocalMode.allCases.map(\.rawValue)), default: DetectLocalMode.clusterCIDR.rawValue,
        kubeProxy: "detect-local-mode", "How traffic from pods is told from other traffic")
    package static let podBridgeInterface = SettingDefinition(
        "pod-bridge-interface", .text, kubeProxy: "pod-bridge-interface",
        "The pods' bridge; with BridgeInterface, and needed there")
    package static let podInterfaceNamePrefix = SettingDefinition(
        "pod-interface-name-prefix", .text, kubeProxy: "pod-interface-name-prefix",
        "How the names of the pods' links begin; with InterfaceNamePrefix, and needed there")

    package static let nodePortAddresses = SettingDefinition(
        "nodeport-addresses", .list, kubeProxy: "nodeport-addresses",
        "Ranges of the node's own addresses at which node ports are served, or primary for those that the Node object names first; "
            + "all addresses of a family for which nothing is said")
    package static let serviceNodePortRange = SettingDefinition(
        "service-node-port-range", .portRange, default: "30000-32767",
        "The node ports that a Service may ask for, as kube-apiserver's flag of this name says it")
    package static let runtimeDirectory = SettingDefinition(
        "runtime-directory", .text, default: "/run/ipvs-agent", "Directory of the lock and the state of the running agent; an absolute path"
    )
    package static let socket = SettingDefinition(
        "socket", .text,
        "Path of the socket on which the agent says how it is, absolute and at most 100 bytes; agent.sock in the runtime directory where it is left out"
    )
    package static let socketGroup = SettingDefinition(
        "socket-group", .text, "A group, by name or number, that may use the socket besides the owner")
    package static let healthzBindAddress = SettingDefinition(
        "healthz-bind-address", .text, default: "0.0.0.0:10256", kubeProxy: "healthz-bind-address",
        "Address and port of /healthz and /livez; an address alone means port 10256, nothing switches them off")
    package static let metricsBindAddress = SettingDefinition(
        "metrics-bind-address", .text, default: "127.0.0.1:10249", kubeProxy: "metrics-bind-address",
        "Address and port of /metrics; an address alone means port 10249, nothing switches it off")
    package static let metricsServers = SettingDefinition(
        "metrics-servers", .integer(0...1_000_000), default: "20000",
        "How many virtual and real servers have metrics of their own, at most")
    package static let link = SettingDefinition(
        "link", .text, default: "kube-ipvs0", "The dummy link that holds the virtual addresses; at most 15 bytes")
    package static let iptablesBackend = SettingDefinition(
        "iptables-backend", .word(IPTablesBackend.allCases.map(\.rawValue)), default: "auto",
        "Which iptables writes the rules; auto takes the one that works and is in use")
    package static let manageSysctls = SettingDefinition(
        "manage-sysctls", .boolean, default: "true", "Set the sysctls that balancing needs, where they differ")
    package static let logLevel = SettingDefinition(
        "log-level", .word(LogLevel.allCases.map(\.rawValue)), default: "info", "The least level that is logged")
    package static let logFormat = SettingDefinition(
        "log-format", .word(LogFormat.allCases.map(\.rawValue)), default: "text", "Lines for people, or a JSON object a line")
}
