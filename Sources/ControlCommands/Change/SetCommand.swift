import ArgumentParser
import CommandSupport
import IPVS
import NodeModel
import VirtualServerDocuments

/// `ipvsctl set NOUN`.
struct SetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change one thing.", subcommands: [SetWeight.self, SetTimeouts.self])
}

/// `ipvsctl set weight`: the share of new connections that a real server gets.
struct SetWeight: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "weight", abstract: "Set the weight of a real server.",
        discussion: "0 takes no new connections and keeps those it has. All else of the real server stays as it is.")

    @Argument(help: ArgumentHelp("A Service's name, or ADDRESS:PORT.", valueName: "virtual-server")) var service: String
    @Argument(help: ArgumentHelp("ADDRESS:PORT, or an address alone.", valueName: "real-server")) var server: String
    @Argument(help: ArgumentHelp("0 to 2147483647.", valueName: "weight")) var weight: Int32
    @OptionGroup(title: "Change") var change: ChangeOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    func validate() throws {
        guard weight >= 0 else { throw ValidationError("a weight is 0 to 2147483647") }
        guard RealServer.Key(server) != nil || IPAddress(server) != nil else {
            throw ValidationError("\(server) is neither an address nor ADDRESS:PORT")
        }
    }

    func run() async throws {
        let knowledge = await agent.knowledge()
        try change.carryOut(kernel) { table, owners in
            let keys = try ServiceNames(Array(table.servers.keys), knowledge).keys(of: service)
            return try Self.change(table, keys, server, weight) { key in
                guard change.force || owners.isOurs(key) else {
                    throw CommandFailure("\(key) is not ours: \(owners.owner(of: key)); --force changes it all the same")
                }
            }
        }
    }

    static func change(
        _ table: VirtualServerList, _ keys: [VirtualServer.Key], _ server: String, _ weight: Int32,
        check: (VirtualServer.Key) throws -> Void = { _ in }
    ) throws -> TableChange {
        var wanted = VirtualServerList()
        var found = false
        for key in keys {
            guard var state = table.servers[key] else { continue }
            for real in state.realServers.keys where RealServer.Key(server) == real || IPAddress(server) == real.address {
                try check(key)
                state.realServers[real]?.weight = weight
                found = true
            }
            wanted.servers[key] = state
        }
        guard found else {
            let there = keys.flatMap { table.servers[$0]?.realServers.keys.sorted().map(\.description) ?? [] }
            throw CommandFailure("\(server) is no real server there; there are \(there.prefix(20).joined(separator: ", "))")
        }
        return TableChange(from: table.servers, to: wanted)
    }
}

/// `ipvsctl set timeouts`: how long idle connections are kept.
struct SetTimeouts: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeouts", abstract: "Set how long idle connections are kept.", discussion: "What is left out stays as it is.",
        aliases: ["timeout"])

    @Option(help: ArgumentHelp("Of an established TCP session.", valueName: "seconds")) var tcp: UInt32?
    @Option(help: ArgumentHelp("Of a TCP session after a FIN.", valueName: "seconds")) var tcpfin: UInt32?
    @Option(help: ArgumentHelp("Of a UDP flow.", valueName: "seconds")) var udp: UInt32?
    @OptionGroup(title: "Change") var change: ChangeOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func validate() throws {
        let all = [tcp, tcpfin, udp].compactMap(\.self)
        guard !all.isEmpty else { throw ValidationError("say --tcp, --tcpfin or --udp") }
        // The kernel keeps the time in ticks (`ip_vs_set_timeout` in net/netfilter/ipvs/ip_vs_ctl.c refuses more).
        guard all.allSatisfy({ (1...2_147_483).contains($0) }) else { throw ValidationError("a timeout is 1 to 2147483 seconds") }
    }

    func run() async throws {
        let lock = try change.lock()
        defer { extendLifetime(lock) }
        try kernel.withKernel { (handle) throws(IPVSError) in
            try handle.setTimeouts(ConnectionTimeouts(tcp: tcp ?? 0, tcpFin: tcpfin ?? 0, udp: udp ?? 0))
        }
    }
}
