import Addresses
import IPVSModel

extension AgentSettings {
    /// Reads every setting, and checks those that depend on others. Problems are left in `values`.
    init(_ values: inout SettingValues) {
        manifests = values.optionalText(.manifests)
        hostnameOverride = Self.nodeName(&values)
        scheduler =
            values.read(.scheduler, "a scheduler's name: 1 to 15 printable characters, such as rr, wlc or mh", Scheduler.init(rawValue:))
            ?? .roundRobin
        schedulerFlags = values.read(.schedulerFlags, "a list of fallback, port, flag-3") { SchedulerFlags(names: $0) } ?? []
        // kube-proxy always hashes the port with mh.
        if scheduler == .maglevHashing, !values.isSet(.schedulerFlags) { schedulerFlags = .port }
        syncPeriod = values.duration(.syncPeriod)
        minSyncPeriod = values.duration(.minSyncPeriod)
        if syncPeriod <= .zero {
            values.report(.syncPeriod, "0 is not a period; give more, such as 30s")
        } else if minSyncPeriod > syncPeriod {
            values.report(.minSyncPeriod, "longer than --ipvs-sync-period; give less, or give that more")
        }
        strictARP = values.boolean(.strictARP)
        tcpTimeout = Self.timeout(.tcpTimeout, &values)
        tcpFinTimeout = Self.timeout(.tcpFinTimeout, &values)
        udpTimeout = Self.timeout(.udpTimeout, &values)
        excludeCIDRs = values.ranges(.excludeCIDRs)
        masqueradeAll = values.boolean(.masqueradeAll)
        masqueradeBit = UInt8(values.integer(.masqueradeBit, in: 0...31))
        clusterCIDRs = values.ranges(.clusterCIDR)
        for family in AddressFamily.allCases where clusterCIDRs.count(where: { $0.family == family }) > 1 {
            values.report(.clusterCIDR, "several \(family) ranges; at most one of each family")
        }
        detectLocalMode = values.word(.detectLocalMode) ?? .clusterCIDR
        podBridgeInterface = Self.linkName(.podBridgeInterface, &values)
        podInterfaceNamePrefix = Self.linkName(.podInterfaceNamePrefix, &values)
        if detectLocalMode == .bridgeInterface, podBridgeInterface == nil {
            values.report(.detectLocalMode, "BridgeInterface needs --pod-bridge-interface")
        }
        if detectLocalMode == .interfaceNamePrefix, podInterfaceNamePrefix == nil {
            values.report(.detectLocalMode, "InterfaceNamePrefix needs --pod-interface-name-prefix")
        }
        nodePortRanges = values.list(.nodePortAddresses) == ["primary"] ? nil : values.ranges(.nodePortAddresses)
        serviceNodePorts = values.read(.serviceNodePortRange, "a range of ports such as 30000-32767", Self.portRange) ?? 30000...32767
        runtimeDirectory = values.read(.runtimeDirectory, "an absolute path") { $0.hasPrefix("/") ? $0 : nil } ?? "/run/ipvs-agent"
        // The kernel takes 107 bytes, of which making the socket needs some.
        let socketPath = values.read(.socket, "an absolute path of at most 100 bytes") { text -> String?? in
            if text.isEmpty { return .some(nil) }
            return text.hasPrefix("/") && !text.hasSuffix("/") && text.utf8.count <= 100 && !text.utf8.contains(0) ? .some(text) : nil
        }
        socket = (socketPath ?? nil) ?? runtimeDirectory + "/agent.sock"
        if socket.utf8.count > 100 {
            values.report(.runtimeDirectory, "too long for the socket in it; give less, or give --socket, at most 100 bytes")
        }
        socketGroup = values.optionalText(.socketGroup)
        healthzBind = Self.bindPlace(.healthzBindAddress, usualPort: 10256, &values)
        metricsBind = Self.bindPlace(.metricsBindAddress, usualPort: 10249, &values)
        metricsServers = Int(values.integer(.metricsServers, in: 0...1_000_000))
        link = Self.linkName(.link, &values) ?? ""
        if link.isEmpty { values.report(.link, "a name is needed, such as kube-ipvs0") }
        iptablesBackend = values.word(.iptablesBackend) ?? .auto
        managesSysctls = values.boolean(.manageSysctls)
        logLevel = values.word(.logLevel) ?? .info
        logFormat = values.word(.logFormat) ?? .text
        origins = values.origins
    }

    /// Nil where it is switched off.
    private static func bindPlace(_ definition: SettingDefinition, usualPort: UInt16, _ values: inout SettingValues) -> BindPlace? {
        let place = values.read(definition, "an address with a port, such as 0.0.0.0:\(usualPort) or [::]:\(usualPort)") {
            text -> BindPlace?? in
            if text.isEmpty { return .some(nil) }
            return BindPlace(text, usualPort: usualPort).map { .some($0) }
        }
        return place ?? nil
    }

    /// A timeout of the kernel's: whole seconds, of which IPVS takes at most `INT_MAX / HZ` (`ip_vs_set_timeout`), here for the largest
    /// HZ, 1000. Nil where it is 0.
    private static func timeout(_ definition: SettingDefinition, _ values: inout SettingValues) -> UInt32? {
        let (seconds, fraction) = values.duration(definition).components
        guard fraction == 0 else {
            values.report(definition, "the kernel counts whole seconds; give 1s or more, or 0")
            return nil
        }
        guard seconds <= 2_147_483 else {
            values.report(definition, "longer than the kernel can wait; at most 596h")
            return nil
        }
        return seconds == 0 ? nil : UInt32(seconds)
    }

    /// A link's name as the kernel takes it (`dev_valid_name`), or the beginning of one; nil where nothing was said.
    private static func linkName(_ definition: SettingDefinition, _ values: inout SettingValues) -> String? {
        values.read(definition, "a link's name: 1 to 15 bytes without blanks, / or :") { text -> String?? in
            if text.isEmpty { return .some(nil) }
            let isValid =
                text.utf8.count <= 15 && text != "." && text != ".."
                && text.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
            return isValid ? .some(text) : nil
        } ?? nil
    }

    /// A node's name; kube-proxy lowers its case and takes away the blanks around it, and so the name matches what the API holds.
    private static func nodeName(_ values: inout SettingValues) -> String? {
        values.read(.hostnameOverride, "a node's name: at most 253 of a–z, 0–9, - and .") { text -> String?? in
            var letters = text.lowercased()[...].drop { $0 == " " }
            while letters.last == " " { letters.removeLast() }
            let name = String(letters)
            if name.isEmpty { return .some(nil) }
            let isValid =
                name.utf8.count <= 253
                && name.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                }
            return isValid ? .some(name) : nil
        } ?? nil
    }

    private static func portRange(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = UInt16(ends[0]), let last = UInt16(ends[1]), first > 0, first <= last else { return nil }
        return first...last
    }
}
