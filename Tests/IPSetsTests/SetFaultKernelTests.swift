import Addresses
import CIPSetFaults
import Foundation
import NodeModel
import Testing

@testable import IPSetReading
@testable import IPSets

extension SetSessionKernelTests {
    /// Where a call between libipset and the kernel goes wrong.
    struct Fault: Sendable, CustomStringConvertible {
        let kind: cipset_fault
        let errno: Int32
        /// So many calls go well before.
        let after: Int32

        var description: String { "\(kind.rawValue) with \(errno) after \(after)" }

        static let all: [Fault] =
            [ENOMEM, ENOBUFS, EINTR].flatMap { errno in
                // The first call asks for the set's type; then come messages with some ninety entries each.
                [0, 1, 2, 7].flatMap { after in
                    [
                        Fault(kind: CIPSET_FAULT_SEND, errno: errno, after: after),
                        Fault(kind: CIPSET_FAULT_RECEIVE, errno: errno, after: after),
                    ]
                }
            } + [Fault(kind: CIPSET_FAULT_TRUNCATE, errno: 0, after: 3), Fault(kind: CIPSET_FAULT_GARBAGE, errno: 0, after: 4)]
    }

    @Test("A conversation that breaks takes nothing for done, ends, and is begun anew", arguments: Fault.all)
    func faults(fault: Fault) throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let key = SetKey(.clusterIP, .ipv4)
        try session.create(SetDefinition(key))
        let changes = try (1...1000).map { SetChange.add(SetMember(key, try Self.entry($0, key))) }
        let before = cipset_fault_inject(fault.kind, fault.errno, fault.after)
        let start = ContinuousClock.now
        let failures = session.change(changes)
        #expect(ContinuousClock.now - start < .seconds(8))
        #expect(cipset_fault_inject(CIPSET_FAULT_NONE, 0, 0) == before + 1)
        let failed = Set(failures.map(\.index))
        #expect(!failed.isEmpty)
        #expect(failures.allSatisfy { $0.error.reason == .outcomeUnknown })
        if fault.errno != 0 { #expect(failures.first?.error.message.contains(unsafe String(cString: strerror(fault.errno))) == true) }
        // What did not fail is there, and the same session can be used.
        let there = try #require(try Self.list([key])[key]).entries
        for (index, change) in changes.enumerated() where !failed.contains(index) { #expect(there.contains(change.member.entry)) }
        #expect(session.change(changes) == [])
        #expect(try Self.list([key])[key]?.entries.count == 1000)
        try Self.removeAll(session)
    }

    @Test("Single commands survive a broken conversation", arguments: [CIPSET_FAULT_SEND, CIPSET_FAULT_RECEIVE])
    func singleCommands(kind: cipset_fault) throws {
        let session = try SetSession()
        try Self.removeAll(session)
        let definition = SetDefinition(SetKey(.loopBack, .ipv6))
        _ = cipset_fault_inject(kind, ENOBUFS, 0)
        #expect { try session.create(definition) } throws: { ($0 as? SetError)?.reason == .outcomeUnknown }
        try session.create(definition)
        _ = cipset_fault_inject(kind, ENOMEM, 0)
        #expect { try session.destroy(definition.key) } throws: { ($0 as? SetError)?.reason == .outcomeUnknown }
        try session.destroy(definition.key)
        #expect(try Self.list(SetKey.all).isEmpty)
    }
}
