import Addresses
import FoundationEssentials
import Glibc
import HealthModel
import NIOCore
import NIOHPACK
import TestSupport
import Testing

@testable import HealthChecks

private func http(_ change: (inout HealthCheck.HTTPCheck) -> Void = { _ in }) -> HealthCheck.Kind {
    var check = HealthCheck.HTTPCheck()
    change(&check)
    return .http(check)
}

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

@Suite struct HTTPCheckerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var check: HealthCheck.Kind
        var pieces: [String]
        var closes = true
        var outcome: CheckOutcome

        var testDescription: String { name }
    }

    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    static let cases: [Case] = [
        Case(name: "good", check: http(), pieces: [ok], outcome: .good),
        Case(name: "good and open", check: http(), pieces: [ok], closes: false, outcome: .good),
        Case(name: "old", check: http(), pieces: ["HTTP/1.0 200 OK\r\n\r\nuntil the end"], outcome: .good),
        Case(name: "redirect", check: http(), pieces: ["HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"], outcome: .good),
        Case(name: "500", check: http(), pieces: ["HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"], outcome: .bad("HTTP status 500")),
        Case(name: "404", check: http(), pieces: ["HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"], outcome: .bad("HTTP status 404")),
        Case(
            name: "404 wanted", check: http { $0.statuses = [200...204, 404...404] },
            pieces: ["HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"], outcome: .good),
        Case(name: "200 not wanted", check: http { $0.statuses = [503...503] }, pieces: [ok], outcome: .bad("HTTP status 200")),
        Case(
            name: "continue first", check: http(), pieces: ["HTTP/1.1 100 Continue\r\n\r\n", ok], outcome: .good),
        Case(name: "no body", check: http(), pieces: ["HTTP/1.1 204 No Content\r\n\r\n"], closes: false, outcome: .good),
        Case(
            name: "HEAD", check: http { $0.method = "HEAD" }, pieces: ["HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], closes: false,
            outcome: .good),
        Case(name: "body", check: http { $0.body = "ok" }, pieces: [ok], outcome: .good),
        Case(
            name: "body in pieces", check: http { $0.body = "healthy" },
            pieces: ["HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n---hea", "lt", "hy-----"], closes: false, outcome: .good),
        Case(
            name: "chunks", check: http { $0.body = "healthy" },
            pieces: ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhea\r\n", "4\r\nlthy\r\n0\r\n\r\n"], closes: false,
            outcome: .good),
        Case(
            name: "other body", check: http { $0.body = "healthy" }, pieces: [ok],
            outcome: .bad("the body does not contain the expected text")),
        Case(
            name: "the text comes too late", check: http { $0.body = "healthy" },
            pieces: ["HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 70_000), "healthy"],
            outcome: .bad("the first 64 KiB of the body do not contain the expected text")),
        Case(
            name: "closed at once", check: http(), pieces: [],
            outcome: .bad("the connection was closed while waiting for a response")),
        Case(
            name: "no HTTP", check: http(), pieces: ["SSH-2.0-OpenSSH_9.2\r\n"], closes: false,
            outcome: .bad("what came is no HTTP")),
        Case(
            name: "endless header", check: http(),
            pieces: ["HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 200_000)], closes: false,
            outcome: .bad("what came is no HTTP")),
        Case(
            name: "half a response", check: http { $0.body = "x" }, pieces: ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"],
            outcome: .bad("")),
    ]

    @Test("answers are judged by what they are", arguments: cases)
    func judges(test: Case) async throws {
        let backend = try await Backend(.answer(test.pieces.map { Array($0.utf8) }, closes: test.closes))
        let outcome = try await ask(probe(test.check, backend.port))
        switch (outcome, test.outcome) {
        case (.bad(let said), .bad(let wanted)): #expect(said.hasPrefix(wanted))
        default: #expect(outcome == test.outcome)
        }
        try await backend.close()
    }

    @Test func aServerThatNeverAnswersIsNamedSlow() async throws {
        let backend = try await Backend(.silent)
        let outcome = try await ask(probe(http(), backend.port, timeout: .seconds(3)))
        #expect(outcome == .bad("waited 3 s for a response"))
        #expect(try await eventually { backend.seen.ends == 1 })
        try await backend.close()
    }

    @Test func aGiantAnswerIsReadAsFarAsItsBound() async throws {
        let body = [UInt8](repeating: 120, count: 8 << 20)
        let backend = try await Backend(.answer([Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8), body]))
        #expect(try await ask(probe(http(), backend.port)) == .good)
        let outcome = try await ask(probe(http { $0.body = "healthy" }, backend.port))
        #expect(outcome == .bad("the first 64 KiB of the body do not contain the expected text"))
        try await backend.close()
    }

    @Test func theRequestIsAsTheDocumentSays() async throws {
        let backend = try await Backend(.answer([Array(Self.ok.utf8)]))
        let check = http {
            $0.method = "OPTIONS"
            $0.path = "/health?full=1"
            $0.host = "web.example"
            $0.headers = [.init("X-Probe", "1"), .init("X-Probe", "2"), .init("host", "ignored"), .init("User-Agent", "mine")]
        }
        #expect(try await ask(probe(check, backend.port)) == .good)
        let text = String(decoding: backend.seen.bytes, as: UTF8.self)
        #expect(
            text
                == "OPTIONS /health?full=1 HTTP/1.1\r\nHost: web.example\r\nX-Probe: 1\r\nX-Probe: 2\r\nUser-Agent: mine\r\nConnection: close\r\n\r\n"
        )
        try await backend.close()
    }

    @Test func withoutAHostTheAddressIsNamed() async throws {
        let backend = try await Backend(.answer([Array(Self.ok.utf8)]))
        #expect(try await ask(probe(http(), backend.port)) == .good)
        #expect(String(decoding: backend.seen.bytes, as: UTF8.self).contains("\r\nHost: 127.0.0.1:\(backend.port)\r\n"))
        try await backend.close()
    }

    @Test("a text is found however the body is cut", arguments: UInt64(1)...60)
    func bodyMatch(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        // Few letters, so that beginnings of the text abound.
        let letters = Array("ab".utf8)
        let wanted = (0..<Int.random(in: 1...6, using: &random)).map { _ in letters.randomElement(using: &random) ?? 0 }
        let body = (0..<Int.random(in: 0...200, using: &random)).map { _ in letters.randomElement(using: &random) ?? 0 }
        let text = String(decoding: wanted, as: UTF8.self)
        var match = BodyMatch(text)
        var rest = body[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...7, using: &random)
            match.take(.init(bytes: rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(match.isFound == String(decoding: body, as: UTF8.self).contains(text))
    }
}

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

@Suite struct ICMPCheckerTests {
    @Test(.enabled(if: geteuid() == 0), arguments: [IPAddress(ipv4: 0x7f00_0001), IPAddress(ipv6High: 0, low: 1)])
    func loopbackEchoes(address: IPAddress) async throws {
        let outcome = try await ask(probe(.icmp, 0, address: address))
        #expect(outcome == .good)
    }
}

@Suite(.serialized) struct CommandCheckerTests {
    @Test(arguments: [
        (["/bin/sh", "-c", "exit 0"], CheckOutcome.good), (["/bin/sh", "-c", "exit 3"], .bad("exit status 3")),
        (["/bin/sh", "-c", "kill -9 $$"], .bad("killed by signal")),
        (["/bin/sh", "-c", #"[ "$IPVS_BACKEND_ADDRESS:$IPVS_BACKEND_PORT" = 127.0.0.1:81 ]"#], .good),
        (["/bin/sh", "-c", #"[ -z "$HOME" ] && [ "$PWD" = / ] && [ ! -t 0 ]"#], .good),
        (["/bin/sh", "-c", "head -c 10000000 /dev/zero; head -c 10000000 /dev/zero >&2"], .good),
        (["/nonexistent/program"], .hindered("")),
    ])
    func theStatusTells(words: [String], expected: CheckOutcome) async throws {
        let outcome = try await ask(probe(.command(words), 81))
        switch (outcome, expected) {
        case (.bad(let said), .bad(let wanted)), (.hindered(let said), .hindered(let wanted)): #expect(said.hasPrefix(wanted))
        default: #expect(outcome == expected)
        }
    }

    @Test func aNameWithoutAPathIsRefused() async throws {
        await #expect(throws: CheckerProblem.self) { try await ask(probe(.command(["true"]), 81)) }
        await #expect(throws: CheckerProblem.self) { try await ask(probe(.command([]), 81)) }
    }

    @Test func atItsTimeItIsKilledWithAllThatCameOfIt() async throws {
        let file = "/tmp/health-command-\(UInt32.random(in: 0 ... .max))"
        defer { _ = unsafe unlink(file) }
        // A child; one in a session of its own; one whose parent is gone and that has a session of its own. None hears SIGTERM.
        let script = """
            trap '' TERM; echo $$ >> \(file)
            (trap '' TERM; echo $BASHPID >> \(file); sleep 60) &
            setsid bash -c 'echo $$ >> \(file); sleep 60' &
            (setsid bash -c 'trap "" TERM HUP; echo $$ >> \(file); sleep 60' &)
            wait; sleep 60
            """
        func processes() -> [Int32] {
            ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n").compactMap { Int32($0) }
        }
        let outcome = try await ask(probe(.command(["/bin/bash", "-c", script]), 81, timeout: .seconds(5)))
        #expect(outcome == .bad("still running after 5 s, and killed"))
        #expect(processes().count == 4)
        let areGone = try await eventually { processes().allSatisfy { ProcessTree.startTime(of: $0) == nil } }
        #expect(areGone)
        for process in processes() where !areGone { kill(process, SIGKILL) }
    }

    @Test func whatItLeavesInItsSessionEndsWithIt() async throws {
        let file = "/tmp/health-command-\(UInt32.random(in: 0 ... .max))"
        defer { _ = unsafe unlink(file) }
        #expect(try await ask(probe(.command(["/bin/sh", "-c", "sleep 60 & echo $! > \(file)"]), 81)) == .good)
        let process = Int32((try String(contentsOfFile: file, encoding: .utf8)).filter { $0.isNumber }) ?? 0
        #expect(process > 1)
        #expect(try await eventually { ProcessTree.startTime(of: process) == nil })
    }

    @Test func aMarkTellsWhetherItsMakerIsStillThere() {
        #expect(!ProcessTree.isLeftOver(CommandMark().value))
        #expect(ProcessTree.isLeftOver("\(getpid())-1-7"))
        #expect(!ProcessTree.isLeftOver("garbage"))
        #expect(!ProcessTree.isLeftOver("a-b-c"))
        #expect(CommandMark().value != CommandMark().value)
    }
}
