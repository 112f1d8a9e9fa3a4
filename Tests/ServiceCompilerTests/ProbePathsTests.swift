import Addresses
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import TestSupport
import Testing

@Suite struct ProbePathsTests {
    private func backend(_ number: Int, port: UInt16 = 80) -> RealServer.Key {
        RealServer.Key(IPAddress(ipv4: 0x0af4_0000 + UInt32(number)), port: port)
    }

    @Test func aWayStandsWhileAnyProbeGoesIt() throws {
        var paths = ProbePaths(.standard, masqueradeBit: 14)
        let mark = try #require(paths.mark(to: backend(1)))
        #expect(paths.takeChanges().isEmpty && paths.count == 0, "to ask is not to have")
        paths.join(backend(1), mark: mark)
        paths.join(backend(1), mark: mark)
        var changes = paths.takeChanges()
        #expect(changes.count == 1 && paths.takeChanges().isEmpty)
        let share = try #require(changes.first?.share)
        let server = try #require(share.virtualServers[.firewallMark(mark, .ipv4)])
        #expect(share.virtualServers.count == 1 && share.addresses.isEmpty && share.members.isEmpty)
        #expect(server.realServers == [backend(1): RealServer.Configuration(forwarding: .masquerade, weight: 1)])
        paths.leave(backend(1))
        #expect(paths.takeChanges().isEmpty, "another probe goes it still")
        paths.leave(backend(1))
        changes = paths.takeChanges()
        #expect(changes.count == 1 && changes[0].share == nil)
        paths.leave(backend(1))
        #expect(paths.takeChanges().isEmpty)
    }

    /// Marks of Services and of probes, in the least field there is: each to its last, and no mark is of both.
    @Test(arguments: [(14, 1 << 12), (31, 1 << 13)]) func noMarkIsOfAServiceToo(bit: Int, count: Int) throws {
        let field = try #require(MarkField("0x12340000/16"))
        var (paths, book) = (ProbePaths(field, masqueradeBit: bit), MarkBook(field, masqueradeBit: bit))
        var marks: Set<UInt32> = []
        for number in 0..<count {
            let mark = try #require(paths.mark(to: backend(number)))
            paths.join(backend(number), mark: mark)
            marks.insert(mark)
        }
        #expect(marks.count == count && marks.allSatisfy { field.contains($0) && $0 & 1 << UInt32(bit) == 0 })
        #expect(paths.mark(to: backend(count)) == nil, "all are in use")
        let port = MarkPurpose.inside(ServicePort(port: 80), .ipv4)
        for number in 0..<6 * count {
            let given = book.assign([port], to: ObjectName(namespace: "default", name: "s\(number)"))
            #expect(given.count == 1 && marks.isDisjoint(with: given.values))
        }
        // Nor does one move there.
        let name = ObjectName(namespace: "default", name: "s0")
        let own = try #require(book.assign([port], to: name)[port])
        #expect(book.move([own: try #require(marks.first)]) == [])
        paths.leave(backend(5))
        #expect(paths.mark(to: backend(count)) != nil, "what one gave back another has")
    }

    @Test func aMarkFollowsFromTheBackendWhateverCameBefore() throws {
        var random = SeededGenerator(seed: 11)
        let backends = (0..<300).map { backend($0, port: UInt16($0 % 3 + 1)) }
        func marks(_ order: [RealServer.Key]) throws -> [RealServer.Key: UInt32] {
            var paths = ProbePaths(.standard, masqueradeBit: 14)
            var marks: [RealServer.Key: UInt32] = [:]
            for backend in order {
                let mark = try #require(paths.mark(to: backend))
                paths.join(backend, mark: mark)
                marks[backend] = mark
            }
            return marks
        }
        #expect(try marks(backends) == marks(backends.shuffled(using: &random)))
    }
}
