import Addresses
import Foundation
import NetlinkTransport
import NodeModel
import TestSupport
import Testing

@testable import IPSetReading
@testable import IPSets

extension SetSessionKernelTests {
    /// What `ipset save` prints of the sets of ours.
    static func saved() throws -> SavedText {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/sbin/ipset")
        process.arguments = ["save"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return SavedText(String(decoding: text, as: UTF8.self))
    }

    private static func randomEntry(_ key: SetKey, _ random: inout SeededGenerator) throws -> SetEntry {
        let address = address(Int.random(in: 1...0xff_ffff, using: &random), key.family)
        let port = UInt16.random(in: 0...UInt16.max, using: &random)
        let transport = try #require(TransportProtocol.allCases.randomElement(using: &random))
        return switch key.type {
        case .hashAddress: .address(address)
        case .hashAddressPort where key.set.keepsMarks:
            .addressPortMark(address, port, transport, UInt32.random(in: .min ... .max, using: &random))
        case .hashAddressPort: .addressPort(address, port, transport)
        case .hashAddressPortAddress: .addressPortAddress(address, port, transport, Self.address(Int(port) + 1, key.family))
        case .hashAddressPortNet:
            .addressPortNet(
                address, port, transport,
                try #require(IPPrefix(address, length: Int.random(in: 1...key.family.bitWidth, using: &random))))
        case .bitmapPort: .port(port)
        }
    }

    @Test(arguments: [11, 12] as [UInt64])
    func whatIsReadIsWhatTheToolPrints(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let session = try SetSession()
        try Self.removeAll(session)
        for key in SetKey.all where Int.random(in: 0..<4, using: &random) > 0 {
            try session.create(SetDefinition(key, hashSize: 64, maximumEntries: 1 << UInt32.random(in: 12...20, using: &random)))
            let members = try (0..<Int.random(in: 0...2000, using: &random)).map { _ in SetMember(key, try Self.randomEntry(key, &random)) }
            #expect(session.change(members.map { .add($0) }) == [])
        }
        let saved = try Self.saved()
        #expect(saved.unreadableLines == 0 && saved.sets.count > 10)
        let isAlike = try Self.list() == saved.sets
        #expect(isAlike)
        try Self.removeAll(session)
    }

    @Test func othersSetsOfAnyTypeDisturbNothing() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        try session.create(SetDefinition(SetKey(.clusterIP, .ipv4)))
        try shell("ipset create others list:set && ipset create KUBE-EXTERNAL-IP hash:net && ipset add KUBE-EXTERNAL-IP 10.0.0.0/8")
        defer { try? shell("ipset destroy others") }
        let sets = try Self.list()
        #expect(Set(sets.keys) == [SetKey(.clusterIP, .ipv4), SetKey(.externalIP, .ipv4)])
        #expect(sets[SetKey(.externalIP, .ipv4)] == ObservedSet(typeName: "hash:net", family: .ipv4, maximumEntries: 65536))
        try Self.removeAll(session)
    }

    /// The kernel holds on to a set that is being read, and lets go with the reader.
    @Test func aSetIsNotDestroyedWhileItIsRead() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let key = SetKey(.boundAddresses, .ipv6)
        try session.create(SetDefinition(key))
        #expect(session.change(try (1...5000).map { .add(SetMember(key, try Self.entry($0, key))) }) == [])
        var reader = try SetReader()
        try reader.begin(key)
        let piece = try reader.next()
        #expect(piece.header != nil && (1..<1000).contains(piece.entries.count) && piece.progress == .unfinished)
        #expect { try session.destroy(key) } throws: { ($0 as? SetError)?.reason == .inUse }
        reader = try SetReader()
        try session.destroy(key)
        #expect(try reader.list([key]).isEmpty)
    }
}
