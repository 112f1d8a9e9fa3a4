import IPVS

/// Which real server the scheduler `dh` takes, as the kernel computes it (`net/netfilter/ipvs/ip_vs_dh.c` of Linux 6.1).
///
/// A table of 256 buckets is filled with the real servers in turn, whatever their weights; the address that the packet goes to chooses the
/// bucket. One of weight 0 keeps its buckets, and what falls there is refused.
struct DestinationHashing {
    /// `CONFIG_IP_VS_DH_TAB_BITS`, which is 8 where nobody changed it.
    static let bits: UInt32 = 8
    static let size = 1 << Int(bits)

    /// As the kernel lists them, not sorted.
    let servers: [ObservedRealServer]

    /// The real server for what is called; nil where the connection is refused.
    func server(for destination: IPAddress) -> ObservedRealServer? {
        guard !servers.isEmpty else { return nil }
        // `hash_32` of linux/hash.h.
        let bucket = Int((destination.folded &* 0x61c8_8647) >> (32 - Self.bits))
        let chosen = servers[bucket % servers.count]
        return chosen.isAvailable ? chosen : nil
    }
}

extension IPAddress {
    /// The address as a number; the four parts of an IPv6 address are folded into one, as IPVS' schedulers do.
    var folded: UInt32 {
        stride(from: 0, to: family.byteCount, by: 4).reduce(0) { folded, start in
            folded ^ (0..<4).reduce(0) { $0 << 8 | UInt32(byte(at: start + $1)) }
        }
    }
}

extension ObservedRealServer {
    /// Of a weight above 0, and not over its threshold. The flag that the kernel keeps for the latter is not shown; the counts nearly tell it.
    var isAvailable: Bool {
        let configuration = server.configuration
        let count = UInt64(connections.active) + UInt64(connections.inactive)
        return configuration.weight > 0 && (configuration.upperThreshold == 0 || count < UInt64(configuration.upperThreshold))
    }
}
