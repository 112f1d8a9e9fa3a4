import Addresses
import NetlinkCodec
import NodeModel

/// Messages that list sets: subsystem 6 of nfnetlink, and the attributes of `linux/netfilter/ipset/ip_set.h`.
enum SetMessage {
    /// `NFNL_SUBSYS_IPSET` and `IPSET_CMD_LIST`. What lists a set is also the type of the answers.
    static let list: UInt16 = 6 << 8 | 7

    /// `struct nfgenmsg`: family, version and a number in network order, all 0.
    private static let headerLength = 4

    /// `IPSET_PROTOCOL_MIN`, which every kernel takes. What 7 added (from Linux 4.20) is a set's number.
    private static let protocolNumber: UInt8 = 6

    /// `IPSET_ATTR_…` at the level of the command.
    enum Attribute {
        static let protocolNumber: UInt16 = 1
        static let name: UInt16 = 2
        static let typeName: UInt16 = 3
        static let family: UInt16 = 5
        static let data: UInt16 = 7
        static let entries: UInt16 = 8
    }

    /// `IPSET_ATTR_…` of a set as it was made, and of an entry.
    enum DataAttribute {
        static let address: UInt16 = 1
        static let prefixLength: UInt16 = 3
        static let port: UInt16 = 4
        static let transport: UInt16 = 7
        static let flags: UInt16 = 8
        static let maximumEntries: UInt16 = 19
        static let otherAddress: UInt16 = 20
        static let otherPrefixLength: UInt16 = 21
        static let size: UInt16 = 24
        static let mark: UInt16 = 27
    }

    /// `IPSET_FLAG_WITH_SKBINFO`: entries can carry marks.
    private static let withMarks: UInt32 = 1 << 6

    /// `NFPROTO_IPV6` of `linux/netfilter.h`.
    private static let ipv6: UInt8 = 10

    /// Asks for one set. (For all, the answer would hold everybody's.)
    static func list(_ name: String) -> NetlinkRequest {
        NetlinkRequest("list set \(name)", type: list) { encoder in
            encoder.append(0 as UInt32)
            encoder.attribute(Attribute.protocolNumber, protocolNumber)
            encoder.attribute(Attribute.name, name)
        }
    }

