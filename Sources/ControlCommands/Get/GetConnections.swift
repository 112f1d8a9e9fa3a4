import ArgumentParser
import CommandSupport
import IPVS
import VirtualServerDocuments

/// `ipvsctl get connections`: the kernel's connection table, as it is read.
struct GetConnections: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections", abstract: "List connections and persistence templates.",
        discussion: """
            They are printed while they are read, so that a table of any size takes little memory. The kernel lets go of its table between two \
            pages: of connections that come and go meanwhile some may be missed or seen twice.
            """,
        aliases: ["connection", "conn", "conns"])

    @Argument(help: ArgumentHelp("Only those of these: a Service's name, or ADDRESS:PORT.", valueName: "name")) var names: [String] = []
    @Option(name: [.short, .long], help: "How to print: table, wide, json, yaml or name.") var output = OutputFormat.table
    @OptionGroup(title: "Filters") var filter: ConnectionFilter
    @Option(help: ArgumentHelp("Print so many at most.", valueName: "number")) var limit: Int?
    @Flag(help: "Print how many they are, and nothing else.") var count = false
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func run() async throws {
        let knowledge = output == .table && names.isEmpty ? AgentKnowledge() : await agent.knowledge()
        var keys: Set<VirtualServer.Key>?
        if !names.isEmpty {
            let all = try kernel.withKernel { (handle) throws(IPVSError) in try handle.virtualServers().map(\.server.key) }
            keys = Set(try names.flatMap { try ServiceNames(all, knowledge).keys(of: $0) })
        }
        var writer = ConnectionWriter(output) { connection in connection.virtualServer.flatMap { knowledge[$0]?.service } }
        var buffer = writer.head
        var found = 0
        do {
            var reader = try IPVSConnectionReader()
            while limit.map({ found < $0 }) ?? true, let connection = try reader.next() {
                guard filter.admits(connection) else { continue }
                if let keys, connection.virtualServer.map(keys.contains) != true { continue }
                found += 1
                if count { continue }
                buffer += try writer.take(connection)
                if buffer.utf8.count > 1 << 15 {
                    StandardOutput.write(buffer)
                    buffer = ""
                }
            }
        } catch let error as IPVSError {
            throw CommandFailure(error)
        }
        StandardOutput.write(count ? "\(found)\n" : buffer + writer.finish())
    }
}

/// Which connections are meant.
struct ConnectionFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only those of this client: an address, a range, or ADDRESS:PORT.", valueName: "client")) var client: String?
    @Option(help: ArgumentHelp("Only those to this virtual address, range or ADDRESS:PORT.", valueName: "address")) var virtual: String?
    @Option(help: ArgumentHelp("Only those at this real server: an address, a range, or ADDRESS:PORT.", valueName: "server")) var server:
        String?
    @Option(help: ArgumentHelp("Only those in this state, such as established, time_wait, udp or template.", valueName: "state")) var state:
        String?
    @Option(name: .customLong("protocol"), help: ArgumentHelp("Only tcp, udp or sctp.", valueName: "protocol")) var transport: String?

    func validate() throws {
        for (name, text) in [("client", client), ("virtual", virtual), ("server", server)] {
            guard let text else { continue }
            guard RealServer.Key(text) != nil || IPPrefix(text) != nil || IPAddress(text) != nil else {
                throw ValidationError("--\(name) \(text) is no address, range or ADDRESS:PORT")
            }
        }
        if let transport, TransportProtocol(name: transport) == nil {
            throw ValidationError("--protocol \(transport) is none of tcp, udp, sctp")
        }
    }

    func admits(_ connection: IPVSConnection) -> Bool {
        if let client, !Self.holds(client, connection.client.address, connection.client.port) { return false }
        if let virtual, !Self.holds(virtual, connection.virtual.address, connection.virtual.port) { return false }
        if let server, !Self.holds(server, connection.realServer.address, connection.realServer.port) { return false }
        if let transport, connection.transport.transportProtocol != TransportProtocol(name: transport) { return false }
        guard let state else { return true }
        if state.lowercased() == "template" { return connection.isTemplate }
        return connection.state.description.lowercased() == state.lowercased() && !connection.isTemplate
    }

    private static func holds(_ text: String, _ address: IPAddress, _ port: UInt16) -> Bool {
        if let socket = RealServer.Key(text) { return socket.address == address && socket.port == port }
        return FilterOptions.holds(text, address)
    }
}

extension IPVSConnection {
    /// The virtual server that it came to, as far as its line tells it.
    var virtualServer: VirtualServer.Key? {
        if let firewallMark { return .firewallMark(firewallMark, client.address.family) }
        return transport.transportProtocol.map { .address(virtual.address, port: virtual.port, $0) }
    }
}
