import Foundation
import IPVS
import Testing

/// The reader on a pipe, at whose other end a thread writes a table without ever having it whole.
@Suite struct ConnectionStreamTests {
    /// The lines of a made-up table, each of another client.
    private static func piece(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count * 70)
        for number in range {
            var client = String(number, radix: 16, uppercase: true)
            client = String(repeating: "0", count: 8 - client.count) + client
            bytes.append(contentsOf: "TCP \(client) 9C40 0A60000A 0050 0AF40002 1F90 ESTABLISHED     899\n".utf8)
        }
        return bytes
    }

    /// A file to read a table of so many lines from, after which comes the rest.
    private static func table(_ count: Int, rest: String = "") -> Int32 {
        let pipe = Pipe()
        let (reading, writing) = (dup(pipe.fileHandleForReading.fileDescriptor), dup(pipe.fileHandleForWriting.fileDescriptor))
        Thread.detachNewThread {
            let output = FileHandle(fileDescriptor: writing, closeOnDealloc: true)
            for start in stride(from: 0, to: count, by: 1000) {
                let end = min(start + 1000, count)
                guard (try? output.write(contentsOf: Self.piece(start..<end))) != nil else { return }
            }
            try? output.write(contentsOf: Array(rest.utf8))
        }
        return reading
    }

    /// Bytes of memory that this process has.
    private static func residentMemory() throws -> Int {
        let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(words[1])) * Int(getpagesize())
    }

    /// In a process of its own, so that no other test's memory is counted.
    @Test("A million connections are read in the memory of a few hundred")
    func aMillionLines() async {
        await #expect(processExitsWith: .success) {
            let count = 1_000_000
            var reader = IPVSConnectionReader(file: Self.table(count))
            var (seen, sum, start) = (0, 0, 0)
            while let connection = try reader.next() {
                seen += 1
                sum += Int(connection.client.address.byte(at: 3))
                // After some thousands everything has been allocated that is kept.
                if seen == 10000 { start = try Self.residentMemory() }
            }
            #expect(seen == count)
            #expect(sum == (0..<count).reduce(0) { $0 + $1 % 256 })
            // As values they would take 170 MB.
            #expect(try Self.residentMemory() - start < 16 << 20)
        }
    }

    @Test("A bad line ends the stream with its number, after what came before it")
    func badLine() throws {
        var reader = IPVSConnectionReader(file: Self.table(2500, rest: "TCP nonsense\n"))
        var seen = 0
        do throws(IPVSError) {
            while try reader.next() != nil { seen += 1 }
            Issue.record("read to the end")
        } catch {
            #expect(error.description.contains("read /proc/net/ip_vs_conn"))
            #expect(error.description.contains("line 2501"))
        }
        #expect(seen > 2000)
        #expect(try reader.next() == nil)
    }

    @Test func anEmptyTable() throws {
        var reader = IPVSConnectionReader(file: Self.table(0))
        #expect(try reader.next() == nil)
        #expect(try reader.next() == nil)
    }

    @Test func aFileThatCannotBeRead() throws {
        var reader = IPVSConnectionReader(file: unsafe open("/proc/self", O_RDONLY | O_DIRECTORY))
        do throws(IPVSError) {
            _ = try reader.next()
            Issue.record("read")
        } catch {
            #expect(error.reason == .system("read"))
            #expect(error.errno == EISDIR)
        }
    }
}
