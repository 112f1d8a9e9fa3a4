import Addresses
import IPVSModel
import NodeKernel
import NodeModel
import TestSupport

/// Servers, entries and addresses of every kind, by a seed.
struct RandomNode {
    private var random: SeededGenerator
    private(set) var operations: [Operation] = [.createLink("kube-ipvs0")]

    init(seed: UInt64, virtualServers: Int = 0, entries: Int = 0, addresses: Int = 0) {
        random = SeededGenerator(seed: seed)
        for number in 0..<virtualServers { addVirtualServer(number) }
        for set in ServiceSet.allCases where entries > 0 {
            for family in AddressFamily.allCases { addSet(SetKey(set, family), entries: Int.random(in: 0...entries, using: &random)) }
        }
        for number in 0..<addresses { operations.append(.addAddress(Self.address(number, .virtual))) }
    }

    /// The state that the operations make of an empty one.
    var state: NodeState {
        var state = NodeState()
        for operation in operations { state.apply(operation) }
        return state
    }

    enum Range: UInt64 {
        case virtual = 0x0a60
        case real = 0x0af4
        case other = 0xac10
    }

    /// Every other one IPv6.
    static func address(_ number: Int, _ range: Range) -> IPAddress {
        number % 2 == 0
            ? IPAddress(ipv4: UInt32(range.rawValue) << 16 + UInt32(number))
            : IPAddress(ipv6High: 0xfd00_0000_0000_0000 + range.rawValue, low: UInt64(number))
    }

    private mutating func addVirtualServer(_ number: Int) {
        let key: VirtualServer.Key =
            switch Int.random(in: 0..<20, using: &random) {
            case 0: .firewallMark(UInt32(number / 2 + 1), number % 2 == 0 ? .ipv4 : .ipv6)
            case 1: .address(Self.address(number, .virtual), port: 53, .udp)
            case 2: .address(Self.address(number, .virtual), port: 132, .sctp)
            default: .address(Self.address(number, .virtual), port: 80, .tcp)
            }
        var configuration = VirtualServer.Configuration(scheduler: .roundRobin)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: (configuration.scheduler, configuration.schedulerFlags) = (.sourceHashing, .port)
        case 1: configuration.persistence = .init(timeout: 360, granularity: .wholeAddress(key.family))
        case 2: configuration.scheduler = .weightedLeastConnection
        default: break
        }
        operations.append(.addVirtualServer(VirtualServer(key, configuration)))
        for place in 0..<Int.random(in: 0...8, using: &random) {
            // Of the same family, which only a tunnel could do without.
            let address = Self.address(number % 2 + 2 * (place + 10 * number), .real)
            operations.append(.addRealServer(RealServer(.init(address, port: 8080), realServer()), to: key))
        }
    }

    private mutating func realServer() -> RealServer.Configuration {
        var configuration = RealServer.Configuration(weight: Int32.random(in: 0...100, using: &random))
        switch Int.random(in: 0..<8, using: &random) {
        case 0: configuration.forwarding = .direct
        case 1: configuration.forwarding = .tunnel(.ipip)
        case 2: configuration.forwarding = .tunnel(Tunnel(.gue(port: 6080), checksum: .full))
        case 3: (configuration.upperThreshold, configuration.lowerThreshold) = (100, 50)
        default: break
        }
        return configuration
    }

    private mutating func addSet(_ key: SetKey, entries: Int) {
        operations.append(.createSet(SetDefinition(key)))
        for number in 0..<entries { operations.append(.addMember(SetMember(key, Self.entry(number, of: key)))) }
    }

    static func entry(_ number: Int, of key: SetKey) -> SetEntry {
        let address = address(number * 2 + (key.family == .ipv4 ? 0 : 1), .virtual)
        let transport = TransportProtocol.allCases[number % 3]
        let port = UInt16(truncatingIfNeeded: number * 7)
        return switch key.type {
        case .hashAddress: .address(address)
        case .hashAddressPort where key.set.keepsMarks: .addressPortMark(address, port, transport, 0x1000_0000 + UInt32(number))
        case .hashAddressPort: .addressPort(address, port, transport)
        case .hashAddressPortAddress: .addressPortAddress(address, port, transport, address)
        case .hashAddressPortNet:
            IPPrefix(address, length: 1 + number % address.family.bitWidth).map { .addressPortNet(address, port, transport, $0) }
                ?? .address(address)
        case .bitmapPort: .port(UInt16(truncatingIfNeeded: number * 13))
        }
    }
}
