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
    @Flag(help: "Wait until no connections are left (drain, maintain), or until it takes new ones (ready).") var wait = false
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
            guard let server = RealServer.Key(parts[2])?.description ?? IPAddress(parts[2])?.description else {
                throw CommandFailure("\(parts[2]) is neither ADDRESS:PORT nor an address", status: ExitStatus.invalid)
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
        if wait { try await waitUntil(.empty, scope, key) }
    }

    /// What is waited for.
    enum Goal {
        /// No connections, and no new ones.
        case empty
        /// New connections.
        case serving

        /// What there is to say once it is reached; nil before. Where nobody knows whose real servers they are (`silence` says why), none found
        /// would look like none left.
        func words(_ servers: [ObservedRealServer], silence: String? = nil) -> String? {
            guard silence == nil else { return nil }
            let taking = servers.count { $0.server.configuration.weight > 0 }
            switch self {
            case .empty: return taking == 0 && Self.connections(servers) == 0 ? "no connections are left" : nil
            case .serving: return taking > 0 && taking == servers.count ? "it takes new connections" : nil
            }
        }

        /// What to say where the time is over.
        func lateness(_ servers: [ObservedRealServer], silence: String? = nil) -> String {
            if let silence { return "it is not known how it is: \(silence)" }
            let many = Self.count(UInt64(servers.count), "real server")
            switch self {
            case .empty:
                return "\(Self.count(Self.connections(servers), "connection")) left on \(many); it goes on draining"
            case .serving:
                return "it takes no new connections on all of \(many); it may be down (get health)"
            }
        }

        private static func count(_ number: UInt64, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }

        private static func connections(_ servers: [ObservedRealServer]) -> UInt64 {
            servers.reduce(0) { $0 + UInt64($1.connections.active) + UInt64($1.connections.inactive) }
        }
    }

    /// Looks at the kernel once a second until the real servers that are meant are as they are waited for.
    func waitUntil(_ goal: Goal, _ scope: AgentSocket.HandScope, _ key: String) async throws {
        let end = ContinuousClock.now + .seconds(timeout)
        while true {
            let knowledge = await agent.knowledge()
            let servers = try kernel.withKernel { (handle) throws(IPVSError) in try KernelTable.whole(&handle) }
            let meant = servers.flatMap { server, real in
                real.filter { Self.isMeant($0.server.key, of: knowledge[server.server.key]?.service, scope, key) }
            }
            let silence = scope == .address ? nil : knowledge.absence
            if let words = goal.words(meant, silence: silence) { return StandardOutput.write(words + "\n") }
            guard ContinuousClock.now < end else {
                throw CommandFailure("after \(Int(timeout)) s \(goal.lateness(meant, silence: silence))")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    static func isMeant(_ server: RealServer.Key, of service: String?, _ scope: AgentSocket.HandScope, _ key: String) -> Bool {
        switch scope {
        case .address: server.address.description == key
        case .service: service == key
        case .endpoint: service.map { "\($0)/\(server)" == key || "\($0)/\(server.address)" == key } ?? false
        }
    }
}

/// What drain and maintain are told beside the backend.
struct RestArguments: ParsableArguments {
    @OptionGroup var hand: HandArguments
    @Option(help: "Why, for whoever looks later.") var reason: String?
    @Option(help: ArgumentHelp("Seconds after which it ends by itself.", valueName: "seconds")) var expires: Double?

    func say(_ state: AgentSocket.Hand) async throws {
        try await hand.say(state, reason: reason, expires: expires.map { Moment.now.advanced(by: .seconds($0)) })
    }
}

/// `ipvsctl drain`: no new connections; those that are there go on.
struct DrainCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Give a backend no new connections (by the agent), until ready says otherwise.")

    @OptionGroup var arguments: RestArguments
    var kernel: KernelOptions { arguments.hand.kernel }

    func run() async throws { try await arguments.say(.drain) }
}

/// `ipvsctl maintain`: as drain, and health checks say nothing of it.
struct MaintainCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain", abstract: "Take a backend out for maintenance (by the agent), until ready says otherwise.")

    @OptionGroup var arguments: RestArguments
    var kernel: KernelOptions { arguments.hand.kernel }

    func run() async throws { try await arguments.say(.maintenance) }
}

/// `ipvsctl ready`: takes drain, maintenance and weight back.
struct ReadyCommand: AsyncParsableCommand, NamespaceCommand {
    static let configuration = CommandConfiguration(
        commandName: "ready", abstract: "Take back what drain, maintain or set weight said of a backend.")

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
        if arguments.wait { try await arguments.waitUntil(.serving, scope, key) }
    }
}
