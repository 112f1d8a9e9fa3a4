import ArgumentParser
import Foundation
import IPVS
import TestSupport
import Testing

@testable import ControlCommands

@Suite struct ConnectionTests {
    private static func connection(_ number: UInt32, _ state: IPVSConnection.State = .established) -> IPVSConnection {
        IPVSConnection(
            .tcp, client: .init(IPAddress(ipv4: 0xc000_0200 &+ number), port: UInt16(truncatingIfNeeded: 1024 + number)),
            virtual: .init(Samples.ip("10.96.0.10"), port: 80), realServer: .init(Samples.ip("10.244.0.2"), port: 8080), state: state,
            secondsLeft: number % 900)
    }

    private static var some: [IPVSConnection] {
        [
            connection(1), connection(300, .timeWait),
            IPVSConnection(
                .udp, client: .init(Samples.ip("fd00::1"), port: 0), virtual: .init(Samples.ip("fd00::2"), port: 53),
                realServer: .init(Samples.ip("fd00::3"), port: 53), state: .udp, secondsLeft: 9, engine: .init("sip", data: "a\u{1b}[31m")),
        ]
    }

    @Test(arguments: OutputFormat.allCases) func connections(_ format: OutputFormat) throws {
        var writer = ConnectionWriter(format) { $0.virtualServer == Samples.web ? "default/web" : nil }
        var text = writer.head
        for connection in Self.some { text += try writer.take(connection) }
        text += writer.finish()
        try Golden.check(String(text.dropLast()), "connections.\(format)")
    }

    @Test(arguments: [OutputFormat.json, .yaml]) func anEmptyTableIsAnEmptyList(_ format: OutputFormat) throws {
        var writer = ConnectionWriter(format)
        let text = writer.head + writer.finish()
        #expect(text.filter { !$0.isWhitespace }.hasSuffix(format == .json ? "[]}" : "items:[]"))
    }

    @Test func filters() throws {
        func count(_ words: String...) throws -> Int {
            let filter = try ConnectionFilter.parse(words)
            return Self.some.count { filter.admits($0) }
        }
        #expect(try count() == 3)
        #expect(try count("--client", "192.0.2.0/24") == 1)
        #expect(try count("--client", "192.0.2.1:1025") == 1)
        #expect(try count("--server", "10.244.0.2") == 2)
        #expect(try count("--virtual", "10.96.0.10:80") == 2)
        #expect(try count("--state", "time_wait") == 1)
        #expect(try count("--state", "template") == 1)
        #expect(try count("--protocol", "udp") == 1)
        #expect(throws: (any Error).self) { try count("--client", "nobody") }
    }

    /// A million lines as the kernel prints them go through reader and writer, and memory stays what it was. In a process of its own, so
    /// that no other test's memory is counted.
    @Test func aMillionConnectionsTakeConstantMemory() async {
        await #expect(processExitsWith: .success) { try Self.writeAMillion() }
    }

    private static func writeAMillion() throws {
        func resident() throws -> Int {
            let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            return Int(words[1]).map { $0 * 4096 } ?? 0
        }
        var parser = IPVSConnectionParser()
        var writer = ConnectionWriter(.wide)
        var (length, before, most) = (0, 0, 0)
        // As `ip_vs_conn_seq_show` prints them, after the heading.
        var piece = Array("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n".utf8)
        for number in 0..<1_000_000 {
            let address = String(UInt32(0x0b00_0000 + number), radix: 16, uppercase: true)
            piece += Array("TCP 0\(address) 8000 0A60000A 0050 0AF40002 1F90 ESTABLISHED     899\n".utf8)
            guard piece.count > 4000 else { continue }
            var found: [IPVSConnection] = []
            try parser.consume(piece.span) { found.append($0) }
            for connection in found { length += try writer.take(connection).utf8.count }
            piece.removeAll(keepingCapacity: true)
            if number % 100_000 < 60 {
                let now = try resident()
                if before == 0 { before = now }
                most = max(most, now)
            }
        }
        var found: [IPVSConnection] = []
        try parser.consume(piece.span) { found.append($0) }
        try parser.finish { found.append($0) }
        for connection in found { length += try writer.take(connection).utf8.count }
        length += writer.finish().utf8.count
        #expect(writer.count == 1_000_000)
        #expect(length > 80_000_000)
        #expect(most - before < 16 << 20, "grew by \((most - before) >> 20) MiB")
    }
}
