import Addresses
import IPVSModel
import NodeModel
package import TestSupport
package import VirtualServerDocuments

/// Tables of everything that a virtual server and a real server may be.
package enum RandomTables {
    /// - Parameters:
    ///   - random: where chance comes from.
    ///   - count: how many virtual servers.
    ///   - isPlain: leaves out what `ipvsadm` changes or loses on its way: ports of directly routed and tunnelled real servers that are not
    ///     the virtual server's, the third flag of `sh` and `mh`, and marks above 2³¹, which it prints as negative numbers.
    /// - Returns: a table that the kernel takes.
    package static func list(_ random: inout SeededGenerator, count: Int = 12, isPlain: Bool = false) -> VirtualServerList {
        var list = VirtualServerList()
        for _ in 0..<count {
            var key = key(&random)
            if isPlain, case .firewallMark(let mark, let family) = key { key = .firewallMark(max(mark >> 1, 1), family) }
            var state = VirtualServerState(configuration(key, &random))
            if isPlain { state.configuration.schedulerFlags.remove(.third) }
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                var server = realServer(of: key, &random)
                if isPlain, server.configuration.forwarding != .masquerade, case .address(_, let port, _) = key { server.key.port = port }
                state.realServers[server.key] = server.configuration
            }
            list.servers[key] = state
        }
        return list
    }

    private static func address(_ family: AddressFamily, _ random: inout SeededGenerator) -> IPAddress {
        family == .ipv4
            ? IPAddress(ipv4: UInt32.random(in: 0x0a00_0001...0x0aff_fffe, using: &random))
            : IPAddress(
                ipv6High: 0xfd00_0000_0000_0000 | UInt64.random(in: 0...0xffff, using: &random),
                low: .random(in: 1...UInt64.max, using: &random))
    }

    private static func key(_ random: inout SeededGenerator) -> VirtualServer.Key {
        let family: AddressFamily = Bool.random(using: &random) ? .ipv4 : .ipv6
        if Int.random(in: 0..<4, using: &random) == 0 { return .firewallMark(.random(in: 1...UInt32.max, using: &random), family) }
        let transport = TransportProtocol.allCases.randomElement(using: &random) ?? .tcp
        return .address(address(family, &random), port: .random(in: 0...UInt16.max, using: &random), transport)
    }

    private static func configuration(_ key: VirtualServer.Key, _ random: inout SeededGenerator) -> VirtualServer.Configuration {
        var configuration = VirtualServer.Configuration(
            scheduler: Scheduler.wellKnown.filter { $0 != .powerOfTwoChoices }.randomElement(using: &random) ?? .roundRobin)
        configuration.schedulerFlags = SchedulerFlags(rawValue: UInt32.random(in: 0...7, using: &random) << 3)
        var needsPersistence = false
        if case .address(_, 0, _) = key { needsPersistence = true }
        if needsPersistence || Bool.random(using: &random) {
            let granularity: VirtualServer.Granularity =
                key.family == .ipv4
                ? .mask(Bool.random(using: &random) ? .max : UInt32.random(in: 1...UInt32.max, using: &random))
                : .prefixLength(.random(in: 1...128, using: &random))
            configuration.persistence = .init(timeout: .random(in: 1...100_000, using: &random), granularity: granularity)
        }
        if case .address(_, _, .udp) = key, configuration.persistence == nil { configuration.onePacket = Bool.random(using: &random) }
        return configuration
    }

    private static func realServer(of key: VirtualServer.Key, _ random: inout SeededGenerator) -> RealServer {
        let checksums: [Tunnel.Checksum] = [.none, .full, .remote]
        let checksum = checksums.randomElement(using: &random) ?? .none
        let methods: [ForwardingMethod] = [
            .masquerade, .direct, .tunnel(.ipip), .tunnel(Tunnel(.gre, checksum: checksum == .remote ? .full : checksum)),
            .tunnel(Tunnel(.gue(port: .random(in: 1...UInt16.max, using: &random)), checksum: checksum)),
        ]
        let upper = Bool.random(using: &random) ? 0 : UInt32.random(in: 1...100_000, using: &random)
        let lower = upper == 0 || Bool.random(using: &random) ? 0 : UInt32.random(in: 1...upper, using: &random)
        let weight = Int.random(in: 0..<3, using: &random) == 0 ? 0 : Int32.random(in: 0...Int32.max, using: &random)
        return RealServer(
            .init(address(key.family, &random), port: .random(in: 1...UInt16.max, using: &random)),
            .init(
                forwarding: methods.randomElement(using: &random) ?? .masquerade, weight: weight, upperThreshold: upper,
                lowerThreshold: lower))
    }
}
