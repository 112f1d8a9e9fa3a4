import Foundation
import IPVS
import Testing

/// Whether the tests may run against this machine's kernel: the laboratory says so.
let isLaboratory = ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"

/// A network namespace that lives as long as a suite, which no other virtual servers are in: not the machine's, nor another suite's.
struct Namespace: Sendable {
    @TaskLocal static var current = Namespace(name: "")

    let name: String

    /// A handle to its IPVS, with nothing in it.
    func emptied() throws(IPVSError) -> IPVSHandle {
        var ipvs = try IPVSHandle(namespace: .name(name))
        try ipvs.flush()
        return ipvs
    }

    /// Runs a program inside.
    func execute(_ words: String...) throws { try Self.run(["ip", "netns", "exec", name] + words) }

    static func run(_ words: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ProgramFailed(words: words, status: process.terminationStatus) }
    }

    /// Runs a program that must succeed, and returns what it prints.
    static func output(_ words: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ProgramFailed(words: words, status: process.terminationStatus) }
        return String(decoding: bytes, as: UTF8.self)
    }

    struct ProgramFailed: Error {
        let words: [String]
        let status: Int32
    }
}

/// Makes the namespace before a suite and deletes it after.
struct NamespaceTrait: SuiteTrait, TestScoping {
    func provideScope(for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void) async throws
    {
        let namespace = Namespace(name: "ipvs-test-\(UInt32.random(in: .min ... .max))")
        try Namespace.run(["ip", "netns", "add", namespace.name])
        defer {
            // The kernel takes its time to clear a namespace away, and until then its virtual servers disturb the reading of others'
            // tables: see IPVSTableReader.
            _ = try? namespace.emptied()
            try? Namespace.run(["ip", "netns", "delete", namespace.name])
        }
        try Namespace.run(["ip", "-n", namespace.name, "link", "set", "lo", "up"])
        try await Namespace.$current.withValue(namespace) { try await function() }
    }
}

extension Trait where Self == NamespaceTrait {
    static var inNamespace: Self { NamespaceTrait() }
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
