import IPVS
import NetlinkTesting
import TestSupport
import Testing

@Suite struct TableTests {
    /// As the kernel prints it: `ip_vs_info_seq_show`.
    static let text = """
        IP Virtual Server version 1.2.1 (size=4096)
        Prot LocalAddress:Port Scheduler Flags
          -> RemoteAddress:Port Forward Weight ActiveConn InActConn
        TCP  0A600001:0050 rr\u{20}
          -> 0AF40002:1F90      Masq    1      12         345\u{20}\u{20}\u{20}\u{20}\u{20}\u{20}\u{20}
          -> 0AF40003:1F90      Route   2147483647 0          0
        UDP  0A60000A:0035 wlc ops persistent 1080000 FFFFFF00
          -> [fd00:0000:0000:0000:0000:0000:0000:0002]:0035      Tunnel  0      0          7
        SCTP  [fd00:0000:0000:0000:0000:0000:0000:000a]:0035 sh persistent 36000 40000000
          -> [fd00:0000:0000:0000:0000:0000:0000:0003]:0035      Local   3      1          2
        AH  0A600001:0000 rr\u{20}
          -> 0AF40009:0000      Masq    1      0          0
        FWM  0000002A mh ops
          -> 0AF40004:0050      Bypass  1      0          0
        FWM  FFFFFFFF none persistent 100 FF00FF00

        """

    static let entries: [IPVSTableEntry] = [
        IPVSTableEntry(
            .address(IPAddress(ipv4: 0x0a60_0001), port: 80, .tcp), scheduler: .roundRobin,
            realServers: [
                .init(.init(IPAddress(ipv4: 0x0af4_0002), port: 8080), forwarding: .masquerade, weight: 1, active: 12, inactive: 345),
                .init(.init(IPAddress(ipv4: 0x0af4_0003), port: 8080), forwarding: .direct, weight: .max),
            ]),
        IPVSTableEntry(
            .address(IPAddress(ipv4: 0x0a60_000a), port: 53, .udp), scheduler: .weightedLeastConnection, onePacket: true,
            persistence: .init(ticks: 1_080_000, printedMask: 0xffff_ff00),
            realServers: [.init(.init(IPAddress(ipv6High: 0xfd00 << 48, low: 2), port: 53), forwarding: .tunnel, weight: 0, inactive: 7)]),
        IPVSTableEntry(
            .address(IPAddress(ipv6High: 0xfd00 << 48, low: 10), port: 53, .sctp), scheduler: .sourceHashing,
            persistence: .init(ticks: 36000, printedMask: 0x4000_0000),
            realServers: [
                .init(.init(IPAddress(ipv6High: 0xfd00 << 48, low: 3), port: 53), forwarding: .local, weight: 3, active: 1, inactive: 2)
            ]),
        IPVSTableEntry(
            .firewallMark(42), scheduler: .maglevHashing, onePacket: true,
            realServers: [.init(.init(IPAddress(ipv4: 0x0af4_0004), port: 80), forwarding: .bypass, weight: 1)]),
        Scheduler(rawValue: "none").map {
            IPVSTableEntry(.firewallMark(.max), scheduler: $0, persistence: .init(ticks: 100, printedMask: 0xff00_ff00))
        },
    ].compactMap { $0 }

