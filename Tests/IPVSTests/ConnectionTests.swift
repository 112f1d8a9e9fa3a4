import IPVS
import NetlinkTesting
import TestSupport
import Testing

@Suite struct ConnectionTests {
    static let title = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
    static let syncTitle = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n"

    /// As the kernel prints them: `ip_vs_conn_seq_show`.
    static let text =
        title + """
            TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 ESTABLISHED     899
            UDP C0000209 9C41 0A60000A 0035 fd00:0000:0000:0000:0000:0000:0000:0002 0035 UDP             0
            TCP fd00:0000:0000:0000:0000:0000:0000:0009 9C42 fd00:0000:0000:0000:0000:0000:0000:000a 01BB fd00:0000:0000:0000:0000:0000:0000:0003 20FB FIN_WAIT        119
            UDP C0000200 0000 0A60000A 13C4 0AF40002 13C4 ASSURED         300 sip 70710@call example
            IP  C0000209 0000 0000002A 0000 0AF40002 0000 NONE             50
            IP  fd00:0000:0000:0000:0000:0000:0000:0009 0000 0000:002a:0000:0000:0000:0000:0000:0000 0000 fd00:0000:0000:0000:0000:0000:0000:0003 FFFF ASSURED          50

            """
    static let syncText =
        syncTitle + """
            TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 ESTABLISHED LOCAL      899
            SCTP C0000209 9C40 0A60000A 0009 0AF40002 0009 SHUTDOWN_ACK_SENT SYNC         3

            """

    static func four(_ last: UInt32, _ port: UInt16) -> IPVSConnection.SocketAddress { .init(IPAddress(ipv4: last), port: port) }
    static func six(_ last: UInt64, _ port: UInt16) -> IPVSConnection.SocketAddress {
        .init(IPAddress(ipv6High: 0xfd00 << 48, low: last), port: port)
    }

    static let connections: [IPVSConnection] = [
        .init(
            .tcp, client: four(0xc000_0209, 40000), virtual: four(0x0a60_000a, 80),
            realServer: .init(IPAddress(ipv4: 0x0af4_0002), port: 8080),
            state: .established, secondsLeft: 899),
        .init(
            .udp, client: four(0xc000_0209, 40001), virtual: four(0x0a60_000a, 53),
            realServer: .init(IPAddress(ipv6High: 0xfd00 << 48, low: 2), port: 53), state: .udp, secondsLeft: 0),
        .init(
            .tcp, client: six(9, 40002), virtual: six(10, 443), realServer: .init(IPAddress(ipv6High: 0xfd00 << 48, low: 3), port: 8443),
            state: .finWait, secondsLeft: 119),
        .init(
            .udp, client: four(0xc000_0200, 0), virtual: four(0x0a60_000a, 5060),
            realServer: .init(IPAddress(ipv4: 0x0af4_0002), port: 5060), state: .assured, secondsLeft: 300,
            engine: .init("sip", data: "70710@call example")),
        .init(
            .any, client: four(0xc000_0209, 0), virtual: four(42, 0), realServer: .init(IPAddress(ipv4: 0x0af4_0002), port: 0),
            state: .none, secondsLeft: 50),
        .init(
            .any, client: six(9, 0), virtual: .init(IPAddress(ipv6High: 42 << 32, low: 0), port: 0),
            realServer: .init(IPAddress(ipv6High: 0xfd00 << 48, low: 3), port: 65535), state: .assured, secondsLeft: 50),
    ]

    /// Parses text in pieces of so many bytes.
    static func parse(_ bytes: [UInt8], pieces: Int = .max) throws(IPVSTableError) -> [IPVSConnection] {
        var parser = IPVSConnectionParser()
        var found: [IPVSConnection] = []
        var start = 0
        while start < bytes.count {
            let end = bytes.count - start <= pieces ? bytes.count : start + pieces
            let piece = Array(bytes[start..<end])
            try parser.consume(piece.span) { found.append($0) }
            start = end
        }
        try parser.finish { found.append($0) }
        return found
    }

    @Test("The text is read the same in pieces of any size", arguments: [1, 2, 3, 7, 64, 100, 4096, Int.max])
    func wholeText(pieces: Int) throws {
        #expect(try Self.parse(Array(Self.text.utf8), pieces: pieces) == Self.connections)
    }

