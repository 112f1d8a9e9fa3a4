import IPVS
import Testing
import VirtualServerDocuments

@testable import ControlCommands

@Suite struct TopTests {
    private static func model(_ count: Int = 3, looks: Int = 5) -> TopModel {
        var model = TopModel()
        (model.host, model.time) = ("node-1", "03:12:45")
        for look in 0..<looks {
            let services = (0..<count).map { number -> (ObservedVirtualServer, KernelTable.Summary) in
                var statistics = TrafficStatistics()
                statistics.connectionRate = UInt64(number * 7)
                statistics.incomingPacketRate = UInt64(number * 1000)
                statistics.incomingByteRate = UInt64(number * 150_000 * (look + 1))
                statistics.outgoingByteRate = UInt64(number * 3_000_000)
                let key = VirtualServer.Key.address(IPAddress(ipv4: 0x0a60_0000 + UInt32(number)), port: 80, .tcp)
                var summary = KernelTable.Summary()
                summary.add(weight: 1, active: UInt32(number * 10), inactive: 5)
                summary.add(weight: 0, active: 0, inactive: 0)
                return (ObservedVirtualServer(server: VirtualServer(key, .init(scheduler: .roundRobin)), statistics: statistics), summary)
            }
            model.take(services: services, Samples.knowledge)
        }
        return model
    }

    private static func text(_ model: TopModel, _ width: Int = 80, _ height: Int = 14, blocks: Bool = true) -> String {
        var model = model
        return TopScreen(width: width, height: height, hasBlocks: blocks).compose(&model).joined(separator: "\n")
    }

    @Test func aScreen() throws { try Golden.check(Self.text(Self.model(12)), "top.screen") }

    @Test func aWideScreenInASCII() throws { try Golden.check(Self.text(Self.model(12), 120, blocks: false), "top.wide") }

    @Test func anEstimatorThatIsOffIsTold() throws {
        var model = Self.model()
        model.isEstimatorOff = true
        try Golden.check(Self.text(model), "top.estimator")
    }

    @Test func searchingSortingAndChoosing() throws {
        var model = Self.model(30)
        for character in "/web" { #expect(model.press(.character(character), page: 9) == .none) }
        try Golden.check(Self.text(model), "top.search")
        #expect(model.press(.enter, page: 9) == .none)
        #expect(model.visible.map(\.row.name) == ["default/web:80"])
        #expect(model.press(.escape, page: 9) == .none)
        #expect(model.visible.count == 30)
        // By name, the last of all.
        for _ in 0..<3 { _ = model.press(.character("s"), page: 9) }
        #expect(model.sort == .name)
        _ = model.press(.end, page: 9)
        try Golden.check(Self.text(model), "top.end")
        #expect(model.press(.character("q"), page: 9) == .quit)
    }

    @Test func openingAndDraining() throws {
        var model = Self.model(12)
        _ = model.press(.down, page: 9)
        #expect(model.press(.enter, page: 9) == .look)
        #expect(model.opened != nil)
        model.openedService = "default/web"
        model.take(realServers: Samples.table[0].1)
        _ = model.press(.down, page: 9)
        #expect(model.press(.character("d"), page: 9) == .none)
        try Golden.check(Self.text(model), "top.drain")
        #expect(model.press(.character("n"), page: 9) == .none)
        _ = model.press(.character("d"), page: 9)
        let chosen = try #require(model.selected)
        #expect(model.press(.character("y"), page: 9) == .drain(service: "default/web", try #require(RealServer.Key(chosen))))
        #expect(model.press(.escape, page: 9) == .look)
        #expect(model.opened == nil)
    }

    /// What was searched for among virtual servers is no name of a real server.
    @Test func openingForgetsTheSearch() {
        var model = Self.model()
        for character in "/tcp" { _ = model.press(.character(character), page: 9) }
        for _ in 0..<2 { _ = model.press(.enter, page: 9) }
        model.take(realServers: Samples.table[0].1)
        #expect(model.visible.count == 2)
    }

    @Test func whatIsNotTheAgentsCannotBeDrainedHere() {
        var model = Self.model()
        _ = model.press(.character("d"), page: 9)
        #expect(model.message.contains("open a virtual server"))
        _ = model.press(.enter, page: 9)
        model.take(realServers: Samples.table[0].1)
        _ = model.press(.down, page: 9)
        _ = model.press(.character("d"), page: 9)
        #expect(model.message.contains("no agent"))
    }

    /// However small or large the screen, no line is longer than it is wide, and there are as many as it has.
    @Test(arguments: [(20, 6), (79, 24), (80, 24), (81, 10), (300, 100)]) func everyScreenFits(_ width: Int, _ height: Int) {
        for prompt in ["", "/abc", "\r", "\rjd"] {
            var model = Self.model(200)
            model.message = String(repeating: "long ", count: 100)
            model.openedService = prompt == "\rjd" ? "default/a-very-long-name-of-a-service" : nil
            for character in prompt { _ = model.press(character == "\r" ? .enter : .character(character), page: 3) }
            let lines = TopScreen(width: width, height: height).compose(&model)
            #expect(lines.count == height)
            #expect(lines.allSatisfy { $0.count <= width }, "\(lines.filter { $0.count > width })")
        }
    }

    @Test func tenThousandServicesAreComposed() {
        var model = Self.model(10_000, looks: 1)
        _ = model.press(.end, page: 20)
        let lines = TopScreen(width: 80, height: 24).compose(&model)
        #expect(lines.count == 24)
        #expect(lines[0].contains("10000 virtual servers"))
        #expect(model.offset == 10_000 - 19)
    }

    @Test func keysAreDecoded() {
        #expect(
            TopKeys.decode(Array("\u{1b}[A\u{1b}[6~q\r\u{7f}\u{1b}".utf8)) == [
                .up, .pageDown, .character("q"), .enter, .backspace, .escape,
            ])
        #expect(TopKeys.decode(Array("\u{1b}[1;5Ax".utf8)) == [.character("x")])
        #expect(TopKeys.decode([0xff, 0x00, 0x41]) == [.character("A")])
    }
}
