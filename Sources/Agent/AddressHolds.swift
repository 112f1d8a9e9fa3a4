import Addresses
import IPVSModel
import NodeModel

/// Virtual servers on addresses that stand although nobody asks for them, because connections go on that a virtual server by firewall mark has:
/// of a group of ports, or for traffic from inside the cluster. It has no address of its own, and a packet has to come to this node to find its
/// connection.
struct AddressHolds {
    private var byMark: [VirtualServer.Key: Set<VirtualServer.Key>] = [:]
    private var byAddress: [VirtualServer.Key: Set<VirtualServer.Key>] = [:]

    func isHeld(_ address: VirtualServer.Key) -> Bool { byAddress[address] != nil }

    /// Whether one of these holds it.
    func isHeld(_ address: VirtualServer.Key, byAnyOf marks: [VirtualServer.Key]) -> Bool {
        guard let holders = byAddress[address] else { return false }
        return marks.contains(where: holders.contains)
    }

    /// Holds one for as long as these are at rest; none releases it.
    mutating func hold(_ address: VirtualServer.Key, by marks: [VirtualServer.Key]) {
        release(address: address)
        guard !marks.isEmpty else { return }
        byAddress[address] = Set(marks)
        for mark in marks { byMark[mark, default: []].insert(address) }
    }

    /// Lets those go that one held which has nothing left, and gives them; others may hold them still.
    mutating func release(mark: VirtualServer.Key) -> Set<VirtualServer.Key> {
        let addresses = byMark.removeValue(forKey: mark) ?? []
        for address in addresses {
            byAddress[address]?.remove(mark)
            if byAddress[address]?.isEmpty == true { byAddress[address] = nil }
        }
        return addresses
    }

    private mutating func release(address: VirtualServer.Key) {
        for mark in byAddress.removeValue(forKey: address) ?? [] {
            byMark[mark]?.remove(address)
            if byMark[mark]?.isEmpty == true { byMark[mark] = nil }
        }
    }
}

/// Entries with marks that stand: to which virtual servers by mark the packets to an address and port go.
struct StandingMarks {
    private var marks: [VirtualServer.Key: [VirtualServer.Key]] = [:]

    init(_ members: Set<SetMember>, in state: NodeState, masqueradeBit: Int) {
        for member in members where state.sets[member.set]?.entries.contains(member.entry) == true {
            guard let way = MarkedWay(member, masqueradeBit: masqueradeBit) else { continue }
            marks[way.address, default: []] += way.marks
        }
    }

    func marks(of address: VirtualServer.Key) -> [VirtualServer.Key] { marks[address] ?? [] }
}

/// What an entry with a mark leads past, and where to.
struct MarkedWay {
    let address: VirtualServer.Key
    /// Those of a group are two, with the bit for masquerading and without it; those for traffic from inside never have it, and the second of
    /// these stands nowhere.
    let marks: [VirtualServer.Key]

    init?(_ member: SetMember, masqueradeBit: Int) {
        guard case .addressPortMark(let address, let port, let transport, let mark) = member.entry else { return nil }
        self.address = .address(address, port: port, transport)
        marks = [mark, mark | 1 << UInt32(masqueradeBit)].map { .firewallMark($0, address.family) }
    }
}
