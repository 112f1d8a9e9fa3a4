import ArgumentParser
import Foundation
import IPSetReading
import IPVS
import Links
import NodeModel
import Telemetry
import Testing

@testable import ControlCommands

@Suite struct ListingTests {
    static let formats = OutputFormat.allCases

    @Test(arguments: formats) func services(_ format: OutputFormat) throws {
        try Golden.check(Samples.services(Samples.silence).text(format), "services.\(format)")
    }

    @Test(arguments: formats) func servicesThatTheAgentKnows(_ format: OutputFormat) throws {
        try Golden.check(Samples.services(Samples.knowledge).text(format), "services-known.\(format)")
    }

    @Test(arguments: formats) func servers(_ format: OutputFormat) throws {
        try Golden.check(Samples.servers(Samples.knowledge).text(format), "servers.\(format)")
    }

    @Test(arguments: formats) func timeouts(_ format: OutputFormat) throws {
        try Golden.check(ItemList(items: TimeoutItem.all(.init(tcp: 900, tcpFin: 120, udp: 300))).text(format), "timeouts.\(format)")
    }

    @Test(arguments: formats) func daemons(_ format: OutputFormat) throws {
        let daemon = SynchronizationDaemon(.master, interface: "eth0", synchronizationID: 7, maximumLength: 1472)
        try Golden.check(ItemList(items: [DaemonItem(daemon)]).text(format), "daemons.\(format)")
    }

    @Test(arguments: formats) func sets(_ format: OutputFormat) throws {
        let entries: Set<SetEntry> = [.addressPort(Samples.ip("10.96.0.10"), 80, .tcp), .addressPort(Samples.ip("10.96.0.9"), 53, .udp)]
        let items = [
            SetItem(
                key: SetKey(.clusterIP, .ipv4),
                set: ObservedSet(typeName: "hash:ip,port", family: .ipv4, maximumEntries: 65536, entries: entries)),
            SetItem(
                key: SetKey(.nodePortTCP, .ipv4),
                set: ObservedSet(typeName: "bitmap:port", family: .ipv4, maximumEntries: 0, entries: [.port(30080)])),
            SetItem(key: SetKey(.externalIP, .ipv6), set: ObservedSet(typeName: "hash:net", family: .ipv6, maximumEntries: 10)),
        ]
        try Golden.check(ItemList(items: items).text(format), "sets.\(format)")
    }

    @Test(arguments: formats) func rules(_ format: OutputFormat) throws {
        let nat = RuleTables.Table(
            chains: ["KUBE-MARK-MASQ": ["-j MARK --set-xmark 0x4000/0x4000"]], jumps: [.init(from: "PREROUTING", "-j KUBE-SERVICES")])
        try Golden.check(
            ItemList(items: RuleItem.all([.ipv4: RuleTables(["nat": nat])], backEnd: "legacy")).text(format), "rules.\(format)")
    }

    @Test(arguments: formats) func addresses(_ format: OutputFormat) throws {
        let links = NodeLinks(
            links: [
                Link(index: 2, name: "eth0", kind: nil, isUp: true, noARP: false),
                Link(index: 3, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true),
            ],
            addresses: [
                LinkAddress(Samples.ip("192.0.2.10"), prefixLength: 24, linkIndex: 2),
                LinkAddress(Samples.ip("10.96.0.10"), prefixLength: 32, linkIndex: 3),
                LinkAddress(Samples.ip("10.96.0.77"), prefixLength: 32, linkIndex: 3),
            ])
        let items = AddressItem.all([Samples.web, Samples.dns, Samples.mark], links, dummy: "kube-ipvs0", Samples.knowledge)
        try Golden.check(ItemList(items: items).text(format), "addresses.\(format)")
    }

    @Test(arguments: formats) func aDescription(_ format: OutputFormat) throws {
        var view = NodeView(
            links: NodeLinks(
                links: [Link(index: 3, name: "kube-ipvs0", kind: "dummy", isUp: false, noARP: true)],
                addresses: [LinkAddress(Samples.ip("10.96.0.10"), prefixLength: 32, linkIndex: 3)]))
        view.state.sets[SetKey(.clusterIP, .ipv4)] = ObservedSet(
            typeName: "hash:ip,port", family: .ipv4, maximumEntries: 65536, entries: [.addressPort(Samples.ip("10.96.0.10"), 80, .tcp)])
        let (server, real) = Samples.table[0]
        let page = DescriptionPage(
            descriptions: [ServiceDescription(Samples.web, server, real, view, Samples.knowledge, Samples.hands)],
            notes: Samples.silence.notes)
        var options = try OutputOptions.parse([])
        options.output = format
        try Golden.check(page.text(options, style: .plain), "describe.\(format)")
    }

    @Test func anEmptyListingIsItsHeading() throws {
        #expect(
            try ItemList<ServiceItem>(items: []).text(.table)
                == "VIRTUAL SERVER   SCHEDULER   PERSISTENCE   SERVERS   ACTIVE   INACTIVE   CONNECTIONS")
    }

    @Test func sortingTakesNumbersAsNumbers() throws {
        var listing = Samples.services(Samples.knowledge)
        try listing.sort(by: "-active")
        #expect(listing.items.first?.key == Samples.web)
        try listing.sort(by: "virtual")
        #expect(listing.items.map(\.name) == ["fwmark-7-ipv4", "tcp-10.96.0.10-80", "udp-10.96.0.99-53", "udp-fd00-10-96--a-53"])
        #expect(throws: SortProblem.self) { try listing.sort(by: "colour") }
        #expect(NaturalOrder.compare("10.0.0.9", "10.0.0.10") < 0)
        #expect(NaturalOrder.compare("a007", "a7") == 0)
        #expect(NaturalOrder.compare("a", "a1") < 0)
    }

    @Test func colourIsForTerminalsThatWantIt() {
        #expect(Style(isTerminal: true) { _ in nil }.hasColour)
        #expect(!Style(isTerminal: false) { _ in nil }.hasColour)
        #expect(!Style(isTerminal: true) { $0 == "NO_COLOR" ? "1" : nil }.hasColour)
        // no-color.org: an empty value is none.
        #expect(Style(isTerminal: true) { $0 == "NO_COLOR" ? "" : nil }.hasColour)
        #expect(!Style(isTerminal: true) { $0 == "TERM" ? "dumb" : nil }.hasColour)
        #expect(Style(hasColour: true).paint("x", .bad) == "\u{1b}[31mx\u{1b}[0m")
    }

    /// Colours change nothing of where things stand.
    @Test func aColouredTableIsThePlainOneInColour() throws {
        let listing = Samples.services(Samples.knowledge)
        let coloured = try listing.text(.wide, style: Style(hasColour: true))
        #expect(coloured.contains("\u{1b}["))
        #expect(coloured.replacing(/\u{1b}\[[0-9]*m/, with: "") == (try listing.text(.wide)))
    }

    @Test func amountsAreShort() {
        let amounts: [(UInt64, String)] = [
            (0, "0"), (999, "999"), (1000, "1.0k"), (1249, "1.2k"), (9949, "9.9k"), (9999, "10k"), (999_499, "999k"), (999_500, "1.0M"),
            (UInt64.max, "18E"),
        ]
        for (number, text) in amounts { #expect(Amount.short(number) == text) }
        #expect(Amount.bytes(5) == "5 B" && Amount.bytes(1_234_567) == "1.2 MB")
    }
}
