import ArgumentParser
import CommandSupport
import IPVS
import VirtualServerDocuments

/// `ipvsctl trace`: the life of a client's packet on this node.
struct TraceCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Tell the life of a client's packet on this node, hop by hop.",
        discussion: """
            As the kernel's present state would treat it: nothing is sent, but with --live. What that state does not tell is called not knowable. \
            Exits with 1 where the packet does not get through, or where what really happened is other than what was foretold.
            """)

    @Argument(help: ArgumentHelp("The client: an address, or ADDRESS:PORT.", valueName: "client")) var client: String
    @Argument(help: ArgumentHelp("What it calls: ADDRESS:PORT (TCP), ADDRESS:PORT/udp.", valueName: "virtual-server")) var virtual: String
    @Flag(help: "Make one real connection (UDP: send one datagram), and tell where it went otherwise than foretold.") var live = false
    @Option(help: ArgumentHelp("The client's network namespace by name or path, with --live.", valueName: "name|path")) var from: String?
    @Option(help: ArgumentHelp("How long --live waits for an answer.", valueName: "seconds")) var timeout = 3.0
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("The link that holds virtual addresses.", valueName: "link")) var link = NodeLinks.defaultName
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func validate() throws {
        guard let (address, _) = clientSocket else { throw ValidationError("\(client) is neither an address nor ADDRESS:PORT") }
        guard let key = VirtualServer.Key(asked: virtual) else { throw ValidationError("\(virtual) is not ADDRESS:PORT") }
        guard address.family == key.family else { throw ValidationError("\(client) and \(virtual) are of different families") }
        guard live || from == nil else { throw ValidationError("--from is of --live") }
        guard timeout >= 0.1, timeout <= 60 else { throw ValidationError("--timeout is 0.1 to 60 seconds") }
        guard !live || !output.watch else { throw ValidationError("--live makes one connection: it does not go with --watch") }
    }

    private var clientSocket: (IPAddress, UInt16)? {
        if let address = IPAddress(client) { return (address, 0) }
        return RealServer.Key(client).map { ($0.address, $0.port) }
    }

    func run() async throws {
        guard let (address, port) = clientSocket,
            case .address(let destination, let destinationPort, let transport)? = VirtualServer.Key(asked: virtual)
        else { return }
        var isWrong = false
        try await output.show {
            let facts = await NodeFactsRead.read(kernel, dummy: link, connections: false, realServers: false)
            func foretell(_ port: UInt16) throws -> Trace {
                let packet = TracedPacket(
                    transport: transport, source: address, sourcePort: port, destination: destination, destinationPort: destinationPort,
                    isFromHere: false)
                let approach = Approach(packet, facts)
                guard let virtual = approach.virtual else { return Trace(approach, servers: [], templates: [], facts) }
                let servers = try kernel.withKernel { (handle) throws(IPVSError) in try handle.realServers(of: virtual.key) }
                return Trace(approach, servers: servers, templates: try Self.templates(of: address, virtual), facts)
            }
            guard live else {
                let trace = try foretell(port)
                isWrong = trace.hops.last?.fate == .ends
                return ItemList(items: trace.hops)
            }
            let caller = try LiveClient(transport, address, port: port, namespace: from.map { NetworkNamespace($0) })
            let foretold = try foretell(caller.port)
            let seen = try caller.call(destination, destinationPort, within: .seconds(timeout))
            let comparison = LiveComparison(foretold, seen, client: address)
            isWrong = comparison.differs || foretold.hops.last?.fate == .ends
            return ItemList(items: comparison.hops, notes: seen.flowProblem.map { ["connection tracking: \($0)"] } ?? [])
        }
        if isWrong { throw CommandFailure("") }
    }

    /// The templates that a persistent client has.
    private static func templates(of client: IPAddress, _ virtual: VirtualServer) throws -> [IPVSConnection] {
        guard virtual.configuration.persistence != nil else { return [] }
        do throws(IPVSError) {
            var reader = try IPVSConnectionReader()
            var found: [IPVSConnection] = []
            while let connection = try reader.next() {
                if found.count < 100, Trace.isTemplate(connection, of: client, at: virtual) { found.append(connection) }
            }
            return found
        } catch {
            throw CommandFailure(error)
        }
    }
}
