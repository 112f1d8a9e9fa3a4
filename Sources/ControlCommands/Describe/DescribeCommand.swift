import ArgumentParser
import CommandSupport
import IPVS
import Links
import NodeModel
import Telemetry
import VirtualServerDocuments

/// `ipvsctl describe NOUN`.
struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Show everything about one thing.", subcommands: [DescribeService.self])
}

/// `ipvsctl describe service`: everything about one virtual server, or about all of one Service.
struct DescribeService: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "service", abstract: "Show everything about a Service's virtual servers.", aliases: ["svc", "services"])

    @Argument(help: ArgumentHelp("A Service's name, or ADDRESS:PORT.", valueName: "name")) var name: String
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("The link that holds virtual addresses.", valueName: "link")) var link = NodeLinks.defaultName
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            let knowledge = await agent.knowledge()
            let (hands, silence) = await knowledge.absence == nil ? handBook() : (HandBook(), nil)
            let view = try NodeView.read(dummy: link)
            let standing = try kernel.withKernel { (handle) throws(IPVSError) in try handle.virtualServers() }
            let all = Set(standing.map(\.server.key)).union(knowledge.entries.filter { $0.value.state == .missing }.keys)
            let keys = try ServiceNames(all.sorted(), knowledge).keys(of: name).sorted()
            let descriptions = try kernel.withKernel { (handle) throws(IPVSError) in
                var descriptions: [ServiceDescription] = []
                for key in keys {
                    let observed = standing.first { $0.server.key == key }
                    let real = observed == nil ? [] : try handle.realServers(of: key).sorted { $0.server.key < $1.server.key }
                    descriptions.append(ServiceDescription(key, observed, real, view, knowledge, hands))
                }
                return descriptions
            }
            return DescriptionPage(descriptions: descriptions, notes: knowledge.notes + (silence.map { [$0] } ?? []))
        }
    }

    /// What is said by hand; nothing, with the reason, where that cannot be asked.
    private func handBook() async -> (HandBook, String?) {
        do throws(AgentSocketProblem) {
            return (try await agent.agent.handBook(), nil)
        } catch {
            return (HandBook(), "what is said by hand is missing: " + error.text(agent.socket))
        }
    }
}

/// Everything about one virtual server.
struct ServiceDescription {
    var key: VirtualServer.Key
    /// Nil where it is wanted and does not stand.
    var observed: ObservedVirtualServer?
    var realServers: [ObservedRealServer]
    var entry: AgentKnowledge.Entry?
    /// What is known of wanted real servers, by address and port.
    var wanted: [RealServer.Key: RealServerReport] = [:]
    /// Which link holds the address.
    var holder: String?
    var entries: [(SetKey, SetEntry)]
    var setProblem: String?
    /// What the Service is labelled with.
    var labels: [String: String]?
    /// What is said by hand of it and of its real servers, the narrowest first.
    var hands: [HandReport] = []
    /// The same for each real server that stands or is wanted.
    private var handsOfServer: [RealServer.Key: [HandReport]] = [:]

    init(
        _ key: VirtualServer.Key, _ observed: ObservedVirtualServer?, _ realServers: [ObservedRealServer], _ view: NodeView,
        _ knowledge: AgentKnowledge, _ book: HandBook = HandBook()
    ) {
        self.key = key
        self.observed = observed
        self.realServers = realServers
        entry = knowledge[key]
        for report in entry?.report.realServers ?? [] {
            if let address = IPAddress(report.address) { wanted[RealServer.Key(address, port: report.port)] = report }
        }
        if let address = key.address {
            let held = view.links.addresses.filter { $0.address == address }
            holder = held.compactMap { view.links.link($0.linkIndex)?.name }.first
        }
        entries = view.entries(of: key)
        setProblem = view.setProblem
        guard let entry else { return }
        labels = knowledge.labels(of: entry.service)
        for server in Set(realServers.map(\.server.key)).union(wanted.keys) {
            let said = book.concerning(entry.service, server)
            if !said.isEmpty { handsOfServer[server] = said }
        }
        let all = Set(handsOfServer.values.joined()).union(book.naming(entry.service))
        hands = book.reports.filter(all.contains)
    }
}

/// The page that describes them.
struct DescriptionPage: Report {
    var descriptions: [ServiceDescription]
    var notes: [String]

    func text(_ options: OutputOptions, style: Style) throws -> String {
        switch options.output {
        case .json: try DocumentText.json(document)
        case .yaml: try DocumentText.yaml(document)
        case .name: descriptions.map(\.key.objectName).joined(separator: "\n")
        case .table, .wide: descriptions.map { $0.text(style) }.joined(separator: "\n\n") + notes.map { "\n# " + $0.printable }.joined()
        }
    }

    private struct Document: Encodable {
        let apiVersion = DocumentText.apiVersion
        let kind = "ServiceDescriptionList"
        var items: [ServiceDescription]
        var notes: [String]?
    }

    private var document: Document { Document(items: descriptions, notes: notes.isEmpty ? nil : notes) }
}

extension ServiceDescription: Encodable {
    private enum Field: String, CodingKey {
        case key, service, labels, state, byHand, scheduler, schedulerFlags, persistence, persistenceEngine, onePacket, addressHeldBy, sets,
            realServers
        case statistics
    }

