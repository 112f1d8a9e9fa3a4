import ArgumentParser
import CommandSupport
import FoundationEssentials
import Settings

/// The settings as flags. What each means is said once, by its definition.
struct SettingsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The settings file; /etc/ipvs-agent/config.yaml is read where it exists.", valueName: "file"))
    var config: String?

    @Option(help: .of(.manifests)) var manifests: String?
    @Option(help: .of(.policies)) var policies: String?
    @Option(help: .of(.kubernetes)) var kubernetes: String?
    @Option(help: .of(.kubeconfig)) var kubeconfig: String?
    @Option(help: .of(.master)) var master: String?
    @Option(help: .of(.kubernetesRemovalShare)) var kubernetesRemovalShare: String?
    @Option(help: .of(.kubernetesStreamingLists)) var kubernetesStreamingLists: String?
    @Option(help: .of(.kubernetesEvents)) var kubernetesEvents: String?
    @Option(help: .of(.hostnameOverride)) var hostnameOverride: String?
    @Option(help: .of(.scheduler)) var ipvsScheduler: String?
    @Option(help: .of(.schedulerFlags)) var ipvsSchedulerFlags: String?
    @Option(help: .of(.syncPeriod)) var ipvsSyncPeriod: String?
    @Option(help: .of(.minSyncPeriod)) var ipvsMinSyncPeriod: String?
    @Option(help: .of(.strictARP)) var ipvsStrictArp: String?
    @Option(help: .of(.tcpTimeout)) var ipvsTcpTimeout: String?
    @Option(help: .of(.tcpFinTimeout)) var ipvsTcpfinTimeout: String?
    @Option(help: .of(.udpTimeout)) var ipvsUdpTimeout: String?
    @Option(help: .of(.excludeCIDRs)) var ipvsExcludeCidrs: String?
    @Option(help: .of(.masqueradeAll)) var masqueradeAll: String?
    @Option(help: .of(.masqueradeBit)) var iptablesMasqueradeBit: String?
    @Option(help: .of(.masqueradePodEgress)) var masqueradePodEgress: String?
    @Option(help: .of(.firewallMarks)) var firewallMarks: String?
    @Option(help: .of(.clusterCIDR)) var clusterCidr: String?
    @Option(help: .of(.detectLocalMode)) var detectLocalMode: String?
    @Option(help: .of(.podBridgeInterface)) var podBridgeInterface: String?
    @Option(help: .of(.podInterfaceNamePrefix)) var podInterfaceNamePrefix: String?
    @Option(help: .of(.nodePortAddresses)) var nodeportAddresses: String?
    @Option(help: .of(.serviceNodePortRange)) var serviceNodePortRange: String?
    @Option(help: .of(.drainTimeout)) var drainTimeout: String?
    @Option(help: .of(.keepStickyClients)) var keepStickyClients: String?
    @Option(help: .of(.healthPolicy)) var healthPolicy: String?
    @Option(help: .of(.runtimeDirectory)) var runtimeDirectory: String?
    @Option(help: .of(.stateDirectory)) var stateDirectory: String?
    @Option(help: .of(.socket)) var socket: String?
    @Option(help: .of(.socketGroup)) var socketGroup: String?
    @Option(help: .of(.healthzBindAddress)) var healthzBindAddress: String?
    @Option(help: .of(.metricsBindAddress)) var metricsBindAddress: String?
    @Option(help: .of(.metricsServers)) var metricsServers: String?
    @Option(help: .of(.link)) var link: String?
    @Option(help: .of(.iptablesBackend)) var iptablesBackend: String?
    @Option(help: .of(.manageSysctls)) var manageSysctls: String?
    @Option(help: .of(.conntrackMaxPerCore)) var conntrackMaxPerCore: String?
    @Option(help: .of(.conntrackMin)) var conntrackMin: String?
    @Option(help: .of(.conntrackTCPEstablished)) var conntrackTcpTimeoutEstablished: String?
    @Option(help: .of(.conntrackTCPCloseWait)) var conntrackTcpTimeoutCloseWait: String?
    @Option(help: .of(.conntrackUDP)) var conntrackUdpTimeout: String?
    @Option(help: .of(.conntrackUDPStream)) var conntrackUdpTimeoutStream: String?
    @Option(help: .of(.conntrackTCPBeLiberal)) var conntrackTcpBeLiberal: String?
    @Option(help: .of(.logLevel)) var logLevel: String?
    @Option(help: .of(.logFormat)) var logFormat: String?

    /// The flags that were given, by name.
    var flags: [String: String] {
        let values: [(SettingDefinition, String?)] = [
            (.manifests, manifests), (.policies, policies), (.kubernetes, kubernetes), (.kubeconfig, kubeconfig), (.master, master),
            (.kubernetesRemovalShare, kubernetesRemovalShare), (.kubernetesStreamingLists, kubernetesStreamingLists),
            (.kubernetesEvents, kubernetesEvents), (.hostnameOverride, hostnameOverride), (.scheduler, ipvsScheduler),
            (.schedulerFlags, ipvsSchedulerFlags),
            (.syncPeriod, ipvsSyncPeriod), (.minSyncPeriod, ipvsMinSyncPeriod), (.strictARP, ipvsStrictArp), (.tcpTimeout, ipvsTcpTimeout),
            (.tcpFinTimeout, ipvsTcpfinTimeout), (.udpTimeout, ipvsUdpTimeout), (.excludeCIDRs, ipvsExcludeCidrs),
            (.masqueradeAll, masqueradeAll), (.masqueradeBit, iptablesMasqueradeBit),
            (.masqueradePodEgress, masqueradePodEgress), (.firewallMarks, firewallMarks), (.clusterCIDR, clusterCidr),
            (.detectLocalMode, detectLocalMode), (.podBridgeInterface, podBridgeInterface),
            (.podInterfaceNamePrefix, podInterfaceNamePrefix), (.nodePortAddresses, nodeportAddresses),
            (.serviceNodePortRange, serviceNodePortRange), (.runtimeDirectory, runtimeDirectory), (.socket, socket),
            (.socketGroup, socketGroup), (.healthzBindAddress, healthzBindAddress), (.metricsBindAddress, metricsBindAddress),
            (.metricsServers, metricsServers), (.link, link), (.iptablesBackend, iptablesBackend), (.manageSysctls, manageSysctls),
            (.conntrackMaxPerCore, conntrackMaxPerCore), (.conntrackMin, conntrackMin),
            (.conntrackTCPEstablished, conntrackTcpTimeoutEstablished), (.conntrackTCPCloseWait, conntrackTcpTimeoutCloseWait),
            (.conntrackUDP, conntrackUdpTimeout), (.conntrackUDPStream, conntrackUdpTimeoutStream),
            (.conntrackTCPBeLiberal, conntrackTcpBeLiberal), (.logLevel, logLevel), (.logFormat, logFormat),
            (.drainTimeout, drainTimeout), (.keepStickyClients, keepStickyClients), (.healthPolicy, healthPolicy),
            (.stateDirectory, stateDirectory),
        ]
        return Dictionary(uniqueKeysWithValues: values.compactMap { definition, value in value.map { (definition.name, $0) } })
    }

    /// The settings from flags, environment and file together.
    func resolve() throws(CommandFailure) -> AgentSettings {
        let environment = ProcessInfo.processInfo.environment
        do throws(InvalidSettings) {
            let file = try ConfigurationFile.read(named: config ?? environment[SettingsResolver.configVariable])
            return try SettingsResolver.resolve(flags: flags, environment: environment, file: file)
        } catch {
            throw CommandFailure(error.description, status: ExitStatus.invalid)
        }
    }
}

extension ArgumentHelp {
    fileprivate static func of(_ definition: SettingDefinition) -> ArgumentHelp {
        let standard = definition.defaultText.isEmpty ? "" : " (default \(definition.defaultText))"
        return ArgumentHelp("\(definition.help)\(standard).", valueName: definition.kind.placeholder)
    }
}

/// Flags that are true or false may be given without a value, as Go's are: `--masquerade-all` is `--masquerade-all=true`.
package enum BooleanFlags {
    package static func spelledOut(_ arguments: [String]) -> [String] {
        let names = Set(SettingDefinition.all.filter { $0.kind == .boolean }.map(\.flag))
        return arguments.enumerated().map { index, argument in
            guard names.contains(argument) else { return argument }
            let next = index + 1 < arguments.count ? arguments[index + 1] : ""
            return ["true", "false"].contains(next) ? argument : argument + "=true"
        }
    }
}
