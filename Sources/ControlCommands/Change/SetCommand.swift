import ArgumentParser
import CommandSupport
import IPVS
import NodeModel
import Planner
import Telemetry
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
        discussion: """
            0 takes no new connections and keeps those it has. All else of the real server stays as it is. Where a running agent balances it for a \
            Service, the weight is said by hand and kept over restarts, until ready takes it back; with --over it is reached step by step.
            """)

    @Argument(help: ArgumentHelp("A Service's name, or ADDRESS:PORT.", valueName: "virtual-server")) var service: String
    @Argument(help: ArgumentHelp("ADDRESS:PORT, or an address alone.", valueName: "real-server")) var server: String
    @Argument(help: ArgumentHelp("0 to 2147483647.", valueName: "weight")) var weight: Int32
    @Option(help: ArgumentHelp("Reach it step by step within this time (by the agent): 90s, 10m, 2h.", valueName: "time"))
    var over: RampTime?
    @Option(help: "Why, for whoever looks later (where the agent is told).") var reason: String?
    @OptionGroup(title: "Change") var change: ChangeOptions
    @OptionGroup(title: "Where") var kernel: KernelOptions

    func validate() throws {
        guard weight >= 0 else { throw ValidationError("a weight is 0 to 2147483647") }
        guard RealServer.Key(server) != nil || IPAddress(server) != nil else {
            throw ValidationError("\(server) is neither an address nor ADDRESS:PORT")
        }
    }

    func run() async throws {
        let knowledge = await change.asked.knowledge()
        if over != nil, let absence = knowledge.absence {
            throw CommandFailure("a running agent leads a weight there step by step (--over), and \(absence); nothing was changed")
        }
        if !change.force || over != nil, let key = try endpoint(knowledge) {
            do throws(AgentSocketProblem) {
                try await change.agent.say(
                    .weight, scope: .endpoint, key: key, weight: weight, over: over?.seconds, reason: reason, owner: "ipvsctl")
            } catch {
                throw change.asked.failure(error)
            }
            let time = over.map { " within \($0.seconds) s" } ?? ""
            return StandardOutput.write("endpoint \(key): weight \(weight)\(time)\n")
        }
        guard over == nil else {
            throw CommandFailure("no Service of the agent asks for \(service), so it leads no weight there; nothing was changed")
        }
        try await change.carryOut(kernel) { table, owners in
            let keys = try ServiceNames(Array(table.servers.keys), knowledge).keys(of: service)
            return try Self.change(table, keys, server, weight) { key in
                guard change.force || owners.isOurs(key) else {
                    throw CommandFailure("\(key) is not ours: \(owners.owner(of: key)); --force changes it all the same")
                }
            }
        }
    }

    /// The endpoint that is meant, as the agent names it; nil where no Service of its asks for the virtual server.
    private func endpoint(_ knowledge: AgentKnowledge) throws -> String? {
        guard let keys = try? ServiceNames(Array(knowledge.entries.keys), knowledge).keys(of: service) else { return nil }
        let entries = keys.compactMap { knowledge[$0] }
        guard let name = entries.first?.service, entries.allSatisfy({ $0.service == name }) else { return nil }
        let there = entries.flatMap(\.report.realServers).compactMap { server in
            IPAddress(server.address).map { RealServer.Key($0, port: server.port) }
        }
        guard there.contains(where: { RealServer.Key(server) == $0 || IPAddress(server) == $0.address }) else {
            let names = Set(there).sorted().prefix(20).map(\.description).joined(separator: ", ")
            throw CommandFailure("\(server) serves \(name) not at present; \(names.isEmpty ? "nothing does" : "there are \(names)")")
        }
        return "\(name)/\(RealServer.Key(server)?.description ?? IPAddress(server)?.description ?? server)"
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
        return TableChange(from: table.servers, to: wanted.servers)
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
        var holder = ""
        guard let lock = try change.lock(orElse: &holder) else { return try await ask(holder) }
        try kernel.withKernel { (handle) throws(IPVSError) in
            try handle.setTimeouts(ConnectionTimeouts(tcp: tcp ?? 0, tcpFin: tcpfin ?? 0, udp: udp ?? 0))
        }
        _ = consume lock
    }

    private func ask(_ holder: String) async throws {
        let values = [("tcp", tcp), ("tcpfin", tcpfin), ("udp", udp)].compactMap { name, value in value.map { "\(name)=\($0)" } }
        let report: ChangeReport
        do throws(AgentSocketProblem) {
            report = try await change.agent.change(options: values + ["force=\(change.force)"], body: "")
        } catch {
            throw AskedChange.failure(error, change.agent, holder)
        }
        try AskedChange.show(report)
    }
}

/// A time as a person writes it: `90`, `90s`, `10m`, `2h`.
struct RampTime: ExpressibleByArgument, Equatable {
    var seconds: Int

    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number >= 0,
            number <= Int(HandRequest.longestRamp) / (unit ?? 1)
        else { return nil }
        seconds = number * (unit ?? 1)
    }
}
