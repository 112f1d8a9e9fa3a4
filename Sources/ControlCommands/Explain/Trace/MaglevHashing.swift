import IPVS

/// Which real server the scheduler `mh` takes for a client, as the kernel computes it (`net/netfilter/ipvs/ip_vs_mh.c` of Linux 6.1).
///
/// Each real server has an order of its own of the table's places; in turn, and as often in a row as its weight says, they take the next of
/// theirs that is free. The client's address chooses the place. The keys of both hashes are constants of the kernel, so the table is knowable;
/// its size is a prime that is chosen when the kernel is built. A real server of weight 0 keeps the places of the weight that it had before,
/// which the kernel does not show.
struct MaglevHashing {
    /// `CONFIG_IP_VS_MH_TAB_INDEX`, which is 12 where nobody changed it, and the prime of it.
    static let index = 12
    static let size: UInt32 = 4093
    /// `generate_hash_secret`: both words of a key are the same.
    private static let (firstKey, secondKey): (UInt64, UInt64) = (2_654_435_761, 2_654_446_892)

    private let servers: [ObservedRealServer]
    private let flags: SchedulerFlags
    /// Which real server has a place; empty where none has a weight.
    private let places: [Int]

    /// - Parameters:
    ///   - servers: as the kernel lists them, not sorted; each of a weight above 0.
    ///   - flags: the scheduler's.
    init(_ servers: [ObservedRealServer], flags: SchedulerFlags) {
        self.servers = servers
        self.flags = flags
        places = Self.places(servers)
    }

    /// Whether the table follows from what the kernel shows.
    static func isKnowable(_ servers: [ObservedRealServer]) -> Bool { servers.allSatisfy { $0.server.configuration.weight > 0 } }

    /// The real server for a client; nil where the connection is refused.
    func server(for client: IPAddress, port: UInt16) -> ObservedRealServer? {
        guard !places.isEmpty else { return nil }
        let port = flags.contains(.port) ? port : 0
        let first = Self.hash(client, port, key: Self.firstKey, offset: 0) % Self.size
        let chosen = servers[places[Int(first)]]
        if chosen.isAvailable { return chosen }
        guard flags.contains(.fallback) else { return nil }
        // `ip_vs_mh_get_fallback`: the next offsets, hashed anew.
        for offset in 0..<Self.size {
            let place = Self.hash(client, port, key: Self.firstKey, offset: (offset + first) % Self.size) % Self.size
            let other = servers[places[Int(place)]]
            if other.isAvailable { return other }
        }
        return nil
    }

    /// `ip_vs_mh_permutate` and `ip_vs_mh_populate`.
    private static func places(_ servers: [ObservedRealServer]) -> [Int] {
        let weights = servers.map { Int(max($0.server.configuration.weight, 0)) }
        let divisor = weights.reduce(0, greatestCommonDivisor)
        guard divisor > 0, let most = weights.max() else { return [] }
        // `ip_vs_mh_shift_weight`: weights beyond half of the index' bits are scaled down.
        let shift = max(Int.bitWidth - (most / divisor).leadingZeroBitCount - index / 2, 0)
        let turns = weights.map { weight in
            let scaled = weight / divisor >> shift
            return scaled == 0 && weight != 0 ? 1 : scaled
        }
        let skips = servers.map { server in
            hash(server.server.key.address, server.server.key.port, key: secondKey, offset: 0) % (size - 1) + 1
        }
        var next = servers.map { hash($0.server.key.address, $0.server.key.port, key: firstKey, offset: 0) % size }
        var places = [Int](repeating: -1, count: Int(size))
        var (taken, server, turn) = (0, 0, 0)
        while true {
            if turns[server] > 0 {
                while places[Int(next[server])] >= 0 { next[server] = (next[server] + skips[server]) % size }
                places[Int(next[server])] = server
                taken += 1
                if taken == places.count { return places }
                turn += 1
            }
            if turn >= turns[server] { (server, turn) = ((server + 1) % servers.count, 0) }
        }
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        var (left, right) = (left, right)
        while right != 0 { (left, right) = (right, left % right) }
        return left
    }

    private static func hash(_ address: IPAddress, _ port: UInt16, key: UInt64, offset: UInt32) -> UInt32 {
        ShortHash.of(offset &+ UInt32(port) &+ address.folded, key: key)
    }
}

/// `hsiphash_1u32` of `lib/siphash.c` on machines of 64 bits: SipHash with one round for the word and three at the end, of which the lower half
/// counts.
enum ShortHash {
    static func of(_ word: UInt32, key: UInt64) -> UInt32 {
        var v0: UInt64 = 0x736f_6d65_7073_6575 ^ key
        var v1: UInt64 = 0x646f_7261_6e64_6f6d ^ key
        var v2: UInt64 = 0x6c79_6765_6e65_7261 ^ key
        var v3: UInt64 = 0x7465_6462_7974_6573 ^ key
        func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }
        func round() {
            v0 &+= v1
            v1 = rotated(v1, 13) ^ v0
            v0 = rotated(v0, 32)
            v2 &+= v3
            v3 = rotated(v3, 16) ^ v2
            v0 &+= v3
            v3 = rotated(v3, 21) ^ v0
            v2 &+= v1
            v1 = rotated(v1, 17) ^ v2
            v2 = rotated(v2, 32)
        }
        let block = 4 << 56 | UInt64(word)
        v3 ^= block
        round()
        v0 ^= block
        v2 ^= 0xff
        for _ in 0..<3 { round() }
        return UInt32(truncatingIfNeeded: v0 ^ v1 ^ v2 ^ v3)
    }
}
