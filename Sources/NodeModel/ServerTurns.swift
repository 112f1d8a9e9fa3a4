package import IPVSModel

/// In which order real servers of a virtual server are made on this node.
///
/// Round robin walks a virtual server's list from its head, where the one that was made last stands (`ip_vs_new_dest` in
/// `net/netfilter/ipvs/ip_vs_ctl.c`). Were they made in the same order everywhere, all nodes would begin with the same real server and march in
/// step. The order follows from the node's name and from what is ordered, so it is the same after a restart; and what stands is left in the order
/// that it has.
package struct ServerTurns: Equatable, Sendable {
    /// 0 for the order of addresses.
    private var seed: UInt64 = 0

    /// By address and port.
    package init() {}

    package init(node: String) { seed = Self.hash(node, from: 0xcbf2_9ce4_8422_2325) }

    /// Brings real servers into the order in which they are made.
    package func order(_ servers: some Collection<RealServer.Key>, of key: VirtualServer.Key) -> [RealServer.Key] {
        let sorted = servers.sorted()
        guard seed != 0, sorted.count > 1 else { return sorted }
        let own = Self.hash(key.description, from: seed)
        return sorted.map { (key: $0, turn: Self.mixed(Self.hash($0.description, from: own))) }
            .sorted { $0.turn != $1.turn ? $0.turn < $1.turn : $0.key < $1.key }.map(\.key)
    }

    /// FNV-1a; Swift's own hashes differ from process to process.
    private static func hash(_ text: String, from basis: UInt64) -> UInt64 {
        text.utf8.reduce(basis) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// Has every bit depend on every other (the last steps of MurmurHash3's 64 bits): texts that differ in the last letter alone would else stand
    /// in nearly the same order everywhere.
    private static func mixed(_ hash: UInt64) -> UInt64 {
        var hash = hash
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ hash >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ hash >> 33
    }
}
