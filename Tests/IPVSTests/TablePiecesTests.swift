import Foundation
import IPVSModel
import TestSupport
import Testing

@testable import IPVS

/// How much of the text of virtual servers is read at once.
@Suite struct TablePiecesTests {
    private static func virtualServer(_ number: Int) -> String {
        let port = String(number + 256, radix: 16)
        let servers = (1...2).map { "  -> 0AF4000\($0):0050      Masq    1      0          0         \n" }
        return "TCP  0A600001:0\(port) rr  \n" + servers.joined()
    }

    /// A file with so many virtual servers, open for reading.
    private static func file(_ count: Int) throws -> Int32 {
        let file = FileManager.default.temporaryDirectory.appending(path: "ip_vs-\(UUID())")
        let text = "IP Virtual Server version 1.2.1 (size=4096)\n" + (0..<count).map(virtualServer).joined()
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return unsafe open(file.path, O_RDONLY)
    }

    @Test("Whoever has others wait reads a page at a time, and everybody comes by everything")
    func pieces() throws {
        let count = 700
        #expect((256..<4096).contains(256 + count), "ports of three digits")
        let length = Self.virtualServer(0).utf8.count
        for (piece, limit) in [(IPVSTableReader.Piece.page, 4096), (.manyPages, 8 * 4096)] {
            var reader = IPVSTableReader(file: try Self.file(count))
            var (seen, largest): ([IPVSTableEntry], Int) = ([], 0)
            while let entries = try reader.nextEntries(piece) {
                largest = max(largest, entries.count)
                seen += entries
            }
            #expect(seen.count == count && Set(seen.map(\.identity)).count == count)
            #expect(seen.allSatisfy { $0.realServers.count == 2 })
            // The last of a piece may not be whole, and that of the piece before becomes so.
            #expect(largest <= limit / length + 1)
            #expect(largest >= limit / length - 1)
            #expect(try reader.nextEntries(piece) == nil)
        }
    }
}
