package import Addresses
import NetlinkCodec
package import NetlinkTransport

/// Tables of nf_tables, by name: kube-proxy's nftables mode has one called `kube-proxy` in each family. What stands in them is not read.
package enum NFTables {
    /// Subsystem 10 of nfnetlink (`NFNL_SUBSYS_NFTABLES`), and `NFT_MSG_NEWTABLE` and `NFT_MSG_GETTABLE` of
    /// `linux/netfilter/nf_tables.h`.
    private static let new: UInt16 = 10 << 8
    private static let get: UInt16 = 10 << 8 | 1
    private static let name: UInt16 = 1
    /// `struct nfgenmsg`.
    private static let headerLength = 4

    /// The tables of a family, in the network namespace of the calling thread. A kernel without nf_tables refuses.
    package static func names(_ family: AddressFamily) throws(NetlinkError) -> [String] {
        var socket = try NetlinkSocket(.netfilter)
        var names: [String] = []
        try socket.dump(list(family)) { header, payload throws(NetlinkDecodingError) in
            if header.type == new, let name = try decode(payload) { names.append(name) }
        }
        return names
    }

    static func list(_ family: AddressFamily) -> NetlinkRequest {
        NetlinkRequest("list tables of nf_tables", type: get) { encoder in
            // NFPROTO_IPV4 or NFPROTO_IPV6, version 0, no resource.
            encoder.append(family == .ipv4 ? 2 : 10 as UInt8)
            encoder.append(0 as UInt8)
            encoder.append(0 as UInt16)
        }
    }

    /// The name of the table that a message speaks of.
    static func decode(_ payload: Span<UInt8>) throws(NetlinkDecodingError) -> String? {
        var found: String?
        try payload.forEachAttribute(after: headerLength) { type, value throws(NetlinkDecodingError) in
            if type == name { found = String(decoding: value.copied().prefix { $0 != 0 }, as: UTF8.self) }
        }
        return found
    }
}
