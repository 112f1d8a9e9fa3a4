import IPVS
import VirtualServerDocuments

/// What identifies a virtual server: address, port and protocol, or a firewall mark and a family.
struct KeyDocument: Encodable, Hashable {
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

/// What the kernel counted, and its rates per second.
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

struct ConnectionCountsDocument: Encodable {
    var active: UInt64
    var inactive: UInt64
    var persistent: UInt64

    init(active: UInt64 = 0, inactive: UInt64 = 0, persistent: UInt64 = 0) {
        self.active = active
        self.inactive = inactive
        self.persistent = persistent
    }

    init(_ counts: ConnectionCounts) {
        self.init(active: UInt64(counts.active), inactive: UInt64(counts.inactive), persistent: UInt64(counts.persistent))
    }
}

/// A real server with what the kernel counts of it.
struct RealServerDocument: Encodable {
    var address: String
    var port: UInt16
    var forwarding: String
    var tunnel: TunnelSpec?
    var weight: Int32
    var upperThreshold: UInt32
    var lowerThreshold: UInt32
    var connections: ConnectionCountsDocument
    var statistics: StatisticsDocument

    init(_ observed: ObservedRealServer) {
        let (key, configuration) = (observed.server.key, observed.server.configuration)
        address = key.address.description
        port = key.port
        forwarding = configuration.forwarding.word
        weight = configuration.weight
        upperThreshold = configuration.upperThreshold
        lowerThreshold = configuration.lowerThreshold
        connections = ConnectionCountsDocument(observed.connections)
        statistics = StatisticsDocument(observed.statistics)
        if case .tunnel(let tunnel) = configuration.forwarding { self.tunnel = TunnelSpec(tunnel) }
    }
}
