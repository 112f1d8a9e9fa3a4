import Addresses
import NetlinkCodec

/// Address messages: `struct ifaddrmsg` and the attributes `IFA_…` of `linux/if_addr.h`.
enum AddressMessage {
    static let new: UInt16 = 20
    static let delete: UInt16 = 21
    static let get: UInt16 = 22

    private static let headerLength = 8
    private static let addressAttribute: UInt16 = 1
    private static let localAttribute: UInt16 = 2

    /// The flags in 32 bits; the header has room for eight.
    private static let flagsAttribute: UInt16 = 8

    /// `IFA_F_NODAD`: nobody else on a link without neighbours could have the address, and a tentative one is not delivered to.
    private static let noDuplicateDetection: UInt32 = 0x02
    private static let permanent: UInt32 = 0x80
    /// `IFA_F_NOPREFIXROUTE`: a host address needs no route to its network. With one, the kernel walks all addresses of the link at each
    /// removal (`check_cleanup_prefix_route` in `net/ipv6/addrconf.c`): 10,000 removals took three times as long without this flag.
    private static let noPrefixRoute: UInt32 = 0x200
    /// `struct ifa_cacheinfo`: preferred and valid lifetime, and two times that only the kernel writes, of four bytes each.
    private static let lifetimesAttribute: UInt16 = 6
    /// Preferred for no time and valid for ever, which makes the address deprecated (RFC 4862, 5.5.4). A node whose outgoing link has no
    /// global address of its own would otherwise take a virtual address as the source of masqueraded packets (RFC 6724, rule 3).
    private static let validButNeverPreferred: [UInt8] = [0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]
    /// `RT_SCOPE_UNIVERSE`, which `ip` calls global.
    private static let globalScope: UInt8 = 0

    /// What a change does, for errors.
    static func operation(_ change: AddressChange, on link: Link) -> String {
        switch change {
        case .add(let address): "bind address \(address) to \(link.name)"
        case .remove(let address): "unbind address \(address) from \(link.name)"
        }
    }

    /// Appends the message of a change to a datagram.
    static func write(_ change: AddressChange, on link: Link, to datagram: inout NetlinkEncoder) {
        datagram.beginMessage(type: type(of: change), flags: flags(of: change))
        writePayload(change, on: link, to: &datagram)
    }

    /// The message of a change, by itself.
    static func request(_ change: AddressChange, on link: Link) -> NetlinkRequest {
        NetlinkRequest(operation(change, on: link), type: type(of: change), flags: flags(of: change)) {
            writePayload(change, on: link, to: &$0)
        }
    }

    private static func type(of change: AddressChange) -> UInt16 { change.isAddition ? new : delete }

    private static func flags(of change: AddressChange) -> NetlinkFlags { change.isAddition ? [.create, .exclusive] : NetlinkFlags() }

    private static func writePayload(_ change: AddressChange, on link: Link, to datagram: inout NetlinkEncoder) {
        let address = change.address
        datagram.append(familyNumber(address.family))
        datagram.append(UInt8(truncatingIfNeeded: address.family.bitWidth))
        datagram.append(0 as UInt8)
        datagram.append(globalScope)
        datagram.append(UInt32(bitPattern: link.index))
        // The local address, and that of the other end, which is the same where there is no other end.
        let bytes = address.bytes
        datagram.attribute(localAttribute, bytes: bytes)
        datagram.attribute(addressAttribute, bytes: bytes)
        if address.family == .ipv6 { datagram.attribute(lifetimesAttribute, bytes: validButNeverPreferred) }
        let flags = address.family == .ipv6 ? permanent | noDuplicateDetection | noPrefixRoute : permanent
        datagram.attribute(flagsAttribute, flags)
    }

    /// All addresses of all links. (The kernel ignores an index in a request of this kind, unless the socket asks for strictness.)
    static func list() -> NetlinkRequest {
        NetlinkRequest("list addresses", type: get) { encoder in
            encoder.append(0 as UInt32)
            encoder.append(0 as UInt32)
        }
    }

    /// The address that a message of type ``new`` or ``delete`` speaks of; nil for families other than IPv4 and IPv6.
    static func decode(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> LinkAddress? {
        let family: UInt8 = try payload.hostNumber(at: 0)
        let prefixLength: UInt8 = try payload.hostNumber(at: 1)
        let index: UInt32 = try payload.hostNumber(at: 4)
        guard family == familyNumber(.ipv4) || family == familyNumber(.ipv6) else { return nil }
        // On a link between two points `IFA_ADDRESS` is the other end; IPv6 without an other end has no `IFA_LOCAL`.
        var (address, isLocal): (IPAddress?, Bool) = (nil, false)
        try payload.forEachAttribute(after: headerLength) { type, value throws(NetlinkDecodingError) in
            switch type {
            case localAttribute: (address, isLocal) = (try Self.address(value), true)
            case addressAttribute where !isLocal: address = try Self.address(value)
            default: break
            }
        }
        guard let address, familyNumber(address.family) == family, Int(prefixLength) <= address.family.bitWidth else {
            throw NetlinkDecodingError(at: headerLength, "no address of family \(family) with prefix length \(prefixLength)")
        }
        return LinkAddress(address, prefixLength: Int(prefixLength), linkIndex: Int32(bitPattern: index))
    }

    /// The address that so many bytes make; nil where they are none.
    private static func address(_ value: Span<UInt8>) throws(NetlinkDecodingError) -> IPAddress? {
        switch value.count {
        case 4: IPAddress(ipv4: try value.networkNumber())
        case 16: IPAddress(ipv6High: try value.networkNumber(), low: try value.networkNumber(at: 8))
        default: nil
        }
    }

    /// `AF_INET` and `AF_INET6`.
    private static func familyNumber(_ family: AddressFamily) -> UInt8 { family == .ipv4 ? 2 : 10 }
}
