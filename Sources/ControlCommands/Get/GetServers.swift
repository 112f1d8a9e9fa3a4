import ArgumentParser
import IPVS
import VirtualServerDocuments

/// `ipvsctl get servers`: one line for each real server.
struct GetServers: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "servers", abstract: "List real servers.", aliases: ["server", "rs", "endpoints", "ep"])

    @Argument(help: ArgumentHelp("Only those of these: a Service's name, or ADDRESS:PORT.", valueName: "name")) var names: [String] = []
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Filters") var filter: FilterOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        try await output.show {
            let knowledge = await agent.knowledge()
            try filter.services.check(knowledge)
            var servers = try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) }
            if !names.isEmpty {
                let keys = Set(try names.flatMap { try ServiceNames(servers.map(\.0.server.key), knowledge).keys(of: $0) })
                servers = servers.filter { keys.contains($0.0.server.key) }
            }
            let items = servers.flatMap { server, real in
                real.map { ServerItem(key: server.server.key, service: knowledge[server.server.key]?.service, observed: $0) }
            }
            return ItemList(
                items: items.filter { filter.admits($0.key, knowledge, realServer: $0.observed.server.key) }, notes: knowledge.notes
            )
        }
    }
}

/// A real server in a listing, with the virtual server it belongs to.
struct ServerItem: ListedItem {
    static let kind = "RealServerListing"

    var key: VirtualServer.Key
    var service: String?
    var observed: ObservedRealServer

    var name: String { "\(key.objectName)/\(observed.server.key)" }

    static var columns: [ListedColumn<ServerItem>] {
        [
            .text("VIRTUAL SERVER") { $0.key.description },
            .text("SERVICE", .ifAny) { $0.service ?? "" },
            .text("REAL SERVER") { $0.observed.server.key.description },
            .text("FORWARDING") { $0.observed.server.configuration.forwarding.description },
            .number("WEIGHT") { $0.observed.server.configuration.weight }
                .toned { $0.observed.server.configuration.weight == 0 ? .doubtful : .plain },
            .number("ACTIVE") { $0.observed.connections.active },
            .number("INACTIVE") { $0.observed.connections.inactive },
            .number("CONNECTIONS") { $0.observed.statistics.connections },
            .number("PERSISTENT", .wide) { $0.observed.connections.persistent },
            ListedColumn(title: "THRESHOLDS", isNumber: true, shown: .wide) {
                "\($0.observed.server.configuration.lowerThreshold)-\($0.observed.server.configuration.upperThreshold)"
            },
            .number("IN PACKETS", .wide) { $0.observed.statistics.incomingPackets },
            .number("OUT PACKETS", .wide) { $0.observed.statistics.outgoingPackets },
            .number("IN BYTES", .wide) { $0.observed.statistics.incomingBytes },
            .number("OUT BYTES", .wide) { $0.observed.statistics.outgoingBytes },
        ]
    }

    private enum Field: String, CodingKey { case virtualServer, service, realServer }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encode(KeyDocument(key), forKey: .virtualServer)
        try container.encodeIfPresent(service, forKey: .service)
        try container.encode(RealServerDocument(observed), forKey: .realServer)
    }
}
