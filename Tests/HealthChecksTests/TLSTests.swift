import Addresses
import FoundationEssentials
import Glibc
import HealthModel
import TestSupport
import Testing

@testable import HealthChecks

@Suite struct TLSTests {
    private func https(_ change: (inout HealthCheck.TLSCheck) -> Void) -> HealthCheck.Kind {
        http {
            var tls = HealthCheck.TLSCheck()
            change(&tls)
            $0.tls = tls
        }
    }

    private let good = Backend.Behaviour.tls([Array(HTTPCheckerTests.ok.utf8)])

    @Test func theNameOrTheAddressIsVerified() async throws {
        let backend = try await Backend(good)
        let named = https {
            $0.serverName = "backend.test"
            $0.certificateAuthority = TestCertificates.authority
        }
        #expect(try await ask(probe(named, backend.port)) == .good)
        let addressed = https { $0.certificateAuthority = TestCertificates.authority }
        #expect(try await ask(probe(addressed, backend.port)) == .good)
        #expect(backend.seen.resets == 0)
        try await backend.close()
    }

    @Test func anotherNameOrAuthorityIsBadUnlessNothingIsVerified() async throws {
        let backend = try await Backend(good, host: "0.0.0.0")
        // The certificate is for 127.0.0.1, too, and one for the address that was connected to is taken.
        for name in ["other.test", nil] {
            let misnamed = https {
                $0.serverName = name
                $0.certificateAuthority = TestCertificates.authority
            }
            let outcome = try await ask(probe(misnamed, backend.port, address: IPAddress(ipv4: 0x7f00_0002)))
            guard case .bad(let reason) = outcome else { return #expect(Bool(false), "taken: \(outcome)") }
            #expect(reason.hasPrefix("the certificate is for another name"))
        }
        for authority in [TestCertificates.otherAuthority, nil] {
            let untrusted = https {
                $0.serverName = "backend.test"
                $0.certificateAuthority = authority
            }
            #expect(try await ask(probe(untrusted, backend.port)) == .bad("the certificate cannot be verified"))
        }
        for name in ["other.test", nil] {
            let unverified = https {
                $0.serverName = name
                $0.isVerified = false
            }
            #expect(try await ask(probe(unverified, backend.port)) == .good)
        }
        try await backend.close()
    }

    @Test func plainHTTPIsNoTLSAndSilenceIsNamed() async throws {
        let plain = try await Backend(.answer([Array(HTTPCheckerTests.ok.utf8)], closes: false))
        guard case .bad(let reason) = try await ask(probe(https { _ in }, plain.port)) else { return #expect(Bool(false), "taken") }
        #expect(reason.hasPrefix("TLS: "))
        let silent = try await Backend(.silent)
        #expect(
            try await ask(probe(https { _ in }, silent.port, timeout: .seconds(3)))
                == .bad("waited 3 s for the TLS handshake"))
        try await plain.close()
        try await silent.close()
    }

    @Test func anAuthorityFromAFileAndOneThatIsNotThere() async throws {
        let path = "/tmp/health-authority-\(UInt32.random(in: 0 ... .max)).pem"
        let backend = try await Backend(good)
        let check = https {
            $0.serverName = "backend.test"
            $0.certificateAuthorityFile = path
        }
        guard case .hindered(let reason) = try await ask(probe(check, backend.port)) else { return #expect(Bool(false), "no hindrance") }
        #expect(reason.contains(path))
        try TestCertificates.authority.write(toFile: path, atomically: true, encoding: .utf8)
        defer { _ = unsafe unlink(path) }
        #expect(try await ask(probe(check, backend.port)) == .good)
        try await backend.close()
    }

    @Test func aServerNameThatCannotBeOneHinders() async throws {
        let backend = try await Backend(good)
        guard case .hindered = try await ask(probe(https { $0.serverName = "192.0.2.1" }, backend.port)) else {
            return #expect(Bool(false), "no hindrance")
        }
        try await backend.close()
    }
}
