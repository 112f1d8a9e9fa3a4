import HealthModel
import NIOHPACK
import TestSupport
import Testing

@testable import HealthChecks

@Suite struct GRPCCheckerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var behaviour: Backend.GRPCBehaviour
        var outcome: CheckOutcome

        var testDescription: String { name }

        init(_ name: String, _ outcome: CheckOutcome, _ change: (inout Backend.GRPCBehaviour) -> Void = { _ in }) {
            self.name = name
            self.outcome = outcome
            behaviour = .init()
            change(&behaviour)
        }
    }

    static let cases = [
        Case("serving", .good),
        Case("not serving", .bad("NOT_SERVING")) { $0.message = [0, 0, 0, 0, 2, 8, 2] },
        Case("unknown by default", .bad("serving status unknown")) { $0.message = [0, 0, 0, 0, 0] },
        Case("service unknown", .bad("SERVICE_UNKNOWN")) { $0.message = [0, 0, 0, 0, 2, 8, 3] },
        Case("unimplemented", .bad("the server does not have grpc.health.v1 (UNIMPLEMENTED)")) {
            $0.message = nil
            $0.trailers = ["grpc-status": "12"]
        },
        Case("trailers only", .bad("the server does not know that service (NOT_FOUND)")) {
            $0.headers = [":status": "200", "grpc-status": "5"]
            $0.message = nil
            $0.trailers = nil
        },
        Case("HTTP 503", .bad("HTTP status 503")) { $0.headers = [":status": "503"] },
        Case("no status", .bad("the answer ended without a gRPC status")) { $0.trailers = nil },
        Case("no message", .bad("the answer is not one of grpc.health.v1")) { $0.message = nil },
        Case("garbage", .bad("the answer is not one of grpc.health.v1")) { $0.message = [0, 0, 0, 0, 3, 255, 255, 255] },
        Case("compressed", .bad("the answer is not one of grpc.health.v1")) { $0.message = [1, 0, 0, 0, 2, 8, 1] },
        Case("giant", .bad("the answer is too long for grpc.health.v1")) { $0.message = [UInt8](repeating: 0, count: 20_000) },
    ]

    @Test("what the server says of itself", arguments: cases)
    func judges(test: Case) async throws {
        let backend = try await Backend(.grpc(test.behaviour))
        #expect(try await ask(probe(.grpc(service: "", tls: nil), backend.port)) == test.outcome)
        try await backend.close()
    }

    @Test func theRequestNamesTheServiceAndTheConnectionEndsCleanly() async throws {
        let backend = try await Backend(.grpc(.init()))
        #expect(try await ask(probe(.grpc(service: "shop.Cart", tls: nil), backend.port)) == .good)
        let seen = backend.seen
        #expect(seen.grpcRequest?.first(name: ":path") == "/grpc.health.v1.Health/Check")
        #expect(seen.grpcRequest?.first(name: ":authority") == "127.0.0.1:\(backend.port)")
        #expect(seen.grpcRequest?.first(name: "te") == "trailers")
        #expect(seen.bytes == [0, 0, 0, 0, 11, 0x0a, 9] + Array("shop.Cart".utf8))
        #expect(try await eventually { backend.seen.ends == 1 })
        #expect(backend.seen.resets == 0)
        try await backend.close()
    }

    @Test func overTLS() async throws {
        let backend = try await Backend(.grpc(.init(), tls: true))
        var tls = HealthCheck.TLSCheck()
        tls.serverName = "backend.test"
        tls.certificateAuthority = TestCertificates.authority
        #expect(try await ask(probe(.grpc(service: "", tls: tls), backend.port)) == .good)
        tls.certificateAuthority = nil
        #expect(try await ask(probe(.grpc(service: "", tls: tls), backend.port)) == .bad("the certificate cannot be verified"))
        try await backend.close()
    }

    @Test func whatIsNoHTTP2IsBad() async throws {
        let backend = try await Backend(.answer([Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)]))
        guard case .bad = try await ask(probe(.grpc(service: "", tls: nil), backend.port)) else { return #expect(Bool(false), "not bad") }
        let silent = try await Backend(.silent)
        #expect(
            try await ask(probe(.grpc(service: "", tls: nil), silent.port, timeout: .seconds(3)))
                == .bad("waited 3 s for an answer of grpc.health.v1"))
        try await withRefusingPort { (port: UInt16) async throws in
            #expect(try await ask(probe(.grpc(service: "", tls: nil), port)) == .bad("connection refused"))
        }
        try await backend.close()
        try await silent.close()
    }

    @Test(arguments: UInt64(1)...200) func anyMessageIsReadToAnEnd(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        _ = GRPCHealthMessage.response(random.bytes(Int.random(in: 0...40, using: &random)))
        let known: [UInt8] = [0, 0, 0, 0, 13, 8, 1, 0x12, 3, 1, 2, 3, 0x1d, 1, 2, 3, 4, 0x20]
        _ = GRPCHealthMessage.response(random.mutated(known))
    }

    @Test func fieldsThatAreNotKnownAreSkipped() {
        #expect(GRPCHealthMessage.response([0, 0, 0, 0, 12, 0x12, 3, 1, 2, 3, 0x1d, 1, 2, 3, 4, 8, 1]) == .status(.serving))
        #expect(GRPCHealthMessage.response([0, 0, 0, 0, 9, 0x11, 1, 2, 3, 4, 5, 6, 7, 8]) == .status(.unknown))
        #expect(GRPCHealthMessage.response([0, 0, 0, 0, 2, 8]) == .incomplete)
        #expect(GRPCHealthMessage.response([0, 255, 255, 255, 255, 8]) == .garbage)
        #expect(GRPCHealthMessage.response([0, 0, 0, 0, 11] + [UInt8](repeating: 0xff, count: 11)) == .garbage)
        #expect(GRPCHealthMessage.request(service: String(repeating: "a", count: 200)).prefix(8) == [0, 0, 0, 0, 203, 0x0a, 0xc8, 1])
    }
}
