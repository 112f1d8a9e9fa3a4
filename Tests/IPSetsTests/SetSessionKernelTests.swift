import Addresses
import Foundation
import NodeModel
import Testing

@testable import IPSetReading
@testable import IPSets

/// The session against the running kernel. Each test makes and removes the sets it needs; the network namespace is the laboratory's.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["IPVS_LAB"] == "1"))
struct SetSessionKernelTests {
    static func address(_ number: Int, _ family: AddressFamily) -> IPAddress {
        family == .ipv4
            ? IPAddress(ipv4: 0x0a00_0000 + UInt32(number)) : IPAddress(ipv6High: 0xfd00_0000_0000_0000, low: UInt64(number))
    }

    static func entry(_ number: Int, _ key: SetKey) throws -> SetEntry {
        let address = address(number, key.family)
        return switch key.type {
        case .hashAddress: .address(address)
        case .hashAddressPort where key.set.keepsMarks:
            .addressPortMark(address, UInt16(number % 65535), .tcp, 0x1000_0000 + UInt32(number))
        case .hashAddressPort: .addressPort(address, UInt16(number % 65535), .sctp)
        case .hashAddressPortAddress: .addressPortAddress(address, 80, .udp, address)
        case .hashAddressPortNet: .addressPortNet(address, 443, .tcp, try #require(IPPrefix(address, length: 20)))
        case .bitmapPort: .port(UInt16(number))
        }
    }

    static func list(_ keys: [SetKey] = SetKey.all) throws -> [SetKey: ObservedSet] {
        var reader = try SetReader()
        defer { #expect(reader.unreadableEntries == 0) }
        return try reader.list(keys)
    }

    static func removeAll(_ session: borrowing SetSession) throws {
        for set in ServiceSet.allCases { for family in AddressFamily.allCases { try session.destroy(SetKey(set, family)) } }
    }

    @Test func everySetTakesItsEntriesAndShowsThem() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        for set in ServiceSet.allCases {
            for family in AddressFamily.allCases {
                let key = SetKey(set, family)
                try session.create(SetDefinition(key))
                try session.create(SetDefinition(key))
                let entries = try (0..<200).map { try Self.entry($0 * 31 + 1, key) }
                #expect(session.change(entries.map { .add(SetMember(key, $0)) }) == [])
                #expect(session.change(entries.map { .add(SetMember(key, $0)) }) == [], "adding again is harmless")
                #expect(try Self.list([key])[key]?.entries == Set(entries))
                #expect(try Self.list([key])[key]?.serves(as: key) == true)
                #expect(session.change(entries.dropFirst().map { .remove(SetMember(key, $0)) }) == [])
                #expect(session.change(entries.dropFirst().map { .remove(SetMember(key, $0)) }) == [], "removing again is harmless")
                #expect(try Self.list([key])[key]?.entries == [entries[0]])
            }
        }
        #expect(try Self.list().count == 40)
        try Self.removeAll(session)
        #expect(try Self.list().isEmpty)
    }

    /// An entry is known by what it is without its mark, and growing keeps the marks.
    @Test(arguments: AddressFamily.allCases) func anotherMarkTakesTheFirstOnesPlace(family: AddressFamily) throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let key = SetKey(.insideMark, family)
        try session.create(SetDefinition(key))
        func member(_ mark: UInt32) -> SetMember { SetMember(key, .addressPortMark(Self.address(1, family), 80, .tcp, mark)) }
        #expect(session.change([.add(member(0x1000_0001)), .add(member(.max))]) == [])
        #expect(try Self.list([key])[key]?.entries == [member(.max).entry])
        try session.grow(SetDefinition(key, maximumEntries: 1 << 17))
        #expect(try Self.list([key])[key]?.entries == [member(.max).entry])
        #expect(try Self.list([key])[key]?.keepsMarks == true)
        #expect(session.change([.remove(member(7))]) == [])
        #expect(try Self.list([key])[key]?.entries == [])
        // One that cannot keep marks is not ours to use.
        try session.destroy(key)
        try session.create(SetDefinition(SetKey(.clusterIP, family)), named: key.name)
        #expect(throws: SetError.self) { try session.create(SetDefinition(key)) }
        try Self.removeAll(session)
    }

