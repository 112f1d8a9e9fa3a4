import Foundation
import IPVS
import Testing

/// Whether the tests may run against this machine's kernel: the laboratory says so.
let isLaboratory = ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"

/// A network namespace of a test's own, so that no test sees another's virtual servers, nor the machine's.
final class Namespace {
    let name: String

    var path: String { "/run/netns/\(name)" }

    init() throws {
        name = "ipvs-test-\(UInt32.random(in: .min ... .max))"
        try Self.run("ip", "netns", "add", name)
        try Self.run("ip", "-n", name, "link", "set", "lo", "up")
    }

    deinit { try? Self.run("ip", "netns", "delete", name) }

    /// Runs a program inside.
    func execute(_ words: String...) throws { try Self.run(["ip", "netns", "exec", name] + words) }

    private static func run(_ words: String...) throws { try run(words) }

    private static func run(_ words: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ProgramFailed(words: words, status: process.terminationStatus) }
    }

    struct ProgramFailed: Error {
        let words: [String]
        let status: Int32
    }
}

extension IPAddress {
    /// 10.96.x.y
    static func virtual(_ number: Int) -> IPAddress { IPAddress(ipv4: 0x0a60_0000 + UInt32(number)) }
    /// 10.244.x.y
    static func real(_ number: Int) -> IPAddress { IPAddress(ipv4: 0x0af4_0000 + UInt32(number)) }
    /// fd00:96::n
    static func virtual6(_ number: Int) -> IPAddress { IPAddress(ipv6High: 0xfd00_0096 << 32, low: UInt64(number)) }
    /// fd00:244::n
    static func real6(_ number: Int) -> IPAddress { IPAddress(ipv6High: 0xfd00_0244 << 32, low: UInt64(number)) }
}

extension VirtualServer.Key {
    static func tcp(_ number: Int) -> VirtualServer.Key { .address(.virtual(number), port: 80, .tcp) }
}

extension RealServer {
    static func masquerade(_ number: Int, weight: Int32 = 1) -> RealServer {
        RealServer(.init(.real(number), port: 8080), .init(weight: weight))
    }
}
