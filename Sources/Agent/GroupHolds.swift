import IPVSModel

/// Virtual servers on addresses that stand although nobody asks for them, because connections go on that a group's virtual server has: it has no
/// address of its own, and a packet has to come to this node to find its connection.
struct GroupHolds {
    private var byMark: [VirtualServer.Key: Set<VirtualServer.Key>] = [:]
    private var byAddress: [VirtualServer.Key: Set<VirtualServer.Key>] = [:]

    func isHeld(_ address: VirtualServer.Key) -> Bool { byAddress[address] != nil }

    /// Holds one for as long as these are at rest; none releases it.
    mutating func hold(_ address: VirtualServer.Key, by marks: [VirtualServer.Key]) {
        release(address: address)
        guard !marks.isEmpty else { return }
        byAddress[address] = Set(marks)
        for mark in marks { byMark[mark, default: []].insert(address) }
    }

    /// Lets those go that were held by one that has nothing left, and gives those that nothing holds any more.
    mutating func release(mark: VirtualServer.Key) -> [VirtualServer.Key] {
        var free: [VirtualServer.Key] = []
        for address in byMark.removeValue(forKey: mark) ?? [] {
            byAddress[address]?.remove(mark)
            guard byAddress[address]?.isEmpty == true else { continue }
            byAddress[address] = nil
            free.append(address)
        }
        return free
    }

    private mutating func release(address: VirtualServer.Key) {
        for mark in byAddress.removeValue(forKey: address) ?? [] {
            byMark[mark]?.remove(address)
            if byMark[mark]?.isEmpty == true { byMark[mark] = nil }
        }
    }
}
