import IPVS

/// A packet on its way through this node, as far as rules and schedulers look at it.
struct TracedPacket: Hashable {
    var transport: TransportProtocol
    var source: IPAddress
    /// 0 where none was said.
    var sourcePort: UInt16
    var destination: IPAddress
    var destinationPort: UInt16
    var mark: UInt32 = 0
    /// Whether this node sends it.
    var isFromHere: Bool
    /// The link that it comes by, where that can be told.
    var arrival: String?
}
