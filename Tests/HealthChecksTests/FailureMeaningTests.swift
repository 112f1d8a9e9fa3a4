import Glibc
import NIOCore
import NIOHTTP1
import NIOSSL
import Testing

@testable import HealthChecks

@Suite struct FailureMeaningTests {
    private func outcome(_ errno: CInt, hasRoutes: Bool = true) throws -> CheckOutcome {
        FailureMeaning { _ in hasRoutes }.outcome(errno: errno, at: try SocketAddress(ipAddress: "192.0.2.1", port: 80))
    }

    @Test(
        "what comes from the backend or its way is a verdict",
        arguments: [
            ECONNREFUSED, ECONNRESET, EPIPE, ECONNABORTED, ETIMEDOUT, EHOSTUNREACH, EHOSTDOWN, EINVAL, EPROTO,
        ])
    func verdicts(errno: CInt) throws {
        guard case .bad(let reason) = try outcome(errno) else { return #expect(Bool(false), "\(errno) is no verdict") }
        #expect(!reason.isEmpty)
        // Also on a node without routes: these are answers.
        #expect(try outcome(errno, hasRoutes: false) == outcome(errno))
    }

    @Test(
        "what this node lacks is none, nor what is not known",
        arguments: [
            EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE, EAGAIN, EPERM, EACCES, EAFNOSUPPORT, EPROTONOSUPPORT, ENETDOWN,
            ENODEV, EMSGSIZE, EBADF, ENOTSOCK, EFAULT, EIO, 9999,
        ])
    func hindrances(errno: CInt) throws {
        guard case .hindered(let reason) = try outcome(errno) else { return #expect(Bool(false), "\(errno) is a verdict") }
        #expect(!reason.isEmpty)
    }

    @Test func aNetworkThatCannotBeReachedIsTheNodesFaultWhereItReachesNone() throws {
        #expect(try outcome(ENETUNREACH) == .bad("network unreachable"))
        #expect(try outcome(ENETUNREACH, hasRoutes: false) == .hindered("this node has no route to anywhere"))
    }

    @Test func routesAreLookedAtOnceForMany() throws {
        var looks = 0
        let meaning = FailureMeaning { _ in
            looks += 1
            return true
        }
        for _ in 0..<1000 { _ = meaning.outcome(errno: ENETUNREACH, at: try SocketAddress(ipAddress: "192.0.2.1", port: 80)) }
        // Once a second.
        #expect(looks <= 3)
        _ = meaning.outcome(errno: ENETUNREACH, at: try SocketAddress(ipAddress: "2001:db8::1", port: 80))
        #expect(looks >= 2)
    }

    @Test func otherErrorsAreTheBackendsAndTheirTextIsTamed() throws {
        struct Odd: Error, CustomStringConvertible { let description = "a\u{1b}[31m" + String(repeating: "x", count: 5000) }
        let meaning = FailureMeaning { _ in true }
        let address = try SocketAddress(ipAddress: "192.0.2.1", port: 80)
        guard case .bad(let text) = meaning.outcome(of: Odd(), at: address, awaiting: "a response") else {
            return #expect(Bool(false), "not a verdict")
        }
        #expect(text.count < 200 && !text.contains("\u{1b}"))
        #expect(
            meaning.outcome(of: ChannelError.eof, at: address, awaiting: "a response")
                == .bad("the connection was closed while waiting for a response"))
        #expect(meaning.outcome(of: IOError(errnoCode: EMFILE, reason: "socket"), at: address, awaiting: "") == (try outcome(EMFILE)))
    }

    @Test func whatIsNoCertificateAuthorityHindersOnly() throws {
        let meaning = FailureMeaning { _ in true }
        let address = try SocketAddress(ipAddress: "192.0.2.1", port: 80)
        let problem = TLSProblem(description: "the certificate authority cannot be read")
        #expect(meaning.outcome(of: problem, at: address, awaiting: "") == .hindered(problem.description))
    }
}
