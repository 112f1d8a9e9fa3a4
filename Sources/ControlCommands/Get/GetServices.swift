import ArgumentParser
import CommandSupport
import IPVS
import Telemetry
import VirtualServerDocuments

/// `ipvsctl get services`: one line for each virtual server.
struct GetServices: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "services", abstract: "List virtual servers.",
        discussion: """
            SERVERS counts real servers; 2/3 says that two of three take new connections (weight above 0). Names and states come from a \
            running agent; a virtual server that it does not know of is unmanaged.
            """,
        aliases: ["service", "svc"])

    @Argument(help: ArgumentHelp("Only these: a Service's name, or ADDRESS:PORT.", valueName: "name")) var names: [String] = []
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Filters") var filter: FilterOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            let knowledge = await agent.knowledge()
            try filter.services.check(knowledge)
            let needsAll = output.output == .json || output.output == .yaml
            var items = try kernel.withKernel { (handle) throws(IPVSError) -> [ServiceItem] in
                if needsAll { return try KernelTable.whole(&handle).map { ServiceItem($0, realServers: $1, knowledge) } }
                return try KernelTable.summaries(&handle).map { ServiceItem($0, $1, knowledge) }
            }
            items += ServiceItem.missing(knowledge, standing: Set(items.map(\.key)))
            items = items.filter { filter.admits($0.key, knowledge) }
            if !names.isEmpty {
                let keys = Set(try names.flatMap { try ServiceNames(items.map(\.key), knowledge).keys(of: $0) })
                items = items.filter { keys.contains($0.key) }
            }
            return ItemList(items: items, notes: knowledge.notes)
        }
    }
}

/// A virtual server in a listing.
struct ServiceItem: ListedItem {
    static let kind = "VirtualServerListing"
    /// The state of a virtual server that the agent does not know of.
    static let unmanaged = "unmanaged"

    var key: VirtualServer.Key
    /// `default/web`; nil where nobody knows.
    var service: String?
    /// What the Service is labelled with; nil where nobody knows.
    var labels: [String: String]?
    /// Nil where no agent answered.
    var state: String?
    var configuration: VirtualServer.Configuration?
    var summary = KernelTable.Summary()
    var realServers: [RealServerDocument]?
    var statistics = TrafficStatistics()

    var name: String { key.objectName }

    static var columns: [ListedColumn<ServiceItem>] {
        [
            .text("VIRTUAL SERVER") { $0.key.description },
            .text("SERVICE", .ifAny) { $0.service ?? "" },
            .text("STATE", .ifAny) { $0.state ?? "" }.toned { tone(of: $0.state) },
            .text("SCHEDULER") { item in
                guard let configuration = item.configuration else { return "" }
                var text = configuration.scheduler.rawValue
                if !configuration.schedulerFlags.isEmpty { text += " (\(configuration.schedulerFlags))" }
                if configuration.onePacket { text += " one-packet" }
                return text
            },
            .text("PERSISTENCE") { item in
                guard let persistence = item.configuration?.persistence else { return "" }
                let engine = item.configuration?.persistenceEngine.map { " by \($0)" } ?? ""
                return "\(persistence.timeout)s\(persistence.granularity)\(engine)"
            },
            ListedColumn(title: "SERVERS", isNumber: true) {
                $0.summary.inUse == $0.summary.servers ? "\($0.summary.servers)" : "\($0.summary.inUse)/\($0.summary.servers)"
            }.toned { $0.summary.inUse == 0 ? .bad : $0.summary.inUse < $0.summary.servers ? .doubtful : .plain },
            .number("ACTIVE") { $0.summary.active },
            .number("INACTIVE") { $0.summary.inactive },
            .number("CONNECTIONS") { $0.statistics.connections },
            .number("IN PACKETS", .wide) { $0.statistics.incomingPackets },
            .number("OUT PACKETS", .wide) { $0.statistics.outgoingPackets },
            .number("IN BYTES", .wide) { $0.statistics.incomingBytes },
            .number("OUT BYTES", .wide) { $0.statistics.outgoingBytes },
            .number("CONNECTIONS/S", .wide) { $0.statistics.connectionRate },
        ]
    }

    private static func tone(of state: String?) -> Tone {
        switch state {
        case "inForce": .good
        case "missing", "different": .bad
        case unmanaged: .faint
        default: .plain
        }
    }

    private init(_ observed: ObservedVirtualServer, _ knowledge: AgentKnowledge) {
        key = observed.server.key
        configuration = observed.server.configuration
        statistics = observed.statistics
        service = knowledge[key]?.service
        labels = service.flatMap { knowledge.labels(of: $0) }
        state = knowledge.absence == nil ? knowledge[key]?.state.rawValue ?? Self.unmanaged : nil
    }

    init(_ observed: ObservedVirtualServer, _ summary: KernelTable.Summary, _ knowledge: AgentKnowledge) {
        self.init(observed, knowledge)
        self.summary = summary
    }

    init(_ observed: ObservedVirtualServer, realServers: [ObservedRealServer], _ knowledge: AgentKnowledge) {
        self.init(observed, knowledge)
        for server in realServers {
            summary.add(
                weight: server.server.configuration.weight, active: server.connections.active, inactive: server.connections.inactive)
        }
        self.realServers = realServers.map(RealServerDocument.init)
    }

    /// What is wanted and does not stand.
    static func missing(_ knowledge: AgentKnowledge, standing: Set<VirtualServer.Key>) -> [ServiceItem] {
        knowledge.entries.filter { $0.value.state == .missing && !standing.contains($0.key) }.sorted { $0.key < $1.key }.map { key, entry in
            ServiceItem(key: key, service: entry.service, labels: knowledge.labels(of: entry.service), state: entry.state.rawValue)
        }
    }

    private init(key: VirtualServer.Key, service: String, labels: [String: String]?, state: String) {
        self.key = key
        self.service = service
        self.labels = labels
        self.state = state
    }
}

extension ServiceItem {
    private enum Field: String, CodingKey {
        case key, service, labels, state, scheduler, schedulerFlags, persistence, persistenceEngine, onePacket, servers, serversInUse,
            connections
        case realServers, statistics
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encode(KeyDocument(key), forKey: .key)
        try container.encodeIfPresent(service, forKey: .service)
        try container.encodeIfPresent(labels, forKey: .labels)
        try container.encodeIfPresent(state, forKey: .state)
        guard let configuration else { return }
        try container.encode(configuration.scheduler.rawValue, forKey: .scheduler)
        try container.encode(configuration.schedulerFlags.names, forKey: .schedulerFlags)
        try container.encodeIfPresent(configuration.persistence.map(VirtualServerSpec.Persistence.init), forKey: .persistence)
        try container.encodeIfPresent(configuration.persistenceEngine, forKey: .persistenceEngine)
        try container.encode(configuration.onePacket, forKey: .onePacket)
        try container.encode(summary.servers, forKey: .servers)
        try container.encode(summary.inUse, forKey: .serversInUse)
        try container.encode(ConnectionCountsDocument(active: summary.active, inactive: summary.inactive), forKey: .connections)
        try container.encodeIfPresent(realServers, forKey: .realServers)
        try container.encode(StatisticsDocument(statistics), forKey: .statistics)
    }
}
