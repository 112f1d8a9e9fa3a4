import NetlinkCodec

/// The attributes of a service as they come, in any order; and the virtual server that they make.
struct ServiceFields {
    private var family: AddressFamily?
    private var transport: UInt16?
    /// Kept as bytes until the family is known.
    private var address: ShortBytes?
    private var port: UInt16 = 0
    private var firewallMark: UInt32?
    private var schedulerName = ""
    private var flags: UInt32 = 0
    private var timeout: UInt32 = 0
    private var netmask: ShortBytes?
    private var engine: String?
    private var statistics: TrafficStatistics?
    private var statistics64: TrafficStatistics?
    private let wantsStatistics: Bool

    /// - Parameter wantsStatistics: false passes over the counters, which are most of a message.
    init(wantsStatistics: Bool = true) { self.wantsStatistics = wantsStatistics }

    mutating func read(_ nest: Span<UInt8>) throws(NetlinkDecodingError) {
        var fields = self
        try nest.forEachAttribute { type, value throws(NetlinkDecodingError) in
            switch type {
            case ServiceAttribute.addressFamily: fields.family = try FieldDecoding.family(value)
            case ServiceAttribute.transport: fields.transport = try value.hostNumber()
            case ServiceAttribute.address: fields.address = ShortBytes(value)
            case ServiceAttribute.port: fields.port = try value.networkNumber()
            case ServiceAttribute.firewallMark: fields.firewallMark = try value.hostNumber()
            case ServiceAttribute.schedulerName: fields.schedulerName = value.text()
            // The mask behind the flags is for requests; in replies it is full.
            case ServiceAttribute.flags: fields.flags = try value.hostNumber()
            case ServiceAttribute.timeout: fields.timeout = try value.hostNumber()
            case ServiceAttribute.netmask: fields.netmask = ShortBytes(value)
            case ServiceAttribute.persistenceEngine: fields.engine = value.text()
            case ServiceAttribute.statistics where wantsStatistics: fields.statistics = try FieldDecoding.statistics(value)
            case ServiceAttribute.statistics64 where wantsStatistics: fields.statistics64 = try FieldDecoding.statistics(value)
            default: break
            }
        }
        self = fields
    }

    /// The virtual server; nil where it is beyond the values of this library.
    func value() throws(NetlinkDecodingError) -> ObservedVirtualServer? {
        guard let family else { throw NetlinkDecodingError(at: 0, "a service without an address family") }
        guard let key = try key(family), let scheduler = Scheduler(rawValue: schedulerName) else { return nil }
        var persistence: VirtualServer.Persistence?
        if flags & ServiceFlag.persistent != 0 {
            persistence = VirtualServer.Persistence(timeout: timeout, granularity: try granularity(family))
        }
        let configuration = VirtualServer.Configuration(
            scheduler: scheduler, schedulerFlags: SchedulerFlags(rawValue: flags), persistence: persistence,
            persistenceEngine: engine.flatMap { $0.isEmpty ? nil : $0 }, onePacket: flags & ServiceFlag.onePacket != 0)
        return ObservedVirtualServer(
            server: VirtualServer(key, configuration), statistics: statistics64 ?? statistics ?? TrafficStatistics())
    }

    private func key(_ family: AddressFamily) throws(NetlinkDecodingError) -> VirtualServer.Key? {
        if let firewallMark { return .firewallMark(firewallMark, family) }
        guard let address, let transport else {
            throw NetlinkDecodingError(at: 0, "a service with neither a firewall mark nor an address and protocol")
        }
        guard let number = UInt8(exactly: transport), let known = TransportProtocol(rawValue: number) else { return nil }
        return .address(try address.address(family), port: port, known)
    }

    private func granularity(_ family: AddressFamily) throws(NetlinkDecodingError) -> VirtualServer.Granularity {
        guard let netmask else { return .wholeAddress(family) }
        switch family {
        case .ipv4: return .mask(try netmask.networkNumber())
        case .ipv6:
            let length: UInt32 = try netmask.hostNumber()
            guard length <= 128 else { throw NetlinkDecodingError(at: 0, "an IPv6 prefix length of \(length)") }
            return .prefixLength(UInt8(length))
        }
    }
}
