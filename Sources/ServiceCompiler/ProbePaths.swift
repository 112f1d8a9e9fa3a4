import Addresses
package import IPVSModel
package import NodeModel

/// The ways of probes through the kernel's balancing: for each backend that is probed so, a packet mark and a virtual server by that mark, which
/// leads to this backend alone.
///
/// IPVS looks for a virtual server by a packet's mark before it looks for one by address (`ip_vs_service_find` in
/// `net/netfilter/ipvs/ip_vs_ctl.c`), so a socket's own mark (SO_MARK) chooses the backend, whatever weights it has elsewhere: one that takes no
/// clients is still probed. Probes of one backend share the way, and it ends with the last of them.
///
/// Marks are a share of the field of their own (`MarkShare`): no Service ever takes one.
package struct ProbePaths: Sendable {
    private let field: MarkField
    private let masqueradeBit: Int
    private var paths: [RealServer.Key: Path] = [:]
    private var holders: Set<UInt32> = []
    private var changed: Set<RealServer.Key> = []

    private struct Path {
        var mark: UInt32
        var probes = 0
    }

    package init(_ field: MarkField, masqueradeBit: Int) { (self.field, self.masqueradeBit) = (field, masqueradeBit) }

    /// How many backends are probed so.
    package var count: Int { paths.count }

    /// The mark that leads to a backend, or will once it is in use; nil where all are in use. It follows from the address and port, so that it is the
    /// same after a restart; where two lead to one mark, the one that comes later takes the next that is free.
    package func mark(to backend: RealServer.Key) -> UInt32? {
        if let path = paths[backend] { return path.mark }
        let numbers = MarkShare.probes.numbers(of: field, masqueradeBit: masqueradeBit)
        let (first, count) = (numbers.lowerBound, UInt32(numbers.count))
        guard holders.count < count else { return nil }
        var number = UInt32(truncatingIfNeeded: MarkBook.hash("probe of \(backend)") % UInt64(count))
        while true {
            let mark = field.mark(first + number, withoutBit: masqueradeBit)
            guard holders.contains(mark) else { return mark }
            number = (number + 1) % count
        }
    }

    /// Counts a probe in that has this mark.
    package mutating func join(_ backend: RealServer.Key, mark: UInt32) {
        if paths[backend] == nil {
            paths[backend] = Path(mark: mark)
            holders.insert(mark)
            changed.insert(backend)
        }
        paths[backend]?.probes += 1
    }

    /// Counts a probe out.
    package mutating func leave(_ backend: RealServer.Key) {
        guard let path = paths[backend] else { return }
        guard path.probes <= 1 else {
            paths[backend]?.probes -= 1
            return
        }
        paths[backend] = nil
        holders.remove(path.mark)
        changed.insert(backend)
    }

    /// Hands over what each way that has changed contributes to the node: nil for one that has ended.
    package mutating func takeChanges() -> [(owner: String, share: NodeShare?)] {
        guard !changed.isEmpty else { return [] }
        defer { changed = [] }
        return changed.map { backend in
            let owner = Self.owner(backend)
            return (owner, paths[backend].map { Self.share(of: owner, to: backend, mark: $0.mark) })
        }
    }

    /// No Service has such a name: it has blanks.
    private static func owner(_ backend: RealServer.Key) -> String { "probes of \(backend)" }

    /// Forwarding is that of all Services: masquerade. The configured weight never changes.
    private static func share(of owner: String, to backend: RealServer.Key, mark: UInt32) -> NodeShare {
        var share = NodeShare(precedence: .init(created: nil, owner: owner))
        share.precedence.isOfService = false
        share.virtualServers[.firewallMark(mark, backend.address.family)] = VirtualServerState(
            VirtualServer.Configuration(scheduler: .roundRobin),
            realServers: [backend: RealServer.Configuration(forwarding: .masquerade, weight: 1)])
        return share
    }
}
