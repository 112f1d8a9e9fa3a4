import Addresses
import IPVSModel
import Logging
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Telemetry

/// What is asked for, and what it comes to on this node: a source's updates in, the wanted state out.
///
/// An update recompiles the Services that it touches, and no others; only a change of this node's own facts touches all.
struct Demand {
    private(set) var wanted: WantedState
    /// Whether something at the source is wrong now, so that what it stands for is not known.
    private(set) var hasErrors = false
    /// How many Services have been compiled; so that tests can count what a change costs.
    private(set) var compilations = 0

    private(set) var catalog = ServiceCatalog()
    /// What this node has for Services with local policies.
    var locals = LocalServices()
    /// The Services that depend on the node's own addresses.
    private var dependants: Set<ObjectName> = []
    private var compiler: ServiceCompiler
    private let logger: Logger
    private let events: EventLog
    /// How many more events the update in hand may post one by one.
    private var eventsLeft = 0

    /// What has been reported, so that it is not reported again while it stays.
    private(set) var sourceProblems: Set<SourceProblem> = []
    private(set) var compileProblems: [ObjectName: [SourceProblem]] = [:]
    private var contested: [VirtualServer.Key: [String]] = [:]

    init(compiler: ServiceCompiler, logger: Logger, events: EventLog) {
        self.compiler = compiler
        self.logger = logger
        self.events = events
        wanted = WantedState(base: compiler.base())
    }

    /// Takes in what has changed at a source, and says what of the wanted state that touched.
    mutating func take(_ update: SourceUpdate) -> Touched {
        eventsLeft = Self.mostEvents
        if let problems = update.problems { report(problems) }
        let changed = catalog.take(update)
        var touched = Touched()
        var services = changed.services
        if changed.nodes.contains(compiler.node.name) {
            let before = compiler
            compiler.node.take(catalog.nodes[compiler.node.name])
            if compiler != before {
                services.formUnion(catalog.services.keys)
                wanted.base = compiler.base()
                touched.base = .rules
            }
        }
        for name in services { touched.formUnion(compile(name)) }
        reportContested(touched.virtualServers)
        return touched
    }

    /// Takes in which addresses the node's links hold, ours left out, and says what of the wanted state that touched.
    ///
    /// Only Services that depend on them are compiled anew: those with node ports, or with source ranges that may let this node in.
    mutating func take(nodeAddresses: Set<IPAddress>) -> Touched {
        guard nodeAddresses != compiler.node.addresses else { return Touched() }
        compiler.node.addresses = nodeAddresses
        var touched = Touched()
        for name in dependants { touched.formUnion(compile(name)) }
        reportContested(touched.virtualServers)
        return touched
    }

    private mutating func compile(_ name: ObjectName) -> Touched {
        compilations += 1
        if catalog.services[name]?.dependsOnNodeAddresses == true { dependants.insert(name) } else { dependants.remove(name) }
        let result = catalog.services[name].map { compiler.compile($0, slices: catalog.slices(of: name)) }
        locals.note(
            catalog.services[name], named: name,
            catalog.services[name].flatMap { compiler.localEndpoints($0, slices: catalog.slices(of: name)) })
        let problems = result?.problems ?? []
        if problems != compileProblems[name, default: []] {
            for problem in problems {
                logger.warning("\(problem)")
                post(.sourceProblem, about: problem.place, problem.message)
            }
            if problems.isEmpty { post(.sourceMended, about: "Service \(name)", "Service \(name) can be taken as it stands") }
        }
        compileProblems[name] = problems.isEmpty ? nil : problems
        return wanted.replace(result?.share, of: name.description)
    }

    private mutating func report(_ problems: [SourceProblem]) {
        hasErrors = problems.contains(where: \.isError)
        for problem in problems where !sourceProblems.contains(problem) {
            logger.log(level: problem.isError ? .error : .notice, "\(problem)")
            post(.sourceProblem, about: problem.place, problem.message)
        }
        let now = Set(problems)
        for problem in sourceProblems.subtracting(now).sorted(by: { $0.place < $1.place }) {
            post(.sourceMended, about: problem.place, "no longer so: \(problem.message)")
        }
        sourceProblems = now
    }

    /// How many events one update posts at most; the log has all.
    private static let mostEvents = 100

    private mutating func post(_ kind: AgentEvent.Kind, about: String, _ message: String) {
        eventsLeft -= 1
        if eventsLeft >= 0 {
            events.post(kind, about: about, message)
        } else if eventsLeft == -1 {
            events.post(kind, about: "source", "there is more of this kind, which the log names")
        }
    }

    /// Names the Services that want what another has.
    private mutating func reportContested(_ keys: Set<VirtualServer.Key>) {
        for key in keys.sorted() {
            let claimants = wanted.claimants(of: key)
            defer { contested[key] = claimants.count > 1 ? claimants : nil }
            guard claimants.count > 1, contested[key] != claimants, let winner = claimants.first else { continue }
            for loser in claimants.dropFirst() {
                let message = "\(key) belongs to Service \(winner), which is older; it passes over when that goes"
                logger.warning("Service \(loser): \(message)")
                post(.conflict, about: "Service \(loser)", message)
            }
        }
    }
}

extension Demand {
    /// The addresses at which node ports are served.
    var nodePortAddresses: [IPAddress] { compiler.node.families.flatMap(compiler.nodePortAddresses) }

    /// Why this node is to be given no new traffic; nil where it stays.
    var leaving: String? { catalog.nodes[compiler.node.name]?.leaving }

    /// How much is wanted.
    var size: AgentStatus.Wanted {
        AgentStatus.Wanted(
            services: catalog.services.count, virtualServers: wanted.virtualServerKeys.count, realServers: wanted.realServerCount,
            addresses: wanted.addresses.count, entries: wanted.members.count)
    }

    /// All that is wrong with what is asked for, errors first.
    var problems: [SourceProblem] {
        let all = Array(sourceProblems) + compileProblems.values.joined()
        return all.filter(\.isError) + all.filter { !$0.isError }
    }

    /// What is wanted, in a few words: `3 virtual servers with 9 real servers on 2 addresses`.
    var summary: String {
        func counted(_ count: Int, _ thing: String, _ things: String) -> String { "\(count) \(count == 1 ? thing : things)" }
        return counted(wanted.virtualServerKeys.count, "virtual server", "virtual servers") + " with "
            + counted(wanted.realServerCount, "real server", "real servers") + " on "
            + counted(wanted.addresses.count, "address", "addresses")
    }
}
