import Addresses
import IPVSModel
import NodeModel

/// The text that `ipvsadm -Sn` prints and `ipvsadm -R` reads: a command line for each virtual server and each real server.
package enum IPVSAdmText {
    /// The list as `ipvsadm -Sn` has it, but sorted by key.
    package static func text(_ list: VirtualServerList) -> String {
        var text = ""
        for (key, state) in list.servers.sorted(by: { $0.key < $1.key }) {
            text += "-A \(words(key)) \(words(state.configuration, key.family))\n"
            for (realKey, configuration) in state.realServers.sorted(by: { $0.key < $1.key }) {
                text += "-a \(words(key)) -r \(realKey) \(words(configuration))\n"
            }
        }
        return text
    }

    /// `-t 10.96.0.10:80`, `-f 7 -6`.
    private static func words(_ key: VirtualServer.Key) -> String {
        switch key {
        case .firewallMark(let mark, let family): "-f \(mark)" + (family == .ipv6 ? " -6" : "")
        case .address(let address, let port, let transport):
            "\(option(transport)) \(RealServer.Key(address, port: port))"
        }
    }

    private static func option(_ transport: TransportProtocol) -> String {
        switch transport {
        case .tcp: "-t"
        case .udp: "-u"
        case .sctp: "--sctp-service"
        }
    }

    private static func words(_ configuration: VirtualServer.Configuration, _ family: AddressFamily) -> String {
        var words = ["-s \(configuration.scheduler)"]
        if let persistence = configuration.persistence {
            words.append("-p \(persistence.timeout)")
            switch persistence.granularity {
            case .mask(.max), .prefixLength(128): break
            case .mask(let mask): words.append("-M \(IPAddress(ipv4: mask))")
            case .prefixLength(let length): words.append("-M \(length)")
            }
        }
        if let engine = configuration.persistenceEngine { words.append("--pe \(engine)") }
        if configuration.onePacket { words.append("-o") }
        let flags = names(configuration.schedulerFlags, of: configuration.scheduler)
        if !flags.isEmpty { words.append("-b \(flags)") }
        return words.joined(separator: " ")
    }

    /// `ipvsadm` has names of its own for the flags of `sh` and `mh`, and numbers for those of all others.
    private static func names(_ flags: SchedulerFlags, of scheduler: Scheduler) -> String {
        let isKnown = scheduler == .sourceHashing || scheduler == .maglevHashing
        var names: [String] = []
        if flags.contains(.fallback) { names.append(isKnown ? "\(scheduler)-fallback" : "flag-1") }
        if flags.contains(.port) { names.append(isKnown ? "\(scheduler)-port" : "flag-2") }
        if flags.contains(.third) { names.append("flag-3") }
        return names.joined(separator: ",")
    }

    private static func words(_ configuration: RealServer.Configuration) -> String {
        var words: [String] = []
        switch configuration.forwarding {
        case .masquerade: words.append("-m")
        case .direct, .local, .bypass: words.append("-g")
        case .tunnel: words.append("-i")
        }
        words.append("-w \(configuration.weight)")
        if case .tunnel(let tunnel) = configuration.forwarding { words += self.words(tunnel) }
        // `ipvsadm -S` leaves thresholds out, and so loses them; `-R` reads them.
        if configuration.upperThreshold != 0 { words.append("-x \(configuration.upperThreshold)") }
        if configuration.lowerThreshold != 0 { words.append("-y \(configuration.lowerThreshold)") }
        return words.joined(separator: " ")
    }

    private static func words(_ tunnel: Tunnel) -> [String] {
        var words: [String] = []
        switch tunnel.encapsulation {
        case .ipip: words.append("--tun-type ipip")
        case .gre: words.append("--tun-type gre")
        case .gue(let port): words.append("--tun-type gue --tun-port \(port)")
        }
        switch tunnel.checksum {
        case .none: if tunnel.encapsulation != .ipip { words.append("--tun-nocsum") }
        case .full: words.append("--tun-csum")
        case .remote: words.append("--tun-remcsum")
        }
        return words
    }
}
