import NetlinkCodec

/// The attributes of a destination as they come, in any order; and the real server that they make.
struct DestinationFields {
    private var family: AddressFamily
    private var address: ShortBytes?
    private var port: UInt16 = 0
    private var forwarding: UInt32 = 0
    private var weight: Int32 = 0
    private var upperThreshold: UInt32 = 0
    private var lowerThreshold: UInt32 = 0
    private var connections = ConnectionCounts()
    private var tunnelType: UInt8 = 0
    private var tunnelPort: UInt16 = 0
    private var tunnelFlags: UInt16 = 0
    private var statistics: TrafficStatistics?
    private var statistics64: TrafficStatistics?
    private let wantsStatistics: Bool

    /// - Parameters:
    ///   - family: what holds where the kernel does not say (before Linux 3.18).
    ///   - wantsStatistics: false passes over the counters, which are most of a message.
    init(family: AddressFamily, wantsStatistics: Bool = true) {
        self.family = family
        self.wantsStatistics = wantsStatistics
    }

    mutating func read(_ nest: Span<UInt8>) throws(NetlinkDecodingError) {
        var fields = self
        try nest.forEachAttribute { type, value throws(NetlinkDecodingError) in
            switch type {
            case DestinationAttribute.address: fields.address = ShortBytes(value)
            case DestinationAttribute.port: fields.port = try value.networkNumber()
            case DestinationAttribute.forwarding: fields.forwarding = try value.hostNumber() & ForwardingNumber.mask
            case DestinationAttribute.weight: fields.weight = Int32(bitPattern: try value.hostNumber())
            case DestinationAttribute.upperThreshold: fields.upperThreshold = try value.hostNumber()
            case DestinationAttribute.lowerThreshold: fields.lowerThreshold = try value.hostNumber()
            case DestinationAttribute.activeConnections: fields.connections.active = try value.hostNumber()
            case DestinationAttribute.inactiveConnections: fields.connections.inactive = try value.hostNumber()
            case DestinationAttribute.persistentConnections: fields.connections.persistent = try value.hostNumber()
            case DestinationAttribute.statistics where wantsStatistics: fields.statistics = try FieldDecoding.statistics(value)
            case DestinationAttribute.statistics64 where wantsStatistics: fields.statistics64 = try FieldDecoding.statistics(value)
            case DestinationAttribute.addressFamily: fields.family = try FieldDecoding.family(value)
            case DestinationAttribute.tunnelType: fields.tunnelType = try value.hostNumber()
            case DestinationAttribute.tunnelPort: fields.tunnelPort = try value.networkNumber()
            case DestinationAttribute.tunnelFlags: fields.tunnelFlags = try value.hostNumber()
            default: break
            }
        }
        self = fields
    }

    /// The real server; nil where it is beyond the values of this library.
    func value() throws(NetlinkDecodingError) -> ObservedRealServer? {
        guard let address else { throw NetlinkDecodingError(at: 0, "a destination without an address") }
        guard let method else { return nil }
        let key = RealServer.Key(try address.address(family), port: port)
        let configuration = RealServer.Configuration(
            forwarding: method, weight: weight, upperThreshold: upperThreshold, lowerThreshold: lowerThreshold)
        return ObservedRealServer(
            server: RealServer(key, configuration), statistics: statistics64 ?? statistics ?? TrafficStatistics(),
            connections: connections)
    }

    private var method: ForwardingMethod? {
        switch forwarding {
        case ForwardingNumber.masquerade: .masquerade
        case ForwardingNumber.local: .local
        case ForwardingNumber.direct: .direct
        case ForwardingNumber.bypass: .bypass
        case ForwardingNumber.tunnel: tunnel.map { .tunnel($0) }
        default: nil
        }
    }

    private var tunnel: Tunnel? {
        // Both bits can be set by other tools; the remote offload is what then takes effect (`ip_vs_gue_encap` asks for it first).
        let checksum: Tunnel.Checksum =
            tunnelFlags & Tunnel.Checksum.remote.rawValue != 0
            ? .remote : tunnelFlags & Tunnel.Checksum.full.rawValue != 0 ? .full : .none
        switch tunnelType {
        case ForwardingNumber.tunnelIPIP: return Tunnel(.ipip, checksum: checksum)
        case ForwardingNumber.tunnelGUE: return Tunnel(.gue(port: tunnelPort), checksum: checksum)
        case ForwardingNumber.tunnelGRE: return Tunnel(.gre, checksum: checksum)
        default: return nil
        }
    }
}
