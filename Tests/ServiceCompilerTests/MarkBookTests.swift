import Addresses
import IPVSModel
import ServiceCompiler
import ServiceModel
import TestSupport
import Testing

@Suite struct MarkBookTests {
    private func name(_ number: Int) -> ObjectName { ObjectName(namespace: "default", name: "s\(number)") }
    private let port = MarkPurpose.inside(ServicePort(port: 80), .ipv4)

    @Test func marksAreOursAndWithoutTheMasqueradeBit() {
        var book = MarkBook(.standard, masqueradeBit: 14)
        for number in 0..<2000 {
            for (_, mark) in book.assign([port, MarkPurpose.inside(ServicePort(port: 80), .ipv6)], to: name(number)) {
                #expect(MarkField.standard.contains(mark) && mark & 0x4000 == 0)
            }
        }
        #expect(book.count == 4000, "no two have the same")
    }

    /// The least field without what is for probes, with the masquerade bit in it or not, taken to its last mark; then there are none.
    @Test(arguments: [(14, 6 << 12), (31, 6 << 13)]) func everyMarkIsUsedBeforeThereAreNone(bit: Int, count: Int) throws {
        var book = MarkBook(try #require(MarkField("0x12340000/16")), masqueradeBit: bit)
        var marks: Set<UInt32> = []
        for number in 0..<count { marks.formUnion(book.assign([port], to: name(number)).values) }
        #expect(marks.count == count && marks.allSatisfy { $0 >> 16 == 0x1234 && $0 & 1 << UInt32(bit) == 0 })
        #expect(book.assign([port], to: name(count)) == [:])
        #expect(book.assign([], to: name(7)) == [:])
        #expect(book.assign([port], to: name(count)).count == 1, "what one gave back another has")
    }

    @Test func aMarkFollowsFromTheNameWhateverCameBefore() {
        var random = SeededGenerator(seed: 7)
        var (first, second) = (MarkBook(.standard, masqueradeBit: 14), MarkBook(.standard, masqueradeBit: 14))
        let names = (0..<500).map(name)
        let marks = names.map { first.assign([port], to: $0) }
        for index in names.indices.shuffled(using: &random) { #expect(second.assign([port], to: names[index]) == marks[index]) }
        #expect(first.assign([port], to: names[3]) == marks[3], "and stays")
    }

    @Test func whatStandsIsKept() {
        var book = MarkBook(.standard, masqueradeBit: 14)
        let (a, b) = (book.assign([port], to: name(1))[port] ?? 0, book.assign([port], to: name(2))[port] ?? 0)
        // They change places.
        #expect(book.move([a: b, b: a]) == [name(1), name(2)])
        #expect(book.assign([port], to: name(1)) == [port: b] && book.assign([port], to: name(2)) == [port: a])
        // Not to a mark that another has, that is not ours, or that has the masquerade bit.
        #expect(book.move([a: b]) == [name(2)])
        #expect(book.assign([port], to: name(1)) == [port: b])
        #expect(book.assign([port], to: name(2))[port] != b)
        #expect(book.move([b: 7]) == [] && book.move([b: 0x1000_4000]) == [])
        #expect(book.count == 2)
    }

    /// What ports take up groups still have, and no mark moves from one to the other.
    @Test func groupsHaveAShareOfTheirOwn() throws {
        var book = MarkBook(try #require(MarkField("0x12340000/16")), masqueradeBit: 14)
        for number in 0..<6 << 12 { _ = book.assign([port], to: name(number)) }
        let group = MarkPurpose.group("a", .cluster, .ipv4)
        let inside = try #require(book.assign([port], to: name(1))[port])
        var marks: Set<UInt32> = []
        for number in 0..<1 << 12 { marks.formUnion(book.assign([port, group], to: name(number))[group].map { [$0] } ?? []) }
        #expect(marks.count == 1 << 12)
        #expect(book.assign([group], to: name(1 << 12))[group] == nil, "all are in use")
        let own = try #require(book.assign([port, group], to: name(1))[group])
        #expect(book.move([own: inside]) == [] && book.move([inside: own]) == [])
        #expect(book.assign([port, group], to: name(1)) == [port: inside, group: own])
    }

    @Test(arguments: [
        "0x10000000", "10000000/4", "0x10000000/0", "0x10000000/17", "0x18000000/4", "0x0/4", "0x100000000/4", "", "/", "0x/4",
    ])
    func whatIsNoFieldIsRefused(text: String) { #expect(MarkField(text) == nil) }

    @Test func aFieldIsReadAsItIsWritten() throws {
        let field = try #require(MarkField("0xab000000/8"))
        #expect(field.description == "0xab000000/8" && field.range == 0xab00_0000...0xabff_ffff)
        #expect(field.mark(0x7f_ffff, withoutBit: 23) == 0xab7f_ffff && field.count(withoutBit: 23) == 1 << 23)
        #expect(field.mark(0x7f_ffff, withoutBit: 0) == 0xabff_fffe)
        #expect(MarkField.standard.description == "0x10000000/4")
    }
}
