import HealthModel
import Testing

@testable import HealthChecks

@Suite struct UDPCheckerTests {
    @Test func theReplyHasToBeginAsExpected() async throws {
        let backend = try await DatagramBackend { $0 + [1, 2, 3] }
        #expect(try await ask(probe(.udp(payload: [9], reply: [9, 1]), backend.port)) == .good)
        #expect(try await ask(probe(.udp(payload: [9], reply: []), backend.port)) == .good)
        #expect(try await ask(probe(.udp(payload: [9], reply: nil), backend.port)) == .good)
        #expect(try await ask(probe(.udp(payload: [9], reply: [8]), backend.port)) == .bad("another reply than expected"))
        #expect(try await ask(probe(.udp(payload: [], reply: [1]), backend.port)) == .good)
        try await backend.close()
    }

    @Test func silenceIsGoodWhereNothingIsExpectedOnly() async throws {
        let backend = try await DatagramBackend { _ in nil }
        #expect(try await ask(probe(.udp(payload: [9], reply: nil), backend.port, timeout: .seconds(2))) == .good)
        #expect(
            try await ask(probe(.udp(payload: [9], reply: [9]), backend.port, timeout: .seconds(2)))
                == .bad("waited 2 s for a reply"))
        try await backend.close()
    }

    @Test func aPortThatIsUnreachableIsBadEitherWay() async throws {
        try await withRefusingPort(datagrams: true) { (port: UInt16) async throws in
            for reply in [nil, [UInt8(1)]] {
                #expect(try await ask(probe(.udp(payload: [9], reply: reply), port)) == .bad("connection refused"))
            }
        }
    }

    @Test func aPayloadThatIsTooLongHinders() async throws {
        let backend = try await DatagramBackend { _ in nil }
        let outcome = try await ask(probe(.udp(payload: [UInt8](repeating: 1, count: 70_000), reply: nil), backend.port))
        #expect(outcome == .hindered("the payload is too long for a datagram"))
        try await backend.close()
    }
}
