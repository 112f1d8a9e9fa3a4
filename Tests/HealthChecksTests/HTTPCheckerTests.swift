import HealthModel
import NIOCore
import TestSupport
import Testing

@testable import HealthChecks

/// A check over HTTP.
func http(_ change: (inout HealthCheck.HTTPCheck) -> Void = { _ in }) -> HealthCheck.Kind {
    var check = HealthCheck.HTTPCheck()
    change(&check)
    return .http(check)
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
