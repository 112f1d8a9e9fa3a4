import Addresses
import Glibc
import HealthModel
import TestSupport
import Testing

@testable import HealthChecks

@Suite struct TCPCheckerTests {
    @Test(
        "a connection is closed with a FIN, whatever the server says meanwhile",
        arguments: [
            Backend.Behaviour.silent, .banner(Array("220 mail.example ESMTP\r\n".utf8)), .banner([UInt8](repeating: 65, count: 100_000)),
        ])
    func closesCleanly(behaviour: Backend.Behaviour) async throws {
        let backend = try await Backend(behaviour)
        for _ in 0..<20 { #expect(try await ask(probe(.tcp, backend.port)) == .good) }
        #expect(try await eventually { backend.seen.ends == 20 })
        #expect(backend.seen.resets == 0)
        #expect(backend.seen.bytes.isEmpty)
        try await backend.close()
    }

    @Test func whereNobodyListensTheConnectionIsRefused() async throws {
        try await withRefusingPort { (port: UInt16) async throws in #expect(try await ask(probe(.tcp, port)) == .bad("connection refused"))
        }
    }

    @Test func aServerThatNeverStopsTalkingIsLeft() async throws {
        let backend = try await Backend(.flood)
        #expect(try await ask(probe(.tcp, backend.port)) == .good)
        // After so many bytes a reset is taken into account.
        #expect(try await eventually { backend.seen.closed == 1 })
        try await backend.close()
    }

    @Test func overIPv6Too() async throws {
        let backend = try await Backend(.silent, host: "::1")
        #expect(try await ask(probe(.tcp, backend.port, address: IPAddress(ipv6High: 0, low: 1))) == .good)
        try await backend.close()
    }

    @Test func aMarkThatMayNotBeSetHindersAndOneThatMayDoesNot() async throws {
        let backend = try await Backend(.silent)
        var marked = probe(.tcp, backend.port)
        marked.mark = 0x8000_0001
        let outcome = try await ask(marked)
        #expect(outcome == (geteuid() == 0 ? .good : .hindered("this node does not permit it")))
        try await backend.close()
    }
}