    private struct Entry: Encodable {
        var set: String
        var entry: String
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encode(KeyDocument(key), forKey: .key)
        try container.encodeIfPresent(entry?.service, forKey: .service)
        try container.encodeIfPresent(labels, forKey: .labels)
        try container.encodeIfPresent(entry?.state.rawValue, forKey: .state)
        if !hands.isEmpty { try container.encode(hands, forKey: .byHand) }
        try container.encodeIfPresent(holder, forKey: .addressHeldBy)
        try container.encode(entries.map { Entry(set: $0.0.name, entry: $0.1.description) }, forKey: .sets)
        guard let observed else { return }
        let configuration = observed.server.configuration
        try container.encode(configuration.scheduler.rawValue, forKey: .scheduler)
        try container.encode(configuration.schedulerFlags.names, forKey: .schedulerFlags)
        try container.encodeIfPresent(configuration.persistence.map(VirtualServerSpec.Persistence.init), forKey: .persistence)
        try container.encodeIfPresent(configuration.persistenceEngine, forKey: .persistenceEngine)
        try container.encode(configuration.onePacket, forKey: .onePacket)
        try container.encode(realServers.map(RealServerDocument.init), forKey: .realServers)
        try container.encode(StatisticsDocument(observed.statistics), forKey: .statistics)
    }

    /// The page as a person reads it.
    func text(_ style: Style) -> String {
        var lines: [(String, String)] = [("Virtual server", key.description)]
        if let entry { lines.append(("Service", entry.service)) }
        if let labels, !labels.isEmpty {
            lines.append(("Labels", labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",").printable))
        }
        if let entry { lines.append(("State", entry.state.rawValue)) }
        // Of the Service as a whole, and of endpoints that have gone since; what is said of others stands in their lines.
        let shown = Set(handsOfServer.values.joined().filter { $0.scope != "service" })
        for (index, hand) in hands.filter({ !shown.contains($0) }).enumerated() {
            let about = hand.scope == "service" ? "" : "\(hand.key.split(separator: "/").last ?? ""): "
            lines.append((index == 0 ? "By hand" : "", style.paint((about + hand.words).printable, .doubtful)))
        }
        guard let observed else {
            lines.append(("Kernel", style.paint("it is wanted and does not stand", .bad)))
            return Self.aligned(lines)
        }
        let (configuration, counted) = (observed.server.configuration, observed.statistics)
        lines.append(("Scheduling", configuration.description))
        if key.address != nil {
            lines.append(("Address", holder.map { "held by \($0)" } ?? style.paint("held by no link of this node", .bad)))
        }
        if let setProblem {
            lines.append(("Sets", "cannot be read: \(setProblem)"))
        } else if entries.isEmpty {
            lines.append(("Sets", "in none"))
        }
        for (index, entry) in entries.enumerated() { lines.append((index == 0 ? "Sets" : "", "\(entry.0) \(entry.1)")) }
        lines.append(("Connections", "\(counted.connections) since the counters began"))
        lines.append(
            (
                "In",
                "\(counted.incomingPackets) packets, \(Amount.bytes(counted.incomingBytes)); \(counted.incomingPacketRate) packets/s, \(Amount.bytes(counted.incomingByteRate))/s"
            ))
        lines.append(
            (
                "Out",
                "\(counted.outgoingPackets) packets, \(Amount.bytes(counted.outgoingBytes)); \(counted.outgoingPacketRate) packets/s, \(Amount.bytes(counted.outgoingByteRate))/s"
            ))
        return Self.aligned(lines) + "\n\n" + serverTable(style)
    }

    private func serverTable(_ style: Style) -> String {
        guard !realServers.isEmpty else { return style.paint("No real servers: connections are refused.", .bad) }
        var table = TableOutput([
            .init("REAL SERVER"), .init("FORWARDING"), .init("WEIGHT", isNumber: true), .init("ACTIVE", isNumber: true),
            .init("INACTIVE", isNumber: true), .init("CONNECTIONS", isNumber: true), .init("CONNECTIONS/S", isNumber: true),
        ])
        let isKnown = !wanted.isEmpty
        if isKnown { table.columns.append(.init("STATE")) }
        // What is said of the Service stands above.
        let said = handsOfServer.mapValues { $0.filter { $0.scope != "service" } }.filter { !$0.value.isEmpty }
        if !said.isEmpty { table.columns.append(.init("BY HAND")) }
        for server in realServers {
            let (key, configuration) = (server.server.key, server.server.configuration)
            var row: [TableOutput.Cell] = [
                .init(key.description), .init(configuration.forwarding.description),
                .init("\(configuration.weight)", tone: configuration.weight == 0 ? .doubtful : .plain),
                .init("\(server.connections.active)"),
                .init("\(server.connections.inactive)"), .init("\(server.statistics.connections)"),
                .init("\(server.statistics.connectionRate)"),
            ]
            if isKnown {
                row.append(.init(wanted[key]?.state.rawValue ?? "not wanted", tone: wanted[key]?.state == .inForce ? .good : .doubtful))
            }
            if !said.isEmpty { row.append(.init(said[key]?.words ?? "-")) }
            table.rows.append(row)
        }
        let standing = Set(realServers.map(\.server.key))
        for (key, report) in wanted.sorted(by: { $0.key < $1.key }) where !standing.contains(key) {
            let row: [TableOutput.Cell] = [
                "\(key)", "\(report.forwarding)", "\(report.weight)", "-", "-", "-", "-", .init("missing", tone: .bad),
            ]
            table.rows.append(row + (said.isEmpty ? [] : [.init(said[key]?.words ?? "-")]))
        }
        return table.text(style)
    }

    private static func aligned(_ lines: [(String, String)]) -> String {
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { name, value in
            let label = name.isEmpty ? "" : name + ":"
            return label + String(repeating: " ", count: width + 3 - label.count) + value
        }.joined(separator: "\n")
    }
}
