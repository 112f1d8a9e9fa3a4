import ArgumentParser
import CommandSupport
import IPVS
import Telemetry
import VirtualServerDocuments

/// `ipvsctl get drains`: real servers that take no new connections and are to go, and what people have taken out.
struct GetDrains: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drains", abstract: "List real servers that drain, and what was taken out by hand (the agent says).",
        discussion: """
            A line without a deadline is something said by hand (drain, maintain, set weight) of which nothing drains at present: its connections are \
            over, or it never had any here.
            """,
        aliases: ["drain"])

    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Filters") var services: ServiceFilter
    @OptionGroup(title: "Filters") var places: PlaceFilter
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            let knowledge = services.selector == nil ? AgentKnowledge() : await agent.knowledge()
            try services.check(knowledge)
            let (document, hands): (DrainDocument, HandBook)
            do throws(AgentSocketProblem) {
                document = try await agent.agent.document(DrainDocument.self, at: "/v1/drains")
                hands = try await agent.agent.handBook()
            } catch {
                throw agent.failure(error)
            }
            let items = DrainItem.all(document.items, hands).filter {
                services.admits($0.service, knowledge) && places.admits($0.ends)
            }
            let rest = document.count - document.items.count
            return ItemList(items: items, notes: rest > 0 ? ["\(rest) more drain; the agent tells those that end first"] : [])
        }
    }
}

/// A drain in a listing, as the agent tells it, or what was said by hand where nothing drains.
struct DrainItem: ListedItem {
    static let kind = "DrainListing"

    var drain: DrainReport?
    /// What is said by hand of it, the narrowest first.
    var hands: [HandReport]

    /// Drains with what is said of them, and what else lowers a weight by hand.
    static func all(_ drains: [DrainReport], _ hands: HandBook) -> [DrainItem] {
        let items = drains.map { drain in
            DrainItem(drain: drain, hands: RealServer.Key(drain.realServer).map { hands.concerning(drain.service, $0) } ?? [])
        }
        let told = Set(items.flatMap(\.hands))
        return items + hands.reports.filter { $0.state != "ready" && !told.contains($0) }.map { DrainItem(drain: nil, hands: [$0]) }
    }

    var service: String? { drain?.service ?? hands.first?.target.service }

    var realServer: String? {
        if let drain { return drain.realServer }
        guard let target = hands.first?.target, let address = target.address else { return nil }
        return target.port.map { RealServer.Key(address, port: $0).description } ?? address.description
    }

    /// Addresses and ports by which it can be chosen.
    var ends: [End] {
        guard let drain else {
            return hands.map(\.target).compactMap { target in target.address.map { End($0, port: target.port) } }
        }
        // `tcp 10.96.0.10:80`; a firewall mark is no address.
        let virtual = drain.virtualServer.split(separator: " ").last.map(String.init) ?? ""
        return [virtual, drain.realServer].compactMap { RealServer.Key($0).map { End($0) } }
    }

    var name: String { [service, realServer].compactMap(\.self).joined(separator: "/") }

    static var columns: [ListedColumn<DrainItem>] {
        [
            .text("SERVICE") { $0.service ?? "" }, .text("VIRTUAL SERVER") { $0.drain?.virtualServer ?? "" },
            .text("REAL SERVER") { $0.realServer ?? "" },
            ListedColumn(title: "ACTIVE", isNumber: true) { $0.drain?.active.map { "\($0)" } ?? "" },
            ListedColumn(title: "INACTIVE", isNumber: true) { $0.drain?.inactive.map { "\($0)" } ?? "" },
            ListedColumn(title: "PERSISTENT", isNumber: true, shown: .wide) { $0.drain?.persistent.map { "\($0)" } ?? "" },
            .text("WAITS FOR") { $0.drain?.waitsFor.joined(separator: ",") ?? "" },
            .text("DEADLINE") { $0.drain?.deadline.description ?? "" }, .text("REASON", .ifAny) { $0.drain?.reason ?? "" },
            .text("SINCE", .wide) { ($0.drain?.since ?? $0.hands.first?.since)?.description ?? "" },
            .text("BY HAND", .ifAny) { $0.hands.words },
        ]
    }

    private enum Field: String, CodingKey {
        case service, virtualServer, realServer, reason, since, deadline, waitsFor, active, inactive, persistent, byHand
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encodeIfPresent(service, forKey: .service)
        try container.encodeIfPresent(realServer, forKey: .realServer)
        if !hands.isEmpty { try container.encode(hands, forKey: .byHand) }
        guard let drain else { return }
        try container.encode(drain.virtualServer, forKey: .virtualServer)
        try container.encode(drain.reason, forKey: .reason)
        try container.encode(drain.since, forKey: .since)
        try container.encode(drain.deadline, forKey: .deadline)
        try container.encode(drain.waitsFor, forKey: .waitsFor)
        try container.encodeIfPresent(drain.active, forKey: .active)
        try container.encodeIfPresent(drain.inactive, forKey: .inactive)
        try container.encodeIfPresent(drain.persistent, forKey: .persistent)
    }
}
