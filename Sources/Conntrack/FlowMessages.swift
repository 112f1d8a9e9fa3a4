import Addresses
import NetlinkCodec
import NodeModel

/// Messages of connection tracking: `struct nfgenmsg` and the attributes `CTA_…` of `linux/netfilter/nfnetlink_conntrack.h`.
enum FlowMessage {
    /// `NFNL_SUBSYS_CTNETLINK` in the upper byte, `IPCTNL_MSG_CT_…` in the lower.
    static let new: UInt16 = 0x100
    static let get: UInt16 = 0x101
    static let delete: UInt16 = 0x102

    private static let headerLength = 4
    private static let original: UInt16 = 1
    private static let reply: UInt16 = 2
    private static let id: UInt16 = 12
    private static let zone: UInt16 = 18
    private static let filter: UInt16 = 25

    /// Within a tuple, and its two nests (`CTA_TUPLE_…`, `CTA_IP_…`, `CTA_PROTO_…`).
    private static let (tupleIP, tupleProtocol): (UInt16, UInt16) = (1, 2)
    private static let (source4, destination4, source6, destination6): (UInt16, UInt16, UInt16, UInt16) = (1, 2, 3, 4)
    private static let (number, sourcePort, destinationPort): (UInt16, UInt16, UInt16) = (1, 2, 3)

    /// Within a filter: which fields of the original tuple count, and which of the reply (`CTA_FILTER_F_CTA_PROTO_NUM` in
    /// `net/netfilter/nf_internals.h`).
    private static let (originalFlags, replyFlags): (UInt16, UInt16) = (1, 2)
    private static let protocolCounts: UInt32 = 1 << 3

    /// All flows of a family; those of one protocol only, where the kernel can choose (Linux 5.8).
    static func list(_ family: AddressFamily, _ transport: TransportProtocol, isFiltered: Bool) -> NetlinkRequest {
        NetlinkRequest("list \(transport) flows", type: get) { encoder in
            appendHeader(family, to: &encoder)
            guard isFiltered else { return }
            encoder.nest(original) { tuple in
                tuple.nest(tupleProtocol) { $0.attribute(number, transport.rawValue) }
            }
            encoder.nest(filter) { flags in
                flags.attribute(originalFlags, protocolCounts)
                flags.attribute(replyFlags, 0 as UInt32)
            }
        }
    }

    static func remove(_ flow: TrackedFlow) -> NetlinkRequest {
        NetlinkRequest("end \(flow)", type: delete) { encoder in
            appendHeader(flow.destination.address.family, to: &encoder)
            append(flow.transport, flow.client, flow.destination, to: &encoder)
            if let id = flow.id { encoder.attribute(Self.id, network: id) }
            if let zone = flow.zone { encoder.attribute(Self.zone, network: zone) }
        }
    }

    /// The flow that a message speaks of; nil for protocols without ports, and for others than IPVS balances.
    static func decode(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> TrackedFlow? { try decodeWhole(payload)?.flow }

    /// The flow, and where its answers are sent: to the client, or to what the client's address was translated into.
    static func decodeWhole(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> (flow: TrackedFlow, answersTo: TrackedFlow.Socket)? {
        var (asked, answered): (Tuple?, Tuple?)
        var (id, zone): (UInt32?, UInt16?)
        try payload.forEachAttribute(after: headerLength) { type, value throws(NetlinkDecodingError) in
            switch type {
            case original: asked = try Tuple(value)
            case reply: answered = try Tuple(value)
            case Self.id: id = try value.networkNumber()
            case Self.zone: zone = try value.networkNumber()
            default: break
            }
        }
        guard let asked, let answered, let client = asked.source, let destination = asked.destination, let server = answered.source,
            let receiver = answered.destination, let transport = asked.transport.flatMap(TransportProtocol.init(rawValue:))
        else { return nil }
        return (
            TrackedFlow(transport: transport, client: client, destination: destination, server: server, id: id, zone: zone), receiver
        )
    }

    /// Asks for the flow with which a client's packets began.
    static func look(_ transport: TransportProtocol, _ client: TrackedFlow.Socket, _ destination: TrackedFlow.Socket) -> NetlinkRequest {
        NetlinkRequest("look for the flow of \(client)", type: get) { encoder in
            appendHeader(destination.address.family, to: &encoder)
            append(transport, client, destination, to: &encoder)
        }
    }

    /// One direction of a flow, as far as it was said.
    private struct Tuple {
        var (from, to): (IPAddress?, IPAddress?)
        var (fromPort, toPort): (UInt16?, UInt16?)
        var transport: UInt8?

        var source: TrackedFlow.Socket? { Self.socket(from, fromPort) }
        var destination: TrackedFlow.Socket? { Self.socket(to, toPort) }

        init(_ payload: Span<UInt8>) throws(NetlinkDecodingError) {
            var (from, to): (IPAddress?, IPAddress?)
            var (fromPort, toPort): (UInt16?, UInt16?)
            var transport: UInt8?
            try payload.forEachAttribute { type, value throws(NetlinkDecodingError) in
                switch type {
                case tupleIP:
                    try value.forEachAttribute { type, value throws(NetlinkDecodingError) in
                        switch type {
                        case source4, source6: from = IPAddress(bytes: value.copied())
                        case destination4, destination6: to = IPAddress(bytes: value.copied())
                        default: break
                        }
                    }
                case tupleProtocol:
                    try value.forEachAttribute { type, value throws(NetlinkDecodingError) in
                        switch type {
                        case number: transport = try value.hostNumber()
                        case sourcePort: fromPort = try value.networkNumber()
                        case destinationPort: toPort = try value.networkNumber()
                        default: break
                        }
                    }
                default: break
                }
            }
            (self.from, self.to, self.fromPort, self.toPort, self.transport) = (from, to, fromPort, toPort, transport)
        }

        private static func socket(_ address: IPAddress?, _ port: UInt16?) -> TrackedFlow.Socket? {
            guard let address, let port else { return nil }
            return TrackedFlow.Socket(address, port: port)
        }
    }

    /// The tuple of a flow's first direction.
    private static func append(
        _ transport: TransportProtocol, _ client: TrackedFlow.Socket, _ destination: TrackedFlow.Socket, to encoder: inout NetlinkEncoder
    ) {
        encoder.nest(original) { tuple in
            tuple.nest(tupleIP) { addresses in
                let isOld = destination.address.family == .ipv4
                addresses.attribute(isOld ? source4 : source6, bytes: client.address.bytes)
                addresses.attribute(isOld ? destination4 : destination6, bytes: destination.address.bytes)
            }
            tuple.nest(tupleProtocol) { ports in
                ports.attribute(number, transport.rawValue)
                ports.attribute(sourcePort, network: client.port)
                ports.attribute(destinationPort, network: destination.port)
            }
        }
    }

    private static func appendHeader(_ family: AddressFamily, to encoder: inout NetlinkEncoder) {
        // AF_INET or AF_INET6, version 0, no resource.
        encoder.append(family == .ipv4 ? 2 : 10 as UInt8)
        encoder.append(0 as UInt8)
        encoder.append(0 as UInt16)
    }
}