    /// The set that a message shows, if it does: only the first of several messages about a set does.
    static func header(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> ObservedSet? {
        var set: ObservedSet?
        var (maximum, flags): (UInt32, UInt32) = (0, 0)
        try payload.forEachAttribute(after: headerLength) { type, value throws(NetlinkDecodingError) in
            switch type {
            case Attribute.typeName:
                set = ObservedSet(typeName: value.text(), family: set?.family ?? .ipv4, maximumEntries: 0)
            case Attribute.family:
                // A bitmap of ports has none, and counts as IPv4.
                let family: AddressFamily = try value.hostNumber() == ipv6 ? .ipv6 : .ipv4
                set = ObservedSet(typeName: set?.typeName ?? "", family: family, maximumEntries: 0)
            case Attribute.data:
                try value.forEachAttribute { type, value throws(NetlinkDecodingError) in
                    switch type {
                    case DataAttribute.maximumEntries: maximum = try value.networkNumber()
                    case DataAttribute.flags: flags = try value.networkNumber()
                    default: break
                    }
                }
            default: break
            }
        }
        set?.maximumEntries = maximum
        set?.keepsMarks = flags & withMarks != 0
        return set?.typeName == "" ? nil : set
    }

    /// How many entries the kernel counts in the set that a message shows (`IPSET_ATTR_ELEMENTS`, from Linux 4.11); 0 where it does not say.
    static func size(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> Int {
        var size: UInt32 = 0
        try payload.forEachAttribute(after: headerLength) { type, value throws(NetlinkDecodingError) in
            guard type == Attribute.data else { return }
            try value.forEachAttribute { type, value throws(NetlinkDecodingError) in
                if type == DataAttribute.size { size = try value.networkNumber() }
            }
        }
        return Int(size)
    }

    /// Calls `body` with each entry of a set of ours; with nil for one that cannot be expressed: of another protocol, an exception from the
    /// others (`nomatch`), or a mark of which not all bits are set.
    static func forEachEntry(
        _ payload: Span<UInt8>, of key: SetKey, _ body: (SetEntry?) -> Void
    ) throws(NetlinkDecodingError) {
        try payload.forEachAttribute(after: headerLength) { attribute, list throws(NetlinkDecodingError) in
            guard attribute == Attribute.entries else { return }
            try list.forEachAttribute { attribute, value throws(NetlinkDecodingError) in
                guard attribute == Attribute.data else { return }
                var fields = SetEntryFields()
                try fields.read(value)
                body(fields.entry(of: key))
            }
        }
    }
}

/// The attributes of an entry as they come, in any order; and the entry that they make.
struct SetEntryFields {
    private var address: IPAddress?
    private var other: IPAddress?
    private var port: UInt16?
    private var transport: UInt8?
    private var otherPrefixLength: UInt8?
    private var isException = false
    /// The mark, and after it which bits of it are set.
    private var mark: UInt64 = 0

    /// `IPSET_FLAG_NOMATCH`.
    private static let exception: UInt32 = 1 << 2

    /// Counters, comments and times that others may have had a set keep with its entries change nothing about what is in it.
    mutating func read(_ nest: Span<UInt8>) throws(NetlinkDecodingError) {
        var fields = self
        try nest.forEachAttribute { type, value throws(NetlinkDecodingError) in
            switch type {
            case SetMessage.DataAttribute.address: fields.address = try Self.address(value)
            case SetMessage.DataAttribute.otherAddress: fields.other = try Self.address(value)
            case SetMessage.DataAttribute.port: fields.port = try value.networkNumber()
            case SetMessage.DataAttribute.transport: fields.transport = try value.hostNumber()
            case SetMessage.DataAttribute.otherPrefixLength: fields.otherPrefixLength = try value.hostNumber()
            case SetMessage.DataAttribute.mark: fields.mark = try value.networkNumber()
            case SetMessage.DataAttribute.flags: fields.isException = try value.networkNumber() & Self.exception != 0
            default: break
            }
        }
        self = fields
    }

    /// The entry; nil where what is there is none of such a set, or beyond our values.
    func entry(of key: SetKey) -> SetEntry? {
        if isException { return nil }
        let type = key.type
        if type == .bitmapPort { return port.map { .port($0) } }
        guard let address else { return nil }
        if type == .hashAddress { return .address(address) }
        guard let port, let known = transport.flatMap({ TransportProtocol(rawValue: $0) }) else { return nil }
        switch type {
        case .hashAddressPort where key.set.keepsMarks:
            guard UInt32(truncatingIfNeeded: mark) == .max else { return nil }
            return .addressPortMark(address, port, known, UInt32(truncatingIfNeeded: mark >> 32))
        case .hashAddressPort: return .addressPort(address, port, known)
        case .hashAddressPortAddress: return other.map { .addressPortAddress(address, port, known, $0) }
        case .hashAddressPortNet:
            guard let other else { return nil }
            // All bits count where no length is given.
            let length = otherPrefixLength.map { Int($0) } ?? other.family.bitWidth
            return IPPrefix(other, length: length).map { .addressPortNet(address, port, known, $0) }
        case .hashAddress, .bitmapPort: return nil
        }
    }

    /// An address is a nest of its own: type 1 (`IPSET_ATTR_IPADDR_IPV4`) holds four bytes, 2 sixteen.
    private static func address(_ nest: Span<UInt8>) throws(NetlinkDecodingError) -> IPAddress? {
        var address: IPAddress?
        try nest.forEachAttribute { type, value throws(NetlinkDecodingError) in
            switch type {
            case 1: address = IPAddress(ipv4: try value.networkNumber())
            case 2: address = IPAddress(ipv6High: try value.networkNumber(), low: try value.networkNumber(at: 8))
            default: break
            }
        }
        return address
    }
}