    @Test func aFullSetRefusesTheRestAndStopsNothingElse() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let (small, large) = (SetKey(.clusterIP, .ipv4), SetKey(.externalIP, .ipv4))
        try session.create(SetDefinition(small, hashSize: 64, maximumEntries: 100))
        try session.create(SetDefinition(large))
        var changes: [SetChange] = []
        for number in 1...2000 {
            changes.append(.add(SetMember(small, try Self.entry(number, small))))
            changes.append(.add(SetMember(large, try Self.entry(number, large))))
        }
        changes.append(.remove(SetMember(small, try Self.entry(1, small))))
        changes.append(.add(SetMember(small, try Self.entry(9999, small))))
        let failures = session.change(changes)
        let full = try #require(try Self.list()[small]).entries
        let late = try Self.entry(9999, small)
        #expect(full.count <= 100 && full.contains(late))
        #expect(try Self.list()[large]?.entries.count == 2000)
        // One that went in was removed again, and made room for another.
        #expect(failures.count == 2001 - full.count - 1)
        #expect(failures.allSatisfy { $0.error.reason == .full && changes[$0.index].member.set == small })
        try Self.removeAll(session)
    }

    @Test func aFailureIsToldOfItsEntryAndTheOthersAreDone() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let (key, missing) = (SetKey(.loadBalancerSourceCIDR, .ipv4), SetKey(.loopBack, .ipv4))
        try session.create(SetDefinition(key))
        var changes = try (1...500).map { SetChange.add(SetMember(key, try Self.entry($0, key))) }
        // No set of nets takes a prefix of length 0.
        let everything = try #require(IPPrefix("0.0.0.0/0"))
        for index in [0, 3, 250, 251, 499] {
            changes[index] = .add(SetMember(key, .addressPortNet(Self.address(index, .ipv4), 1, .tcp, everything)))
        }
        changes.append(.add(SetMember(missing, try Self.entry(1, missing))))
        changes.append(.remove(SetMember(missing, try Self.entry(1, missing))))
        changes.append(.add(SetMember(key, .port(5))))
        let failures = session.change(changes)
        #expect(failures.map(\.index) == [0, 3, 250, 251, 499, 500, 502])
        #expect(failures.first { $0.index == 500 }?.error.reason == .noSuchSet)
        #expect(failures.first?.error.code == 4104, "IPSET_ERR_INVALID_CIDR")
        #expect(try Self.list([key])[key]?.entries.count == 495)
        try Self.removeAll(session)
    }

    @Test func anothersSetIsNamedAndNotTouched() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let key = SetKey(.clusterIP, .ipv4)
        try shell("ipset create KUBE-CLUSTER-IP hash:ip maxelem 5")
        #expect {
            try session.create(SetDefinition(key))
        } throws: {
            ($0 as? SetError)?.reason == .differentSet("hash:ip family inet maxelem 5")
        }
        let failures = session.change([.add(SetMember(key, try Self.entry(1, key)))])
        #expect(failures.map(\.error.reason) == [.differentSet("type hash:ip")])
        #expect(try Self.list([key])[key]?.serves(as: key) == false)
        #expect(try Self.list([key])[key]?.entries.isEmpty == true)
        // The other way round: the library remembers of which type the set was when this session made it.
        try shell("ipset destroy KUBE-CLUSTER-IP")
        try session.create(SetDefinition(key))
        try shell("ipset destroy KUBE-CLUSTER-IP && ipset create KUBE-CLUSTER-IP hash:ip")
        #expect(session.change([.add(SetMember(key, try Self.entry(1, key)))]).map(\.error.reason) == [.differentSet("type hash:ip")])
        // Made anew by somebody under an open session, the set is asked about anew.
        try shell("ipset destroy KUBE-CLUSTER-IP && ipset create KUBE-CLUSTER-IP hash:ip,port")
        #expect(session.change([.add(SetMember(key, try Self.entry(1, key)))]) == [])
        try Self.removeAll(session)
    }

    @Test func aSetThatARuleMatchesIsInUse() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let key = SetKey(.boundAddresses, .ipv4)
        try session.create(SetDefinition(key))
        try shell("iptables-legacy -A INPUT -m set --match-set KUBE-IPVS-IPS dst -j RETURN")
        defer { try? shell("iptables-legacy -D INPUT -m set --match-set KUBE-IPVS-IPS dst -j RETURN; ipset destroy KUBE-IPVS-IPS") }
        #expect { try session.destroy(key) } throws: { ($0 as? SetError)?.reason == .inUse }
    }

    @Test func thereIsOneSessionAtATime() throws {
        let session = try SetSession()
        #expect { _ = try SetSession() } throws: { ($0 as? SetError)?.reason == .secondSession }
        try session.destroy(SetKey(.clusterIP, .ipv4))
    }

    @Test func sessionsLeaveNothingBehind() throws {
        let key = SetKey(.clusterIP, .ipv4)
        func useSessions(_ count: Int) throws {
            for _ in 0..<count {
                let session = try SetSession()
                try session.create(SetDefinition(key))
                let member = SetMember(key, try Self.entry(1, key))
                _ = session.change([.add(member), .add(SetMember(SetKey(.loopBack, .ipv6), try Self.entry(1, SetKey(.loopBack, .ipv6))))])
                _ = try Self.list()
                try session.destroy(key)
            }
        }
        func residentPages() throws -> Int {
            let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
            return try #require(Int(text.split(separator: " ")[1]))
        }
        try useSessions(100)
        let before = try residentPages()
        try useSessions(400)
        // A page is 4 KiB. A session's buffers alone are more than that.
        #expect(try residentPages() - before < 200)
    }

    @Test func tenThousandEntriesGoInAFewMessages() throws {
        let session = try SetSession()
        try Self.removeAll(session)
        for key in [SetKey(.clusterIP, .ipv4), SetKey(.loopBack, .ipv6)] {
            try session.create(SetDefinition(key))
            let members = try (1...10_000).map { SetMember(key, try Self.entry($0, key)) }
            let clock = ContinuousClock()
            let add = clock.measure { #expect(session.change(members.map { .add($0) }) == []) }
            var listed = 0
            let list = try clock.measure { listed = try Self.list([key])[key]?.entries.count ?? 0 }
            #expect(listed == 10_000)
            let remove = clock.measure { #expect(session.change(members.map { .remove($0) }) == []) }
            print("10,000 entries of \(key): add \(add), list \(list), remove \(remove)")
        }
        try Self.removeAll(session)
    }

    func shell(_ command: String) throws {
        let status = unsafe system(command)
        try #require(status == 0, "\(command)")
    }
}
