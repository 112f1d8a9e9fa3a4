import ArgumentParser
import IPVS

/// `ipvsctl get services`: one line for each virtual server.
struct GetServices: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services", abstract: "List virtual servers.", aliases: ["service", "svc"])

    @OptionGroup var kernel: KernelOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let servers = try kernel.withKernel { handle throws(IPVSError) in
            var servers: [(ObservedVirtualServer, [ObservedRealServer])] = []
            for server in try handle.virtualServers().sorted(by: { $0.server.key < $1.server.key }) {
                servers.append((server, try handle.realServers(of: server.server.key).sorted { $0.server.key < $1.server.key }))
            }
            return servers
        }
        switch output.output {
        case .json:
            try output.printJSON(VirtualServerListDocument(items: servers.map { VirtualServerDocument($0, realServers: $1) }))
        case .table, .wide:
            print(Self.table(servers, isWide: output.output == .wide).text)
        }
    }

    static func table(_ servers: [(ObservedVirtualServer, [ObservedRealServer])], isWide: Bool) -> TableOutput {
        var table = TableOutput([
            .init("VIRTUAL SERVER"), .init("SCHEDULER"), .init("PERSISTENCE"), .init("SERVERS", isNumber: true),
            .init("ACTIVE", isNumber: true), .init("INACTIVE", isNumber: true), .init("CONNECTIONS", isNumber: true),
        ])
        if isWide {
            table.columns += ["IN PACKETS", "OUT PACKETS", "IN BYTES", "OUT BYTES"].map { .init($0, isNumber: true) }
        }
        for (server, realServers) in servers {
            let (configuration, statistics) = (server.server.configuration, server.statistics)
            // Weight 0 takes no new connection, so it is shown apart: 2/3 is two of three.
            let inUse = realServers.count { $0.server.configuration.weight > 0 }
            var scheduler = configuration.scheduler.rawValue
            if !configuration.schedulerFlags.isEmpty { scheduler += " (\(configuration.schedulerFlags))" }
            if configuration.onePacket { scheduler += " one-packet" }
            var row = [
                server.server.key.description, scheduler,
                configuration.persistence.map { "\($0.timeout)s\($0.granularity)" } ?? "-",
                inUse == realServers.count ? "\(inUse)" : "\(inUse)/\(realServers.count)",
                "\(realServers.reduce(0) { $0 + UInt64($1.connections.active) })",
                "\(realServers.reduce(0) { $0 + UInt64($1.connections.inactive) })", "\(statistics.connections)",
            ]
            if isWide {
                row += [
                    statistics.incomingPackets, statistics.outgoingPackets, statistics.incomingBytes, statistics.outgoingBytes,
                ].map { "\($0)" }
            }
            table.rows.append(row)
        }
        return table
    }
}
