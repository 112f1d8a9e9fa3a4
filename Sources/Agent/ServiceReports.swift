import Addresses
import IPVSModel
import NodeModel
import Planner
import Telemetry

extension ServiceReport {
    /// What is made of a Service, and whether it stands in the kernel as that is known, where virtual servers can be seen (`isSeen`).
    init(_ name: String, _ labels: [String: String], _ share: NodeShare, wanted: WantedState, observed: NodeState, isSeen: Bool) {
        self.init(
            name: name, labels: labels, addresses: share.addresses.sorted().map(\.description),
            virtualServers: share.virtualServers.sorted { $0.key < $1.key }.map { key, server in
                let winner = wanted.claimants(of: key).first
                return VirtualServerReport(
                    key, server, standing: observed.virtualServers[key], isBound: key.address.map(observed.addresses.contains) ?? true,
                    isSeen: isSeen, takenBy: winner == name ? nil : winner)
            })
    }
}

extension VirtualServerReport {
    fileprivate init(
        _ key: VirtualServer.Key, _ wanted: VirtualServerState, standing: VirtualServerState?, isBound: Bool, isSeen: Bool, takenBy: String?
    ) {
        let configuration = wanted.configuration
        func judged(_ isThere: Bool, _ isSame: Bool) -> Standing {
            if takenBy != nil { return .taken }
            guard isSeen else { return .unknown }
            return !isThere ? .missing : isSame ? .inForce : .different
        }
        self.init(
            scheduler: configuration.scheduler.rawValue,
            schedulerFlags: configuration.schedulerFlags.isEmpty ? nil : configuration.schedulerFlags.names,
            persistenceTimeout: configuration.persistence?.timeout, onePacket: configuration.onePacket,
            // Where the address is not bound nobody reaches it.
            state: judged(standing != nil && isBound, standing?.configuration == configuration), takenBy: takenBy,
            realServers: wanted.realServers.sorted { $0.key < $1.key }.map { key, configuration in
                let found = standing?.realServers[key]
                return RealServerReport(
                    address: key.address.description, port: key.port, weight: configuration.weight,
                    forwarding: configuration.forwarding.description, state: judged(found != nil, found == configuration))
            })
        switch key {
        case .address(let address, let port, let transport):
            (self.address, self.port, self.protocol) = (address.description, port, transport.description)
        case .firewallMark(let mark, _): firewallMark = mark
        }
    }
}
