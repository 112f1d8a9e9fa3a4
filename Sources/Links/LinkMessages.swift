import NetlinkCodec

/// Link messages: `struct ifinfomsg` of `linux/rtnetlink.h`, and the attributes `IFLA_…` of `linux/if_link.h`.
enum LinkMessage {
    static let new: UInt16 = 16
    static let delete: UInt16 = 17
    static let get: UInt16 = 18

    private static let headerLength = 16
    private static let nameAttribute: UInt16 = 3
    private static let infoAttribute: UInt16 = 18
    /// `IFLA_EXT_MASK`, how much a request asks for.
    private static let extentAttribute: UInt16 = 29
    /// `RTEXT_FILTER_SKIP_STATS`: counters are most of what the kernel says of a link, and are not read here.
    private static let withoutStatistics: UInt32 = 1 << 3
    /// `IFLA_INFO_KIND`, within the info.
    private static let kindAttribute: UInt16 = 1

    /// `IFF_…` of `linux/if.h`.
    private static let up: UInt32 = 0x1
    private static let noARP: UInt32 = 0x80

    /// A name fits into `IFNAMSIZ` bytes with its terminating zero; what else makes one is `dev_valid_name` in `net/core/dev.c`.
    static func isName(_ name: String) -> Bool {
        (1...15).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
    }

    static func find(_ name: String) -> NetlinkRequest {
        NetlinkRequest("find link \(name)", type: get) { encoder in
            appendHeader(to: &encoder)
            encoder.attribute(nameAttribute, name)
        }
    }

    static func list() -> NetlinkRequest {
        NetlinkRequest("list links", type: get) { encoder in
            appendHeader(to: &encoder)
            encoder.attribute(extentAttribute, withoutStatistics)
        }
    }

    static func createDummy(_ name: String) -> NetlinkRequest {
        NetlinkRequest("create dummy link \(name)", type: new, flags: [.create, .exclusive]) { encoder in
            appendHeader(to: &encoder, flags: noARP, change: noARP)
            encoder.attribute(nameAttribute, name)
            encoder.nest(infoAttribute) { $0.attribute(kindAttribute, "dummy") }
        }
    }

    /// Takes ARP off; every other flag stays.
    static func silence(_ link: Link) -> NetlinkRequest {
        NetlinkRequest("set link \(link.name) noarp", type: new) { encoder in
            appendHeader(to: &encoder, index: link.index, flags: noARP, change: noARP)
        }
    }

    static func remove(_ link: Link) -> NetlinkRequest {
        NetlinkRequest("remove link \(link.name)", type: delete) { appendHeader(to: &$0, index: link.index) }
    }

    private static func appendHeader(to encoder: inout NetlinkEncoder, index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        // Family (unspecified), padding, device type.
        encoder.append(0 as UInt32)
        encoder.append(UInt32(bitPattern: index))
        encoder.append(flags)
        encoder.append(change)
    }

    /// Bridges announce their ports with the same types of message (`br_ifinfo_notify` in `net/bridge/br_netlink.c`), of the family `AF_BRIDGE`.
    static func isOfBridge(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> Bool { try payload.hostNumber(UInt8.self) == 7 }

    /// The link that a message of type ``new`` or ``delete`` speaks of.
    static func decode(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> Link {
        let flags: UInt32 = try payload.hostNumber(at: 8)
        let index: UInt32 = try payload.hostNumber(at: 4)
        var link = Link(
            index: Int32(bitPattern: index), name: "", kind: nil, isUp: flags & up != 0, noARP: flags & noARP != 0)
        try payload.forEachAttribute(after: headerLength) { type, value throws(NetlinkDecodingError) in
            switch type {
            case nameAttribute: link.name = value.text()
            case infoAttribute:
                try value.forEachAttribute { type, value throws(NetlinkDecodingError) in
                    if type == kindAttribute { link.kind = value.text() }
                }
            default: break
            }
        }
        return link
    }
}
