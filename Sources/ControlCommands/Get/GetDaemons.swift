import ArgumentParser
import IPVS

/// `ipvsctl get daemons`: the kernel's connection synchronisation.
struct GetDaemons: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemons", abstract: "List the kernel's connection synchronisation daemons.", aliases: ["daemon", "sync"])

    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func run() async throws {
        try await output.show {
            let daemons = try kernel.withKernel { (handle) throws(IPVSError) in try handle.synchronizationDaemons() }
            return ItemList(items: daemons.map(DaemonItem.init))
        }
    }
}

/// A synchronisation daemon in a listing.
struct DaemonItem: ListedItem {
    static let kind = "SynchronizationDaemonListing"

    var daemon: SynchronizationDaemon

    init(_ daemon: SynchronizationDaemon) { self.daemon = daemon }

    var name: String { daemon.role.description }

    static var columns: [ListedColumn<DaemonItem>] {
        [
            .text("ROLE") { $0.name }, .text("INTERFACE") { $0.daemon.interface }, .number("ID") { $0.daemon.synchronizationID },
            .text("GROUP") { "\(IPVSConnection.SocketAddress($0.daemon.group, port: $0.daemon.port))" },
            .number("TTL") { $0.daemon.timeToLive },
            .number("LENGTH") { $0.daemon.maximumLength ?? 0 },
        ]
    }

    private enum Field: String, CodingKey { case role, interface, id, group, port, timeToLive, maximumLength }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Field.self)
        try container.encode(daemon.role.description, forKey: .role)
        try container.encode(daemon.interface, forKey: .interface)
        try container.encode(daemon.synchronizationID, forKey: .id)
        try container.encode(daemon.group.description, forKey: .group)
        try container.encode(daemon.port, forKey: .port)
        try container.encode(daemon.timeToLive, forKey: .timeToLive)
        try container.encodeIfPresent(daemon.maximumLength, forKey: .maximumLength)
    }
}