    /// Some kernels leave entries out of the text, whole ones (see `IPVSTableReader`): the real servers of the others stay their own.
    @Test(arguments: 0..<64) func whatIsLeftOutTakesNothingFromTheOthersAndGivesThemNothing(kept: Int) throws {
        var records: [[UInt8]] = []
        for line in Self.text.utf8.split(separator: UInt8(ascii: "\n")).dropFirst(3) {
            if line.starts(with: "  ->".utf8) { records[records.count - 1] += line } else { records.append(Array(line)) }
            records[records.count - 1].append(UInt8(ascii: "\n"))
        }
        #expect(records.count == 6)
        // The fourth is of a protocol that is passed over.
        let shown = [0, 1, 2, 4, 5].enumerated().filter { kept & 1 << $0.element != 0 }.map { Self.entries[$0.offset] }
        let text = Array(records.enumerated().filter { kept & 1 << $0.offset != 0 }.map(\.element).joined())
        for pieces in [1, 7, Int.max] { #expect(try Self.parse(text, pieces: pieces) == shown) }
    }

    /// Parses text in pieces of so many bytes.
    static func parse(_ bytes: [UInt8], pieces: Int = .max) throws(IPVSTableError) -> [IPVSTableEntry] {
        var parser = IPVSTableParser()
        var found: [IPVSTableEntry] = []
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
        #expect(try Self.parse(Array(Self.text.utf8), pieces: pieces) == Self.entries)
    }

    @Test func withoutTheLastNewline() throws {
        #expect(try Self.parse(Array(Self.text.utf8.dropLast())) == Self.entries)
    }

    @Test func nothingAndTitlesAlone() throws {
        #expect(try Self.parse([]).isEmpty)
        #expect(try Self.parse(Array(Self.text.utf8.prefix(143))).isEmpty)
    }

    @Test func granularityByFamily() {
        let four = IPVSTableEntry.Persistence(ticks: 1, printedMask: 0xffff_ff00)
        #expect(four.granularity(.ipv4) == .mask(0xffff_ff00))
        let six = IPVSTableEntry.Persistence(ticks: 1, printedMask: UInt32(64).bigEndian)
        #expect(six.granularity(.ipv6) == .prefixLength(64))
        #expect(four.granularity(.ipv6) == nil)
    }

    @Test func keysAndIdentities() {
        #expect(Self.entries[0].key == .address(IPAddress(ipv4: 0x0a60_0001), port: 80, .tcp))
        #expect(Self.entries[3].key == nil)
        #expect(IPVSTableEntry.Identity(.firewallMark(42, .ipv6)) == Self.entries[3].identity)
    }

    @Test(
        "What the kernel does not write is an error with its line",
        arguments: [
            "TCP  0A600001:0050", "TCP", "TCP  0A60001:0050 rr", "TCP  0A600001:50 rr", "TCP  0A600001-0050 rr", "TCP  0A60000G:0050 rr",
            "TCP  [fd00::1]:0050 rr", "TCP  [fd00:0000:0000:0000:0000:0000:0000-0002]:0050 rr", "FWM  123456789 rr", "FWM  rr",
            "TCP  0A600001:0050 a/b", "TCP  0A600001:0050 rr persistent", "TCP  0A600001:0050 rr persistent 10",
            "TCP  0A600001:0050 rr persistent x FFFFFFFF", "  -> 0AF40002:1F90 Masq 1 0 0",
            "FWM  00000001 rr\n  ->", "FWM  00000001 rr\n  -> 0AF40002:1F90", "FWM  00000001 rr\n  -> 0AF40002:1F90 Nat 1 0 0",
            "FWM  00000001 rr\n  -> 0AF40002:1F90 Masq 1 0", "FWM  00000001 rr\n  -> 0AF40002:1F90 Masq 1 0 99999999999",
            "FWM  00000001 rr\n  -> 0AF40002:1F90 Masq 1 - 0", "FWM  00000001 rr\n  -> :1F90 Masq 1 0 0",
        ])
    func malformed(text: String) {
        do throws(IPVSTableError) {
            let read = try Self.parse(Array(text.utf8))
            Issue.record("read \(read)")
        } catch {
            #expect(error.line == text.split(separator: "\n").count)
        }
    }

    @Test("An endless line is refused, not kept", arguments: [1, 100, 5000])
    func endlessLine(pieces: Int) {
        #expect(throws: IPVSTableError.self) { try Self.parse(Array(repeating: 0x41, count: 5000), pieces: pieces) }
        #expect(throws: IPVSTableError.self) { try Self.parse(Array(repeating: 0x41, count: 5000) + [0x0a], pieces: pieces) }
    }

    @Test("A line that does not end is refused while it comes")
    func growingLine() {
        var parser = IPVSTableParser()
        let piece = [UInt8](repeating: 0x41, count: 600)
        #expect(throws: IPVSTableError.self) {
            for _ in 0..<2 { try parser.consume(piece.span) { _ in } }
        }
    }

    @Test func unknownWordsAfterTheSchedulerArePassedOver() throws {
        let read = try Self.parse(Array("TCP  0A600001:0050 rr pe sip future 7 ops\n".utf8))
        #expect(read.first?.onePacket == true)
        #expect(read.first?.persistence == nil)
    }

    @Test("No bytes crash the parser", arguments: 0..<300)
    func mutations(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let good = Array(Self.text.utf8)
        for _ in 0..<30 {
            _ = try? Self.parse(generator.mutated(good), pieces: Int.random(in: 1...200, using: &generator))
        }
        _ = try? Self.parse(generator.bytes(300))
    }

    @Test("A negative number is an unsigned one that was printed with a sign")
    func negativeNumbers() throws {
        let read = try Self.parse(Array("FWM  00000001 rr persistent -1 FFFFFFFF\n  -> 0AF40002:1F90 Masq -1 0 0\n".utf8))
        #expect(read.first?.persistence?.ticks == .max)
        #expect(read.first?.realServers.first?.weight == -1)
    }
}
