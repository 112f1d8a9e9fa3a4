import ArgumentParser
import CommandSupport
import IPVS
import Telemetry
import VirtualServerDocuments

/// What is said by hand, and of what.
struct HandArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A Service (default/web), an address (10.244.0.2), or an endpoint (default/web/10.244.0.2:8080).", valueName: "backend"))
    var backend: String
    @Flag(help: "Wait until no connections are left (drain, maintain).") var wait = false
    @Option(help: ArgumentHelp("Seconds to wait at most; then the exit status is 1.", valueName: "seconds")) var timeout = 300.0
    @OptionGroup(title: "Where") var kernel: KernelOptions
    @OptionGroup(title: "Agent") var agent: AgentOptions

    /// What the text names: by its form, since a Service has one slash and an endpoint two.
    func target() throws -> (AgentSocket.HandScope, String) {
        if let address = IPAddress(backend) { return (.address, address.description) }
        let parts = backend.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: return (.service, "default/" + backend)
        case 2: return (.service, backend)
        default:
            guard let server = RealServer.Key(parts[2]) else {
                throw CommandFailure("\(parts[2]) is not ADDRESS:PORT", status: ExitStatus.invalid)
            }
            return (.endpoint, "\(parts[0])/\(parts[1])/\(server)")
        }
    }

    func say(_ hand: AgentSocket.Hand, reason: String?, expires: Moment?) async throws {
        let (scope, key) = try target()
        do throws(AgentSocketProblem) {
            try await agent.agent.say(hand, scope: scope, key: key, reason: reason, owner: "ipvsctl", expires: expires)
        } catch {
            throw agent.failure(error)
        }
        StandardOutput.write("\(scope.rawValue) \(key): \(hand.rawValue)\n")
        if wait { try await waitUntilEmpty(scope, key) }
    }

    /// Looks at the kernel once a second until the real servers that are meant have no connections left, or are gone.
    private func waitUntilEmpty(_ scope: AgentSocket.HandScope, _ key: String) async throws {
        let end = ContinuousClock.now + .seconds(timeout)
        while true {
            let knowledge = await agent.knowledge()
            let servers = try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) }
            let meant = servers.flatMap { server, real in
                real.filter { Self.isMeant($0.server.key, of: knowledge[server.server.key]?.service, scope, key) }
            }
            let left = meant.reduce(0) { $0 + UInt64($1.connections.active) + UInt64($1.connections.inactive) }
            let taking = meant.count { $0.server.configuration.weight > 0 }
            if left == 0, taking == 0 { return StandardOutput.write("no connections are left\n") }
            guard ContinuousClock.now < end else {
                throw CommandFailure(
                    "after \(Int(timeout)) s \(left) connections are left on \(meant.count) real servers; it goes on draining")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    static func isMeant(_ server: RealServer.Key, of service: String?, _ scope: AgentSocket.HandScope, _ key: String) -> Bool {
        switch scope {
        case .address: server.address.description == key
        case .service: service == key
        case .endpoint: service.map { "\($0)/\(server)" == key } ?? false
        }
    }
}

/// `ipvsctl drain`: no new connections; those that are there go on.
struct DrainCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Give a backend no new connections (by the agent), until ready says otherwise.")

    @OptionGroup var arguments: HandArguments
    @Option(help: "Why, for whoever looks later.") var reason: String?
    @Option(help: ArgumentHelp("Seconds after which it ends by itself.", valueName: "seconds")) var expires: Double?
    var kernel: KernelOptions { arguments.kernel }

    func run() async throws {
        try await arguments.say(.drain, reason: reason, expires: expires.map { Moment.now.advanced(by: .seconds($0)) })
    }
}

/// `ipvsctl maintain`: as drain, and health checks say nothing of it.
struct MaintainCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain", abstract: "Take a backend out for maintenance (by the agent), until ready says otherwise.")

    @OptionGroup var arguments: HandArguments
    @Option(help: "Why, for whoever looks later.") var reason: String?
    @Option(help: ArgumentHelp("Seconds after which it ends by itself.", valueName: "seconds")) var expires: Double?
    var kernel: KernelOptions { arguments.kernel }

    func run() async throws {
        try await arguments.say(.maintenance, reason: reason, expires: expires.map { Moment.now.advanced(by: .seconds($0)) })
    }
}

/// `ipvsctl ready`: takes drain and maintenance back.
struct ReadyCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "ready", abstract: "Take back what drain or maintain said of a backend.")

    @OptionGroup var arguments: HandArguments
    var kernel: KernelOptions { arguments.kernel }

    func run() async throws {
        let (scope, key) = try arguments.target()
        let wasSaid: Bool
        do throws(AgentSocketProblem) {
            wasSaid = try await arguments.agent.agent.unsay(scope, key)
        } catch {
            throw arguments.agent.failure(error)
        }
        guard wasSaid else { throw CommandFailure("nothing was said of \(scope.rawValue) \(key)") }
        StandardOutput.write("\(scope.rawValue) \(key): ready\n")
    }
}
