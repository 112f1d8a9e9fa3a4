import Addresses
package import IPVSModel
package import NodeModel

/// A virtual server as a document says it. What is left out is off, as it is in the kernel's own defaults.
package struct VirtualServerSpec: Encodable, Sendable {
    package var address: String?
    package var port: UInt16?
    package var `protocol`: String?
    package var firewallMark: UInt32?
    /// `IPv4` or `IPv6`, of a firewall mark.
    package var family: String?
    package var scheduler: String
    package var schedulerFlags: [String]?
    package var persistence: Persistence?
    package var persistenceEngine: String?
    package var onePacket: Bool?
    package var realServers: [RealServerSpec]

    package struct Persistence: Encodable, Sendable {
        package var timeout: UInt32
        /// Left out for an IPv4 mask with holes, which `mask` has.
        package var prefixLength: Int?
        package var mask: String?

        package init(_ persistence: VirtualServer.Persistence) {
            timeout = persistence.timeout
            prefixLength = persistence.granularity.prefixLength
            if case .mask(let number) = persistence.granularity, prefixLength == nil { mask = IPAddress(ipv4: number).description }
        }
    }

    package init(_ key: VirtualServer.Key, _ state: VirtualServerState) {
        switch key {
        case .address(let address, let port, let transport):
            (self.address, self.port, self.protocol) = (address.description, port, transport.description)
        case .firewallMark(let mark, let family): (firewallMark, self.family) = (mark, family.description)
        }
        let configuration = state.configuration
        scheduler = configuration.scheduler.rawValue
        schedulerFlags = configuration.schedulerFlags.isEmpty ? nil : configuration.schedulerFlags.names
        persistence = configuration.persistence.map(Persistence.init)
        persistenceEngine = configuration.persistenceEngine
        onePacket = configuration.onePacket ? true : nil
        realServers = state.realServers.sorted { $0.key < $1.key }.map { RealServerSpec(RealServer($0.key, $0.value)) }
    }
}

/// A real server as a document says it.
package struct RealServerSpec: Encodable, Sendable {
    package var address: String
    package var port: UInt16
    package var forwarding: String
    package var tunnel: TunnelSpec?
    package var weight: Int32
    package var upperThreshold: UInt32?
    package var lowerThreshold: UInt32?

    package init(_ server: RealServer) {
        let configuration = server.configuration
        address = server.key.address.description
        port = server.key.port
        forwarding = configuration.forwarding.word
        weight = configuration.weight
        upperThreshold = configuration.upperThreshold == 0 ? nil : configuration.upperThreshold
        lowerThreshold = configuration.lowerThreshold == 0 ? nil : configuration.lowerThreshold
        if case .tunnel(let tunnel) = configuration.forwarding { self.tunnel = TunnelSpec(tunnel) }
    }
}

/// How packets are wrapped.
package struct TunnelSpec: Encodable, Hashable, Sendable {
    package var type: String
    package var port: UInt16?
    package var checksum: String

    package init(_ tunnel: Tunnel) {
        switch tunnel.encapsulation {
        case .ipip: type = "ipip"
        case .gre: type = "gre"
        case .gue(let port): (type, self.port) = ("gue", port)
        }
        checksum =
            switch tunnel.checksum {
            case .none: "none"
            case .full: "full"
            case .remote: "remote"
            }
    }
}

extension ForwardingMethod {
    /// The method in one word, without a tunnel's particulars.
    package var word: String {
        if case .tunnel = self { "tunnel" } else { description }
    }
}
