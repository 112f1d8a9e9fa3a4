import IPVS

/// Which real server the scheduler `sh` takes for a client, as the kernel computes it (`net/netfilter/ipvs/ip_vs_sh.c` of Linux 6.1).
///
/// A table of 256 buckets is filled with the real servers in the kernel's order, each as often in a row as its weight says, again and again;
/// the client's address chooses the bucket.
struct SourceHashing {
    /// `CONFIG_IP_VS_SH_TAB_BITS`, which is 8 where nobody changed it.
    static let bits: UInt32 = 8
    static let size = 1 << Int(bits)

    private let servers: [ObservedRealServer]
    private let flags: SchedulerFlags
    private let buckets: [Int]

    /// - Parameters:
    ///   - servers: as the kernel lists them, not sorted.
    ///   - flags: the scheduler's.
    init(_ servers: [ObservedRealServer], flags: SchedulerFlags) {
        self.servers = servers
        self.flags = flags
        var buckets: [Int] = []
        buckets.reserveCapacity(Self.size)
        // `ip_vs_sh_reassign`: one of weight 0 has one bucket as well.
        var (place, count) = (0, 0)
        while buckets.count < Self.size, !servers.isEmpty {
            buckets.append(place)
            count += 1
            if count >= Int(servers[place].server.configuration.weight) { (place, count) = ((place + 1) % servers.count, 0) }
        }
        self.buckets = buckets
    }

    /// The real server for a client; nil where the connection is refused.
    func server(for client: IPAddress, port: UInt16) -> ObservedRealServer? {
        guard !buckets.isEmpty else { return nil }
        let port = flags.contains(.port) ? port : 0
        let first = Self.hash(client, port, offset: 0)
        let chosen = servers[buckets[first]]
        if chosen.isAvailable { return chosen }
        guard flags.contains(.fallback) else { return nil }
        // `ip_vs_sh_get_fallback`: the next offsets, hashed anew.
        for offset in 0..<Self.size {
            let hash = Self.hash(client, port, offset: UInt32((offset + first) % Self.size))
            let other = servers[buckets[hash]]
            if other.isAvailable { return other }
        }
        return nil
    }

    /// `ip_vs_sh_hashkey`, with `hash_32` of linux/hash.h. The parts of an IPv6 address are folded into one.
    private static func hash(_ address: IPAddress, _ port: UInt16, offset: UInt32) -> Int {
        let hashed = ((UInt32(port) &+ address.folded) &* 0x61c8_8647) >> (32 - bits)
        return Int((offset &+ hashed) & UInt32(size - 1))
    }
}
