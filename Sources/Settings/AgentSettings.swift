package import Addresses
package import IPVSModel

/// The agent's settings, checked and typed. `SettingDefinition` says what each means.
package struct AgentSettings: Equatable, Sendable {
    /// Nil where no directory is followed.
    package var manifests: String?
    /// Nil for the host's own name.
    package var hostnameOverride: String?
    package var scheduler: Scheduler
    package var schedulerFlags: SchedulerFlags
    package var syncPeriod: Duration
    package var minSyncPeriod: Duration
    package var strictARP: Bool
    /// In seconds; nil leaves the kernel's value.
    package var tcpTimeout: UInt32?
    /// In seconds; nil leaves the kernel's value.
    package var tcpFinTimeout: UInt32?
    /// In seconds; nil leaves the kernel's value.
    package var udpTimeout: UInt32?
    package var excludeCIDRs: [IPPrefix]
    package var masqueradeAll: Bool
    /// 0…31.
    package var masqueradeBit: UInt8
    /// At most one of each family.
    package var clusterCIDRs: [IPPrefix]
    package var detectLocalMode: DetectLocalMode
    package var podBridgeInterface: String?
    package var podInterfaceNamePrefix: String?
    /// Nil for `primary`; an empty list for all addresses.
    package var nodePortRanges: [IPPrefix]?
    package var serviceNodePorts: ClosedRange<UInt16>
    package var runtimeDirectory: String
    /// The path of the agent's socket.
    package var socket: String
    /// A group's name or number; nil where the socket is for the owner alone.
    package var socketGroup: String?
    /// Nil where it is switched off.
    package var healthzBind: BindPlace?
    /// Nil where it is switched off.
    package var metricsBind: BindPlace?
    package var metricsServers: Int
    package var link: String
    package var iptablesBackend: IPTablesBackend
    package var managesSysctls: Bool
    package var logLevel: LogLevel
    package var logFormat: LogFormat
    /// Who said it, by the setting's name; settings that nobody set are not there.
    package var origins: [String: SettingOrigin]
}

/// An address of this node, or all of them (`0.0.0.0`, `::`), and a port.
package struct BindPlace: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16

    package init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads `10.0.0.1:10256`, `[::]:10256`, or an address alone, which means the usual port.
    package init?(_ text: String, usualPort: UInt16) {
        if let address = IPAddress(text) {
            self.init(address, port: usualPort)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard let address = IPAddress(String(host)) else { return nil }
        self.init(address, port: port)
    }
}

/// Who gave a setting its value.
package enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    /// `--ipvs-scheduler`.
    case flag(String)
    /// `IPVS_AGENT_IPVS_SCHEDULER`.
    case environment(String)
    /// `/etc/ipvs-agent/config.yaml:3, ipvsScheduler`.
    case file(String, line: Int, key: String)

    package var description: String {
        switch self {
        case .flag(let name): name
        case .environment(let name): name
        case .file(let file, let line, let key): "\(file):\(line), \(key)"
        }
    }
}

/// How traffic from pods is told from other traffic, in kube-proxy's words.
package enum DetectLocalMode: String, Hashable, Sendable, CaseIterable {
    /// By the source address: `cluster-cidr`.
    case clusterCIDR = "ClusterCIDR"
    /// By the source address: this node's pod ranges.
    case nodeCIDR = "NodeCIDR"
    /// By the link it comes in on: the pods' bridge.
    case bridgeInterface = "BridgeInterface"
    /// By the link it comes in on: how its name begins.
    case interfaceNamePrefix = "InterfaceNamePrefix"
}

package enum IPTablesBackend: String, Hashable, Sendable, CaseIterable {
    case auto, legacy, nft
}

/// The levels of swift-log, under its names.
package enum LogLevel: String, Hashable, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
}

package enum LogFormat: String, Hashable, Sendable, CaseIterable {
    case text, json
}
