import NetlinkCodec

/// Reading virtual servers, real servers and the rest out of the family's messages: the payload after the netlink header.
///
/// Decoding tolerates what a newer kernel may add (unknown attributes) and an older one lacks (`ADDR_FAMILY`, `STATS64`, the tunnel
/// attributes). What is well-formed and yet beyond the values of this library is nil: a protocol other than TCP, UDP and
/// SCTP, a tunnel type of the future.
enum MessageDecoding {
    /// Calls `body` with the first attribute of a type in a reply of a command; returns nil where the reply is another's.
    private static func find<Value>(
        _ attribute: UInt16, in payload: Span<UInt8>, of command: UInt8,
        _ body: (Span<UInt8>) throws(NetlinkDecodingError) -> Value?
    ) throws(NetlinkDecodingError) -> Value? {
        guard try GenericNetlinkHeader(reading: payload).command == command else { return nil }
        var found: Value?
        try payload.forEachAttribute(after: GenericNetlinkHeader.byteCount) { type, nest throws(NetlinkDecodingError) in
            if type == attribute { found = try body(nest) }
        }
        return found
    }

    static func virtualServer(
        _ payload: Span<UInt8>, wantsStatistics: Bool = true
    ) throws(NetlinkDecodingError) -> ObservedVirtualServer? {
        try find(CommandAttribute.service, in: payload, of: Command.newService) { nest throws(NetlinkDecodingError) in
            var fields = ServiceFields(wantsStatistics: wantsStatistics)
            try fields.read(nest)
            return try fields.value()
        }
    }

    /// The real server of a message. The family is that of the virtual server, which is the real server's on kernels that do not say.
    static func realServer(
        _ payload: Span<UInt8>, family: AddressFamily, wantsStatistics: Bool = true
    ) throws(NetlinkDecodingError) -> ObservedRealServer? {
        try find(CommandAttribute.destination, in: payload, of: Command.newDestination) { nest throws(NetlinkDecodingError) in
            var fields = DestinationFields(family: family, wantsStatistics: wantsStatistics)
            try fields.read(nest)
            return try fields.value()
        }
    }

    static func timeouts(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> ConnectionTimeouts? {
        guard try GenericNetlinkHeader(reading: payload).command == Command.setConfiguration else { return nil }
        var timeouts = ConnectionTimeouts()
        try payload.forEachAttribute(after: GenericNetlinkHeader.byteCount) { type, value throws(NetlinkDecodingError) in
            switch type {
            case CommandAttribute.timeoutTCP: timeouts.tcp = try value.hostNumber()
            case CommandAttribute.timeoutTCPFin: timeouts.tcpFin = try value.hostNumber()
            case CommandAttribute.timeoutUDP: timeouts.udp = try value.hostNumber()
            default: break
            }
        }
        return timeouts
    }

    static func information(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> IPVSInformation? {
        guard try GenericNetlinkHeader(reading: payload).command == Command.setInformation else { return nil }
        var version: UInt32 = 0
        var size: UInt32 = 0
        try payload.forEachAttribute(after: GenericNetlinkHeader.byteCount) { type, value throws(NetlinkDecodingError) in
            switch type {
            case InformationAttribute.version: version = try value.hostNumber()
            case InformationAttribute.connectionTableSize: size = try value.hostNumber()
            default: break
            }
        }
        return IPVSInformation(
            version: .init(
                major: UInt8(truncatingIfNeeded: version >> 16), minor: UInt8(truncatingIfNeeded: version >> 8),
                patch: UInt8(truncatingIfNeeded: version)),
            connectionTableSize: size)
    }
}

/// The first bytes of an attribute, kept without room on the heap until the family is known that they are to be read by.
struct ShortBytes {
    private var bytes = InlineArray<16, UInt8>(repeating: 0)
    private let count: Int

    init(_ value: Span<UInt8>) {
        count = min(value.count, bytes.count)
        for index in 0..<count { bytes[index] = value[index] }
    }

    func hostNumber() throws(NetlinkDecodingError) -> UInt32 { try bytes.span.extracting(0..<count).hostNumber() }

    func networkNumber() throws(NetlinkDecodingError) -> UInt32 { try bytes.span.extracting(0..<count).networkNumber() }

    func address(_ family: AddressFamily) throws(NetlinkDecodingError) -> IPAddress {
        try FieldDecoding.address(bytes.span.extracting(0..<count), family)
    }
}

/// The fields that virtual and real servers have in common.
enum FieldDecoding {
    /// An address of a family out of the 16 bytes of `union nf_inet_addr`.
    static func address(_ value: Span<UInt8>, _ family: AddressFamily) throws(NetlinkDecodingError) -> IPAddress {
        switch family {
        case .ipv4: IPAddress(ipv4: try value.networkNumber())
        case .ipv6: IPAddress(ipv6High: try value.networkNumber(), low: try value.networkNumber(at: 8))
        }
    }

    static func family(_ value: Span<UInt8>) throws(NetlinkDecodingError) -> AddressFamily {
        let number: UInt16 = try value.hostNumber()
        guard let family = FamilyNumber.family(number) else {
            throw NetlinkDecodingError(at: 0, "address family \(number), which is neither IPv4 nor IPv6")
        }
        return family
    }

    static func statistics(_ nest: Span<UInt8>) throws(NetlinkDecodingError) -> TrafficStatistics {
        var statistics = TrafficStatistics()
        try nest.forEachAttribute { type, value throws(NetlinkDecodingError) in
            // 64 or 32 bits wide, by attribute and by kernel.
            let number: UInt64 =
                switch value.count {
                case 8: try value.hostNumber()
                case 4: UInt64(try value.hostNumber(UInt32.self))
                default: 0
                }
            switch type {
            case StatisticsAttribute.connections: statistics.connections = number
            case StatisticsAttribute.incomingPackets: statistics.incomingPackets = number
            case StatisticsAttribute.outgoingPackets: statistics.outgoingPackets = number
            case StatisticsAttribute.incomingBytes: statistics.incomingBytes = number
            case StatisticsAttribute.outgoingBytes: statistics.outgoingBytes = number
            case StatisticsAttribute.connectionRate: statistics.connectionRate = number
            case StatisticsAttribute.incomingPacketRate: statistics.incomingPacketRate = number
            case StatisticsAttribute.outgoingPacketRate: statistics.outgoingPacketRate = number
            case StatisticsAttribute.incomingByteRate: statistics.incomingByteRate = number
            case StatisticsAttribute.outgoingByteRate: statistics.outgoingByteRate = number
            default: break
            }
        }
        return statistics
    }
}
