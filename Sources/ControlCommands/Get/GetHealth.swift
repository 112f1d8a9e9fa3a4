import ArgumentParser
import CommandSupport
import IPVS
import Telemetry

/// `ipvsctl get health`: backends that are probed.
struct GetHealth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "List backends that are probed, those that are down first (the agent says).")

    @OptionGroup(title: "Output") var output: OutputOptions
    @Flag(help: "Only those that are not up.") var down = false
    @OptionGroup(title: "Filters") var services: ServiceFilter
    @OptionGroup(title: "Filters") var places: PlaceFilter
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            let knowledge = services.selector == nil ? AgentKnowledge() : await agent.knowledge()
            try services.check(knowledge)
            do throws(AgentSocketProblem) {
                let document = try await agent.agent.document(HealthDocument.self, at: "/v1/health")
                return HealthItem.list(document, try await agent.agent.handBook()) { item in
                    (!down || item.probe.verdict != "up") && item.isMeant(services, places, knowledge)
                }
            } catch {
                throw agent.failure(error)
            }
        }
    }
}

/// A probed backend in a listing, as the agent tells it.
struct HealthItem: ListedItem {
    static let kind = "HealthListing"

    var probe: ProbeReport
    /// What is said by hand of it, the narrowest first.
    var hands: [HandReport]

    init(_ probe: ProbeReport, _ book: HandBook) {
        self.probe = probe
        guard let address = IPAddress(probe.address) else {
            hands = []
            return
        }
        // The same is said once of a backend of several Services.
        var seen: Set<HandReport> = []
        hands = probe.services.flatMap { book.concerning($0, address, port: probe.port) }.filter { seen.insert($0).inserted }
    }

    /// The listing, with what has to be said beside it: what serves otherwise than it is meant to, and what was said by hand of what is not probed.
    static func list(_ document: HealthDocument, _ hands: HandBook, where isMeant: (HealthItem) -> Bool) -> ItemList<HealthItem> {
        let all = document.items.map { HealthItem($0, hands) }
        var notes = ["\(document.count) are probed, \(document.down) of them down"]
        notes += document.impaired.map { "\($0.virtualServer) of \($0.service): \($0.mode)" }
        let told = Set(all.flatMap(\.hands))
        notes += hands.reports.filter { !told.contains($0) }.prefix(100).map { "by hand, of \($0.key), which is not probed: \($0.words)" }
        return ItemList(items: all.filter(isMeant), notes: notes)
    }

    func isMeant(_ services: ServiceFilter, _ places: PlaceFilter, _ knowledge: AgentKnowledge) -> Bool {
        guard services.isEmpty || probe.services.contains(where: { services.admits($0, knowledge) }) else { return false }
        return places.isEmpty || places.admits(IPAddress(probe.address).map { [End($0, port: probe.port)] } ?? [])
    }

    var name: String {
        guard let address = IPAddress(probe.address), let port = probe.port else { return probe.address }
        return RealServer.Key(address, port: port).description
    }

    static var columns: [ListedColumn<HealthItem>] {
        [
            .text("BACKEND") { $0.name }, .text("CHECK") { $0.probe.check },
            .text("VERDICT") { $0.probe.verdict }.toned { item in
                switch item.probe.verdict {
                case "up": .good
                case "down": .bad
                default: .doubtful
                }
            },
            .text("SINCE") { $0.probe.since.description }, .text("SERVICES") { $0.probe.services.joined(separator: ",") },
            .text("REASON", .ifAny) { $0.probe.reason ?? "" }, .text("HINDRANCE", .ifAny) { $0.probe.hindrance ?? "" },
            .text("BY HAND", .ifAny) { $0.hands.words },
        ]
    }

    private enum Field: String, CodingKey {
        case address, port, check, mark, verdict, reason, since, hindrance, services, byHand
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encode(probe.address, forKey: .address)
        try container.encodeIfPresent(probe.port, forKey: .port)
        try container.encode(probe.check, forKey: .check)
        try container.encodeIfPresent(probe.mark, forKey: .mark)
        try container.encode(probe.verdict, forKey: .verdict)
        try container.encodeIfPresent(probe.reason, forKey: .reason)
        try container.encode(probe.since, forKey: .since)
        try container.encodeIfPresent(probe.hindrance, forKey: .hindrance)
        try container.encode(probe.services, forKey: .services)
        if !hands.isEmpty { try container.encode(hands, forKey: .byHand) }
    }
}
