import FoundationEssentials
import IPVS
import Testing

@testable import ControlCommands

@Suite struct OutputTests {
    private static func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private static func observed() throws -> [(ObservedVirtualServer, [ObservedRealServer])] {
        var statistics = TrafficStatistics()
        (statistics.connections, statistics.incomingPackets, statistics.outgoingBytes) = (12, 60, 123_456_789_012)
        let plain = ObservedVirtualServer(
            server: VirtualServer(.address(try ip("10.96.0.10"), port: 80, .tcp), .init(scheduler: .roundRobin)), statistics: statistics)
        let sticky = ObservedVirtualServer(
            server: VirtualServer(
                .address(try ip("fd00:10:96::a"), port: 53, .udp),
                .init(
                    scheduler: .maglevHashing, schedulerFlags: .port, persistence: .init(timeout: 600, granularity: .prefixLength(64)),
                    onePacket: true)), statistics: TrafficStatistics())
        let tunnel = Tunnel(.gue(port: 6080), checksum: .remote)
        let real = [
            ObservedRealServer(
                server: RealServer(.init(try ip("10.244.0.2"), port: 8080), .init(weight: 0)), statistics: statistics,
                connections: ConnectionCounts(active: 3, inactive: 4, persistent: 1)),
            ObservedRealServer(
                server: RealServer(
                    .init(try ip("10.244.0.3"), port: 8080),
                    .init(forwarding: .tunnel(tunnel), weight: 5, upperThreshold: 100, lowerThreshold: 50)),
                statistics: TrafficStatistics(),
                connections: ConnectionCounts()),
        ]
        return [(plain, real), (sticky, [])]
    }

    @Test func servicesAsATable() throws {
        #expect(
            GetServices.table(try Self.observed(), isWide: false).text == """
                VIRTUAL SERVER           SCHEDULER              PERSISTENCE   SERVERS   ACTIVE   INACTIVE   CONNECTIONS
                tcp 10.96.0.10:80        rr                     -                 1/2        3          4            12
                udp [fd00:10:96::a]:53   mh (port) one-packet   600s /64            0        0          0             0
                """)
    }

    @Test func serversAsAWideTable() throws {
        let rows = try Self.observed().flatMap { server, real in real.map { (server.server.key, $0) } }
        #expect(
            GetServers.table(rows, isWide: true).text == """
                VIRTUAL SERVER      REAL SERVER       FORWARDING                WEIGHT   ACTIVE   INACTIVE   CONNECTIONS   PERSISTENT   THRESHOLDS   IN PACKETS   OUT PACKETS   IN BYTES      OUT BYTES
                tcp 10.96.0.10:80   10.244.0.2:8080   masquerade                     0        3          4            12            1          0-0           60             0          0   123456789012
                tcp 10.96.0.10:80   10.244.0.3:8080   tunnel gue:6080+remcsum        5        0          0             0            0       50-100            0             0          0              0
                """)
    }

    @Test func anEmptyListingIsItsHeading() {
        #expect(
            GetServices.table([], isWide: false).text
                == "VIRTUAL SERVER   SCHEDULER   PERSISTENCE   SERVERS   ACTIVE   INACTIVE   CONNECTIONS")
    }

    @Test func everythingIsInTheJSON() throws {
        let document = VirtualServerListDocument(items: try Self.observed().map { VirtualServerDocument($0, realServers: $1) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(document), as: UTF8.self)
        for piece in [
            #""apiVersion":"ipvs-agent.dev\/v1alpha1""#, #""kind":"VirtualServerList""#,
            #""key":{"address":"10.96.0.10","family":"IPv4","port":80,"protocol":"tcp"}"#,
            #""persistence":{"prefixLength":64,"timeout":600}"#, #""schedulerFlags":["port"]"#, #""onePacket":true"#,
            #""tunnel":{"checksum":"remote","port":6080,"type":"gue"}"#, #""upperThreshold":100"#, #""weight":0"#,
            #""outgoingBytes":123456789012"#,
            #""connections":{"active":3,"inactive":4,"persistent":1}"#,
        ] { #expect(text.contains(piece), "\(piece)") }
    }

    @Test func aMaskWithHolesIsShownAsAMask() throws {
        let key = VirtualServer.Key.firewallMark(7, .ipv4)
        let server = VirtualServer(key, .init(scheduler: .roundRobin, persistence: .init(timeout: 5, granularity: .mask(0xff00_ff00))))
        let document = VirtualServerDocument(ObservedVirtualServer(server: server, statistics: .init()), realServers: nil)
        #expect(document.persistence?.mask == "255.0.255.0")
        #expect(document.persistence?.prefixLength == nil)
        #expect(document.key.firewallMark == 7)
        #expect(server.configuration.description == "rr persistent 5s mask 255.0.255.0")
    }
}
