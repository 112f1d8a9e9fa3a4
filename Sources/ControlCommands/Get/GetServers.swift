import ArgumentParser
import IPVS

/// `ipvsctl get servers`: one line for each real server.
struct GetServers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "servers", abstract: "List real servers.", aliases: ["server", "rs"])

    @OptionGroup var kernel: KernelOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let servers = try kernel.withKernel { handle throws(IPVSError) in
            var servers: [(VirtualServer.Key, ObservedRealServer)] = []
            for key in try handle.virtualServers().map(\.server.key).sorted() {
                servers += try handle.realServers(of: key).sorted { $0.server.key < $1.server.key }.map { (key, $0) }
            }
            return servers
        }
        switch output.output {
        case .json:
            try output.printJSON(
                RealServerListDocument(items: servers.map { .init(virtualServer: KeyDocument($0), realServer: RealServerDocument($1)) }))
        case .table, .wide:
            print(Self.table(servers, isWide: output.output == .wide).text)
        }
    }

    static func table(_ servers: [(VirtualServer.Key, ObservedRealServer)], isWide: Bool) -> TableOutput {
        var table = TableOutput([
            .init("VIRTUAL SERVER"), .init("REAL SERVER"), .init("FORWARDING"), .init("WEIGHT", isNumber: true),
            .init("ACTIVE", isNumber: true), .init("INACTIVE", isNumber: true), .init("CONNECTIONS", isNumber: true),
        ])
        if isWide {
            table.columns += ["PERSISTENT", "THRESHOLDS", "IN PACKETS", "OUT PACKETS", "IN BYTES", "OUT BYTES"].map {
                .init($0, isNumber: true)
            }
        }
        for (key, observed) in servers {
            let (server, statistics) = (observed.server, observed.statistics)
            var row = [
                key.description, server.key.description, server.configuration.forwarding.description, "\(server.configuration.weight)",
                "\(observed.connections.active)", "\(observed.connections.inactive)", "\(statistics.connections)",
            ]
            if isWide {
                row += [
                    "\(observed.connections.persistent)", "\(server.configuration.lowerThreshold)-\(server.configuration.upperThreshold)",
                ]
                row += [
                    statistics.incomingPackets, statistics.outgoingPackets, statistics.incomingBytes, statistics.outgoingBytes,
                ].map { "\($0)" }
            }
            table.rows.append(row)
        }
        return table
    }
}
