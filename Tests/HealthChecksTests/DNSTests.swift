import HealthModel
import TestSupport
import Testing

@testable import HealthChecks

@Suite struct DNSMessageTests {
    /// An answer to a query: its header's second flag byte, the first, and records after the question.
    static func answer(_ query: [UInt8], code: UInt8 = 0, flags: UInt8 = 0x81, count: UInt8 = 1, records: [UInt8]) -> [UInt8] {
        var bytes = query
        bytes[2] = flags
        bytes[3] = 0x80 | code
        bytes[7] = count
        return bytes + records
    }

    /// A record of a type whose name is a pointer to the question's.
    static func record(_ type: UInt8, _ data: [UInt8]) -> [UInt8] { [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data }

    static let query = DNSMessage.query("Health.example.", .a, id: 0x1234) ?? []

    @Test func aQueryIsRFC1035s() {
        #expect(
            Self.query == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6] + Array("Health".utf8) + [7] + Array("example".utf8) + [
                0, 0, 1, 0, 1,
            ])
        #expect(DNSMessage.query(".", .ns, id: 0)?.suffix(5) == [0, 0, 2, 0, 1])
    }

    @Test(arguments: ["", "..", "a..b", ".a", String(repeating: "a", count: 64), String(repeating: "abc.", count: 64)])
    func whatIsNoNameIsRefused(name: String) { #expect(DNSMessage.encode(name) == nil) }

    @Test(arguments: ["a", "a.", "xn--bcher-kva.example", "_sip._tcp.example", String(repeating: "a", count: 63)])
    func whatIsOneIsTaken(name: String) { #expect(DNSMessage.encode(name) != nil) }

    static let cases: [(String, [UInt8], CheckOutcome?)] = [
        ("one record", answer(query, records: record(1, [192, 0, 2, 1])), .good),
        ("after an alias", answer(query, count: 2, records: record(5, [1, 97, 0]) + record(1, [192, 0, 2, 1])), .good),
        ("an alias only", answer(query, records: record(5, [1, 97, 0])), .bad("the answer has no record of that type")),
        ("no record", answer(query, count: 0, records: []), .bad("the answer has no record of that type")),
        ("truncated", answer(query, flags: 0x83, count: 0, records: []), .good),
        ("NXDOMAIN", answer(query, code: 3, count: 0, records: []), .bad("NXDOMAIN")),
        ("SERVFAIL", answer(query, code: 2, count: 0, records: []), .bad("SERVFAIL")),
        ("an error of another number", answer(query, code: 11, count: 0, records: []), .bad("DNS error 11")),
        ("an error without the question", [0x12, 0x34, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0], .bad("FORMERR")),
        ("fewer records than said", answer(query, count: 2, records: record(5, [1, 97, 0])), .bad("the answer is cut off")),
        ("cut within a record", answer(query, records: Array(record(1, [1, 2, 3, 4]).dropLast(2))), .bad("the answer is cut off")),
        ("the query itself", query, nil),
        ("another number", [0x12, 0x35] + answer(query, records: record(1, [1, 2, 3, 4])).dropFirst(2), nil),
        ("another question", answer(DNSMessage.query("health.exbmple.", .a, id: 0x1234) ?? [], records: record(1, [1, 2, 3, 4])), nil),
        ("another type", answer(DNSMessage.query("health.example.", .aaaa, id: 0x1234) ?? [], records: record(28, [1])), nil),
        ("no question", [0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0], nil),
        ("nothing", [], nil),
    ]

    @Test("answers are judged", arguments: cases.indices)
    func judges(index: Int) {
        let (name, bytes, outcome) = Self.cases[index]
        #expect(DNSMessage.judge(bytes, query: Self.query) == outcome, "\(name)")
    }

    @Test func caseInNamesDoesNotMatter() {
        let other = DNSMessage.query("hEALTH.EXAMPLE", .a, id: 0x1234) ?? []
        #expect(DNSMessage.judge(Self.answer(other, records: Self.record(1, [1, 2, 3, 4])), query: Self.query) == .good)
    }

    @Test("any bytes may come", arguments: UInt64(1)...300)
    func fuzz(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let good = Self.answer(Self.query, count: 2, records: Self.record(5, [1, 97, 0]) + Self.record(1, [192, 0, 2, 1]))
        for _ in 0..<50 {
            _ = DNSMessage.judge(random.mutated(good), query: Self.query)
            _ = DNSMessage.judge(Array(good.prefix(4)) + random.bytes(Int.random(in: 0...60, using: &random)), query: Self.query)
        }
    }
}

@Suite struct DNSCheckerTests {
    @Test func aServerIsAskedAndStrayAnswersAreNotIts() async throws {
        let backend = try await DatagramBackend { DNSMessageTests.answer($0, records: DNSMessageTests.record(1, [192, 0, 2, 1])) }
        #expect(try await ask(probe(.dns(name: "health.example", type: .a), backend.port)) == .good)
        #expect(
            try await ask(probe(.dns(name: "health.example", type: .mx), backend.port)) == .bad("the answer has no record of that type"))
        let stray = try await DatagramBackend { query in
            var query = DNSMessageTests.answer(query, records: DNSMessageTests.record(1, [192, 0, 2, 1]))
            query[0] ^= 1
            return query
        }
        #expect(
            try await ask(probe(.dns(name: "health.example", type: .a), stray.port, timeout: .seconds(2)))
                == .bad("waited 2 s for an answer"))
        try await backend.close()
        try await stray.close()
    }

    @Test func whatIsNoNameIsSaid() async throws {
        await #expect(throws: CheckerProblem.self) { try await ask(probe(.dns(name: "a..b", type: .a), 53)) }
    }
}
