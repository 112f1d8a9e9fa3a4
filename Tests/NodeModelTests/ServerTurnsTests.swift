import Addresses
import IPVSModel
import NodeModel
import Testing

/// The order in which real servers are made.
@Suite struct ServerTurnsTests {
    private static func key(_ port: UInt16 = 80) -> VirtualServer.Key { .address(IPAddress(ipv4: 0x0a60_000a), port: port, .tcp) }
    private static let servers = (1...8).map { RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + $0), port: 8080) }

    /// Not from the order in which the servers came to be known, nor from their addresses.
    @Test func theOrderFollowsFromTheNameAlone() {
        let order = ServerTurns(node: "n1").order(Self.servers, of: Self.key()).map { $0.address.bytes[3] }
        #expect(order == ServerTurns(node: "n1").order(Self.servers.reversed(), of: Self.key()).map { $0.address.bytes[3] })
        #expect(Set(order) == Set(1...8) && order != Array(1...8))
        #expect(ServerTurns().order(Self.servers.shuffled(), of: Self.key()) == Self.servers)
    }

    /// Each server comes first on about an eighth of a thousand nodes, and on one node not for all Services.
    @Test func nodesAndServicesDoNotMarchInStep() {
        var first: [RealServer.Key: Int] = [:]
        for number in 0..<1000 {
            guard let server = ServerTurns(node: "node-\(number)").order(Self.servers, of: Self.key()).first else { continue }
            first[server, default: 0] += 1
        }
        #expect(first.count == 8 && first.values.allSatisfy { (80...170).contains($0) }, "\(first.values.sorted())")
        let ofServices = Set((1...100).map { ServerTurns(node: "n1").order(Self.servers, of: Self.key($0)).first })
        #expect(ofServices.count == 8)
    }
}
