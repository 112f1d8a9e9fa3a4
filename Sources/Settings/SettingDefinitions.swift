import IPVSModel

extension SettingDefinition {
    /// All settings, in the order of the help text.
    package static let all: [SettingDefinition] = [
        manifests, policies, kubernetes, kubeconfig, master, kubernetesRemovalShare, kubernetesStreamingLists, kubernetesEvents,
        hostnameOverride,
        scheduler, schedulerFlags, syncPeriod, minSyncPeriod, strictARP, tcpTimeout, tcpFinTimeout, udpTimeout, excludeCIDRs,
        masqueradeAll, masqueradeBit, masqueradePodEgress, firewallMarks, clusterCIDR, detectLocalMode, podBridgeInterface,
        podInterfaceNamePrefix,
        nodePortAddresses, serviceNodePortRange, drainTimeout, keepStickyClients, healthPolicy, runtimeDirectory, stateDirectory, socket,
        socketGroup,
        healthzBindAddress, metricsBindAddress, metricsServers, link, iptablesBackend, manageSysctls,
        conntrackMaxPerCore, conntrackMin, conntrackTCPEstablished, conntrackTCPCloseWait, conntrackUDP, conntrackUDPStream,
        conntrackTCPBeLiberal, logLevel, logFormat,
    ]

    package static let manifests = SettingDefinition(
        "manifests", .text, "Directory of Service, EndpointSlice, Node and HealthPolicy documents to follow")
    package static let policies = SettingDefinition(
        "policies", .text, "Directory of HealthPolicy documents to follow beside; other kinds are not read there")
    package static let kubernetes = SettingDefinition(
        "kubernetes", .boolean, default: "false",
        "Follow the API of a cluster: as --kubeconfig says, or KUBECONFIG, or the service account of the pod")
    package static let kubeconfig = SettingDefinition(
        "kubeconfig", .text, kubeProxy: "kubeconfig", "A kubeconfig that says how the cluster's API is reached, and as whom")
    package static let master = SettingDefinition(
        "master", .list, kubeProxy: "master",
        "Addresses of the cluster's API that take the place of the kubeconfig's; several are tried in turn")
    package static let kubernetesRemovalShare = SettingDefinition(
        "kubernetes-removal-share", .integer(0...100), default: "25",
        "The share of all Services, or of all EndpointSlices, in percent, that one list of the API may lack; what lacks more, or is empty, "
            + "removes something when a second list confirms it. 100 believes every list")
    package static let kubernetesStreamingLists = SettingDefinition(
        "kubernetes-streaming-lists", .boolean, default: "true",
        "Ask the API for streaming lists first; servers that do not offer them are asked for pages")
    package static let kubernetesEvents = SettingDefinition(
        "kubernetes-events", .boolean, default: "true",
        "Post what concerns a Service as an Event of the API, for kubectl describe service to show")
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
    package static let masqueradePodEgress = SettingDefinition(
        "masquerade-pod-egress", .boolean, default: "false",
        "Give what pods send out of the cluster this node's source address; needs cluster-cidr")
    package static let firewallMarks = SettingDefinition(
        "firewall-marks", .text, default: MarkField.standard.description,
        "The packet marks that stand for virtual servers: all that begin with these 1 to 16 bits; virtual servers with other marks are not ours"
    )
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
    package static let drainTimeout = SettingDefinition(
        "drain-timeout", .duration, default: "15m",
        "How long the connections of a real server that goes are waited for, at most 24h, where neither its Service nor a policy says so; 0 cuts them"
    )
    package static let keepStickyClients = SettingDefinition(
        "keep-sticky-clients", .boolean, default: "false",
        "Let clients with session affinity stay at a real server that is drained by hand; every other one that goes is then removed at once from Services with affinity"
    )
    package static let healthPolicy = SettingDefinition(
        "health-policy", .text, "The name of the HealthPolicy of Services that no other policy chooses")
    package static let stateDirectory = SettingDefinition(
        "state-directory", .text, default: "/var/lib/ipvs-agent",
        "Directory of what is to outlive the machine's restarts: what was said by hand; an absolute path")
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
    package static let conntrackMaxPerCore = SettingDefinition(
        "conntrack-max-per-core", .integer(0...1_000_000), default: "32768", kubeProxy: "conntrack-max-per-core",
        "Connections to track for each processor, at least; 0 leaves the kernel's limit, whatever the minimum. It is only ever raised")
    package static let conntrackMin = SettingDefinition(
        "conntrack-min", .integer(0...100_000_000), default: "131072", kubeProxy: "conntrack-min",
        "Connections to track, at least, however few processors there are")
    package static let conntrackTCPEstablished = SettingDefinition(
        "conntrack-tcp-timeout-established", .duration, default: "24h", kubeProxy: "conntrack-tcp-timeout-established",
        "How long an idle TCP connection is tracked, in whole seconds; 0 leaves the kernel's value")
    package static let conntrackTCPCloseWait = SettingDefinition(
        "conntrack-tcp-timeout-close-wait", .duration, default: "1h", kubeProxy: "conntrack-tcp-timeout-close-wait",
        "How long a TCP connection is tracked that one side has closed, in whole seconds; 0 leaves the kernel's value")
    package static let conntrackUDP = SettingDefinition(
        "conntrack-udp-timeout", .duration, default: "0s", kubeProxy: "conntrack-udp-timeout",
        "How long an idle UDP flow without an answer is tracked, in whole seconds; 0 leaves the kernel's value")
    package static let conntrackUDPStream = SettingDefinition(
        "conntrack-udp-timeout-stream", .duration, default: "0s", kubeProxy: "conntrack-udp-timeout-stream",
        "How long an idle UDP flow is tracked, in whole seconds; 0 leaves the kernel's value")
    package static let conntrackTCPBeLiberal = SettingDefinition(
        "conntrack-tcp-be-liberal", .boolean, default: "false", kubeProxy: "conntrack-tcp-be-liberal",
        "Track TCP packets outside the window as valid, so that they are translated and not answered with a reset")
    package static let logLevel = SettingDefinition(
        "log-level", .word(LogLevel.allCases.map(\.rawValue)), default: "info", "The least level that is logged")
    package static let logFormat = SettingDefinition(
        "log-format", .word(LogFormat.allCases.map(\.rawValue)), default: "text", "Lines for people, or a JSON object a line")
}
