import ArgumentParser
import CommandSupport
import IPVS
import VirtualServerDocuments

/// `ipvsctl trace`: the life of a client's packet on this node.
struct TraceCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Tell the life of a client's packet on this node, hop by hop.",
        discussion: """
            As the kernel's present state would treat it: nothing is sent. What that state does not tell is called not knowable. Exits with 1 where \
            the packet does not get through.
            """)

    @Argument(help: ArgumentHelp("The client: an address, or ADDRESS:PORT.", valueName: "client")) var client: String
    @Argument(help: ArgumentHelp("What it calls: ADDRESS:PORT (TCP), ADDRESS:PORT/udp.", valueName: "virtual-server")) var virtual: String
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("The link that holds virtual addresses.", valueName: "link")) var link = NodeLinks.defaultName
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func validate() throws {
        guard let (address, _) = clientSocket else { throw ValidationError("\(client) is neither an address nor ADDRESS:PORT") }
        guard let key = VirtualServer.Key(asked: virtual) else { throw ValidationError("\(virtual) is not ADDRESS:PORT") }
        guard address.family == key.family else { throw ValidationError("\(client) and \(virtual) are of different families") }
    }

    private var clientSocket: (IPAddress, UInt16)? {
        if let address = IPAddress(client) { return (address, 0) }
        return RealServer.Key(client).map { ($0.address, $0.port) }
    }

    func run() async throws {
        guard let (address, port) = clientSocket, let key = VirtualServer.Key(asked: virtual) else { return }
        var isEnded = false
        try await output.show {
            let facts = await NodeFactsRead.read(kernel, dummy: link, connections: false)
            let servers = try kernel.withKernel { (handle) throws(IPVSError) in try handle.realServers(of: key) }
            let persistence = facts.servers?.first { $0.0.server.key == key }?.0.server.configuration.persistence
            let templates = persistence == nil ? [] : try Self.templates(of: address, persistence, key)
            let hops = Trace(client: address, clientPort: port, key: key, facts: facts, servers: servers, templates: templates).hops
            isEnded = hops.last?.fate == .ends
            return ItemList(items: hops)
        }
        if isEnded { throw CommandFailure("") }
    }

    /// The templates that a persistent client has.
    private static func templates(
        of client: IPAddress, _ persistence: VirtualServer.Persistence?, _ key: VirtualServer.Key
    ) throws -> [IPVSConnection] {
        let length = persistence?.granularity.prefixLength ?? client.family.bitWidth
        let masked = IPPrefix(client, length: length)?.address ?? client
        do throws(IPVSError) {
            var reader = try IPVSConnectionReader()
            var found: [IPVSConnection] = []
            while let connection = try reader.next() {
                if connection.isTemplate, connection.client.address == masked, connection.virtual.address == key.address, found.count < 100
                {
                    found.append(connection)
                }
            }
            return found
        } catch {
            throw CommandFailure(error)
        }
    }
}
