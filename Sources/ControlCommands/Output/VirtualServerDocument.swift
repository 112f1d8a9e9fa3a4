import IPVS

/// A list of virtual servers as JSON (`apiVersion: ipvs-agent.dev/v1alpha1`). Times are in seconds.
struct VirtualServerListDocument: Encodable {
    let apiVersion = "ipvs-agent.dev/v1alpha1"
    let kind = "VirtualServerList"
    var items: [VirtualServerDocument]
}

/// A list of real servers, each with the virtual server it belongs to.
struct RealServerListDocument: Encodable {
    let apiVersion = "ipvs-agent.dev/v1alpha1"
    let kind = "RealServerList"
    var items: [Item]

    struct Item: Encodable {
        var virtualServer: KeyDocument
        var realServer: RealServerDocument
    }
}

/// What identifies a virtual server: address, port and protocol, or a firewall mark and a family.
struct KeyDocument: Encodable {
    var address: String?
    var port: UInt16?
    var `protocol`: String?
    var firewallMark: UInt32?
    var family: String

    init(_ key: VirtualServer.Key) {
        family = key.family.description
        switch key {
        case .address(let address, let port, let transport):
            (self.address, self.port, self.protocol) = (address.description, port, transport.description)
        case .firewallMark(let mark, _): firewallMark = mark
        }
    }
}

struct VirtualServerDocument: Encodable {
    var key: KeyDocument
    var scheduler: String
    var schedulerFlags: [String]
    var persistence: Persistence?
    var persistenceEngine: String?
    var onePacket: Bool
    var realServers: [RealServerDocument]?
    var statistics: StatisticsDocument

    struct Persistence: Encodable {
        var timeout: UInt32
        /// Left out for an IPv4 mask with holes, which `mask` has.
        var prefixLength: Int?
        var mask: String?
    }

    init(_ observed: ObservedVirtualServer, realServers: [ObservedRealServer]?) {
        let configuration = observed.server.configuration
        key = KeyDocument(observed.server.key)
        scheduler = configuration.scheduler.rawValue
        schedulerFlags = configuration.schedulerFlags.names
        persistenceEngine = configuration.persistenceEngine
        onePacket = configuration.onePacket
        self.realServers = realServers?.map(RealServerDocument.init)
        statistics = StatisticsDocument(observed.statistics)
        if let persistence = configuration.persistence {
            self.persistence = Persistence(timeout: persistence.timeout, prefixLength: persistence.granularity.prefixLength)
            if case .mask(let mask) = persistence.granularity, persistence.granularity.prefixLength == nil {
                self.persistence?.mask = IPAddress(ipv4: mask).description
            }
        }
    }
}

struct RealServerDocument: Encodable {
    var address: String
    var port: UInt16
    var forwarding: String
    var tunnel: Tunnel?
    var weight: Int32
    var upperThreshold: UInt32
    var lowerThreshold: UInt32
    var connections: Connections
    var statistics: StatisticsDocument

    struct Tunnel: Encodable {
        var type: String
        var port: UInt16?
        var checksum: String
    }

    struct Connections: Encodable {
        var active: UInt32
        var inactive: UInt32
        var persistent: UInt32
    }

    init(_ observed: ObservedRealServer) {
        let (key, configuration) = (observed.server.key, observed.server.configuration)
        address = key.address.description
        port = key.port
        forwarding = configuration.forwarding.name
        weight = configuration.weight
        upperThreshold = configuration.upperThreshold
        lowerThreshold = configuration.lowerThreshold
        let counts = observed.connections
        connections = Connections(active: counts.active, inactive: counts.inactive, persistent: counts.persistent)
        statistics = StatisticsDocument(observed.statistics)
        if case .tunnel(let tunnel) = configuration.forwarding { self.tunnel = Tunnel(tunnel) }
    }
}

struct StatisticsDocument: Encodable {
    var connections, incomingPackets, outgoingPackets, incomingBytes, outgoingBytes: UInt64
    var connectionRate, incomingPacketRate, outgoingPacketRate, incomingByteRate, outgoingByteRate: UInt64

    init(_ statistics: TrafficStatistics) {
        connections = statistics.connections
        incomingPackets = statistics.incomingPackets
        outgoingPackets = statistics.outgoingPackets
        incomingBytes = statistics.incomingBytes
        outgoingBytes = statistics.outgoingBytes
        connectionRate = statistics.connectionRate
        incomingPacketRate = statistics.incomingPacketRate
        outgoingPacketRate = statistics.outgoingPacketRate
        incomingByteRate = statistics.incomingByteRate
        outgoingByteRate = statistics.outgoingByteRate
    }
}

extension RealServerDocument.Tunnel {
    init(_ tunnel: IPVS.Tunnel) {
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
    var name: String {
        if case .tunnel = self { "tunnel" } else { description }
    }
}