    @Test func withoutTheLastNewline() throws {
        #expect(try Self.parse(Array(Self.text.utf8.dropLast())) == Self.connections)
        #expect(try Self.parse([]).isEmpty)
        #expect(try Self.parse(Array(Self.title.utf8)).isEmpty)
    }

    @Test("The other file says where the kernel knows a connection from")
    func origins() throws {
        let read = try Self.parse(Array(Self.syncText.utf8))
        #expect(read.map(\.origin) == [.local, .synchronized])
        #expect(read.map(\.secondsLeft) == [899, 3])
        #expect(read.map(\.state.rawValue) == ["ESTABLISHED", "SHUTDOWN_ACK_SENT"])
        #expect(read.map(\.engine) == [nil, nil])
    }

    @Test("Templates are told from connections, and marks from addresses")
    func templates() {
        #expect(Self.connections.map(\.isTemplate) == [false, false, false, true, true, true])
        #expect(Self.connections.map(\.firewallMark) == [nil, nil, nil, nil, 42, 42])
        #expect(Self.connections.map(\.transport.transportProtocol) == [.tcp, .udp, .tcp, .udp, nil, nil])
        #expect(Self.connections[0].description == "TCP 192.0.2.9:40000 to 10.96.0.10:80 at 10.244.0.2:8080, ESTABLISHED, 899 s left")
        #expect(Self.connections[5].description == "IP [fd00::9]:0 to fwmark 42 at [fd00::3]:65535, ASSURED, 50 s left")
    }

    @Test("A connection that is printed is read", arguments: 0..<300)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let connections = (0..<5).map { _ in generator.connection() }
        let text = connections.map { $0.line + "\n" }.joined()
        #expect(try Self.parse(Array(text.utf8), pieces: Int.random(in: 1...300, using: &generator)) == connections)
    }

    @Test("A time that went below zero is none", arguments: ["18446744073709551", "18446744073709551615", "4294967296"])
    func overdue(time: String) throws {
        #expect(try Self.parse(Array("TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 CLOSE \(time)\n".utf8)).map(\.secondsLeft) == [0])
    }

    @Test(
        "What the kernel does not write is an error with its line",
        arguments: [
            "TCP", "TCP C0000209", "TCP C0000209 9C40 0A60000A 0050 0AF40002", "TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90",
            "TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 CLOSE", "TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 CLOSE soon",
            "TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 CLOSE -1", "TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 CLOSE SYNC",
            "TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 CLOSE 99999999999999999999",
            "TCP C0000209 9C40 0A60000A 0050 0AF40002 1F90 CLOSE 100000000000000000000",
            "TCP C000020 9C40 0A60000A 0050 0AF40002 1F90 CLOSE 1", "TCP C0000209 C40 0A60000A 0050 0AF40002 1F90 CLOSE 1",
            "TCP C0000209 19C40 0A60000A 0050 0AF40002 1F90 CLOSE 1", "TCP C000020G 9C40 0A60000A 0050 0AF40002 1F90 CLOSE 1",
            "TCP fd00::9 9C40 0A60000A 0050 0AF40002 1F90 CLOSE 1",
            "TCP fd00:0000:0000:0000:0000:0000:0000-0009 9C40 0A60000A 0050 0AF40002 1F90 CLOSE 1",
            "TCP fd00:0000:0000:0000:0000:0000:0000:0009 9C40 0A60000A 0050 0AF40002 1F90 CLOSE 1",
        ])
    func malformed(text: String) {
        do throws(IPVSTableError) {
            let read = try Self.parse(Array((Self.title + text + "\n").utf8))
            Issue.record("read \(read)")
        } catch {
            #expect(error.line == 2)
        }
    }

    @Test("An endless line is refused, not kept", arguments: [1, 100, 5000])
    func endlessLine(pieces: Int) {
        #expect(throws: IPVSTableError.self) { try Self.parse(Array(repeating: 0x41, count: 5000), pieces: pieces) }
        #expect(throws: IPVSTableError.self) { try Self.parse(Array(repeating: 0x41, count: 5000) + [0x0a], pieces: pieces) }
    }

    @Test("No bytes crash the parser", arguments: 0..<300)
    func mutations(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let good = Array((Self.text + Self.syncText).utf8)
        for _ in 0..<30 {
            _ = try? Self.parse(generator.mutated(good), pieces: Int.random(in: 1...200, using: &generator))
        }
        _ = try? Self.parse(generator.bytes(300))
    }
}
