import Addresses
import HealthModel
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
    private(set) var compiler: ServiceCompiler
    /// What is held of backends, and what follows from it for shares.
    private(set) var backends: Backends
    /// How connections of virtual servers are let go that nobody has asked for since this was last taken.
    private(set) var departed: [VirtualServer.Key: (owner: String, rule: DrainRule)] = [:]
    let now: () -> ContinuousClock.Instant
    private var marks: MarkBook
    /// What annotations asked for when they were last good; of Services that have any.
    private var lastOptions: [ObjectName: ServiceOptions] = [:]
    private let logger: Logger
    private let events: EventLog
    /// How many more events the update in hand may post one by one.
    private var eventsLeft = 0

    /// What has been reported, so that it is not reported again while it stays.
    private(set) var sourceProblems: Set<SourceProblem> = []
    private(set) var compileProblems: [ObjectName: [SourceProblem]] = [:]
    private var contested: [VirtualServer.Key: [String]] = [:]

    init(
        compiler: ServiceCompiler, logger: Logger, events: EventLog,
        now: @escaping () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.compiler = compiler
        backends = Backends(
            standardPolicy: compiler.settings.standardPolicy,
            paths: ProbePaths(compiler.settings.firewallMarks, masqueradeBit: compiler.settings.masqueradeBit))
        self.now = now
        self.logger = logger
        self.events = events
        marks = MarkBook(compiler.settings.firewallMarks, masqueradeBit: compiler.settings.masqueradeBit)
        wanted = WantedState(base: compiler.base())
    }

    /// Takes in what has changed at a source, and says what of the wanted state that touched: simply everything, before a first look that will
    /// compare all of it.
    mutating func take(_ update: SourceUpdate, isLookAhead: Bool = false) -> Touched {
        eventsLeft = Self.mostEvents
        if let problems = update.problems { report(problems) }
        let changed = catalog.take(update)
        var touched = isLookAhead ? .everything : Touched()
        var services = changed.services
        if !changed.policies.isEmpty { services.formUnion(takePolicies()) }
        if changed.nodes.contains(compiler.node.name) {
            let before = compiler
            compiler.node.take(catalog.nodes[compiler.node.name])
            if compiler != before {
                services.formUnion(catalog.services.keys)
                wanted.base = compiler.base()
                touched.base = .rules
            }
        }
        compile(services, touching: &touched)
        return touched
    }

    /// Takes in which addresses the node's links hold, ours left out, and says what of the wanted state that touched.
    ///
    /// Only Services that depend on them are compiled anew: those with node ports, or with source ranges that may let this node in.
    mutating func take(nodeAddresses: Set<IPAddress>) -> Touched {
        guard nodeAddresses != compiler.node.addresses else { return Touched() }
        compiler.node.addresses = nodeAddresses
        var touched = Touched()
        compile(dependants, touching: &touched)
        return touched
    }

    /// Has Services keep the packet marks that stand for them in the kernel, where they were given others: two names that lead to one mark may
    /// have come in the other order the last time.
    mutating func take(standing sets: [SetKey: ObservedSet]) -> Touched {
        var touched = Touched()
        var standing: [SetMember: UInt32] = [:]
        for family in AddressFamily.allCases {
            for set in ServiceSet.allCases where set.keepsMarks {
                let key = SetKey(set, family)
                for entry in sets[key]?.entries ?? [] { standing[SetMember(key, entry.withoutMark)] = entry.mark }
            }
        }
        guard !standing.isEmpty else { return touched }
        var moves: [UInt32: UInt32] = [:]
        for member in wanted.members where member.set.set.keepsMarks {
            guard let mark = member.entry.mark, let other = standing[SetMember(member.set, member.entry.withoutMark)], other != mark else {
                continue
            }
            // Of several that stand for one port, the least.
            moves[mark] = min(other, moves[mark] ?? other)
        }
        compile(marks.move(moves), touching: &touched)
        return touched
    }

    /// Compiles these anew.
    mutating func compile(_ names: Set<ObjectName>) -> Touched {
        var touched = Touched()
        compile(names, touching: &touched)
        return touched
    }

    /// Begins to count events anew.
    mutating func beginEvents() { eventsLeft = Self.mostEvents }

    mutating func changeBackends<Result>(_ change: (inout Backends) -> Result) -> Result { change(&backends) }

    /// Hands over what whoever probes has yet to be told.
    mutating func takeProbeChanges() -> (begin: [Probe], end: [Probe])? { backends.takeProbeChanges() }

    /// Has real servers of a virtual server rest, and no others of it.
    mutating func rest(_ realServers: [RealServer.Key: RealServer.Configuration], of key: VirtualServer.Key) -> Touched {
        wanted.rest(realServers, of: key)
    }

    /// Has what is left of a virtual server that nobody asks for stand, or go.
    mutating func leave(_ share: NodeShare?, of key: VirtualServer.Key) -> Touched {
        wanted.replace(share, of: NodeShare.Precedence.leaving(key).owner)
    }

    mutating func forgetDeparted() { departed = [:] }

    /// Compiles these anew, all as of one time: to ask the kernel for it is a system call where the C library cannot answer.
    private mutating func compile(_ names: some Sequence<ObjectName>, touching touched: inout Touched) {
        let time = now()
        for name in names { compile(name, at: time, touching: &touched) }
        reportContested(touched.isEverything ? allContested : touched.virtualServers)
    }

    private mutating func compile(_ name: ObjectName, at time: ContinuousClock.Instant, touching touched: inout Touched) {
        compilations += 1
        let service = catalog.services[name]
        let slices = service == nil ? [] : catalog.slices(of: name)
        if service?.dependsOnNodeAddresses == true { dependants.insert(name) } else { dependants.remove(name) }
        let previous = lastOptions[name]
        let marks = marks.assign(service.map { compiler.marks(neededBy: $0, previous: previous) } ?? [], to: name)
        let result = service.map { compiler.compile($0, slices: slices, marks: marks, previous: previous) }
        lastOptions[name] = service?.annotations.isEmpty == false ? result?.options : nil
        var share = result?.share
        let before = (wanted.share(of: name.description), rule(of: name))
        if let service, var weighed = share {
            tell(backends.judge(&weighed, of: service, options: result?.options, at: time), of: name)
            share = weighed
        } else {
            backends.forget(name, at: time)
        }
        let out = backends.services[name]?.outOfService ?? []
        locals.note(service, named: name, service.flatMap { compiler.localEndpoints($0, slices: slices, outOfService: out) })
        let problems = (result?.problems ?? []) + unknownPolicy(of: name, result?.options)
        if problems != compileProblems[name, default: []] {
            for problem in problems {
                logger.warning("\(problem)")
                post(.sourceProblem, about: problem.place, problem.message)
            }
            if problems.isEmpty { post(.sourceMended, about: name.words, "\(name.words) can be taken as it stands") }
        }
        compileProblems[name] = problems.isEmpty ? nil : problems
        wanted.replace(share, of: name.description, touching: &touched)
        followPaths(touching: &touched)
        for key in before.0?.virtualServers.keys.map(\.self) ?? [] where wanted.claimants(of: key).isEmpty {
            departed[key] = (name.description, before.1)
        }
    }

    /// Has the ways of probes through the kernel's balancing stand, and go at once: no client's connection is on them.
    private mutating func followPaths(touching touched: inout Touched) {
        for (owner, share) in backends.takePathChanges() {
            let gone = share == nil ? wanted.share(of: owner) : nil
            wanted.replace(share, of: owner, touching: &touched)
            for key in gone?.virtualServers.keys.map(\.self) ?? [] { departed[key] = (owner, DrainRule(timeout: .zero)) }
        }
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

    mutating func post(_ kind: AgentEvent.Kind, about: String, _ message: String) {
        eventsLeft -= 1
        if eventsLeft >= 0 {
            events.post(kind, about: about, message)
        } else if eventsLeft == -1 {
            events.post(kind, about: "source", "there is more of this kind, which the log names")
        }
    }

    /// The virtual servers that several want, or wanted when that was last reported.
    private var allContested: Set<VirtualServer.Key> {
        Set(wanted.virtualServerKeys.filter(wanted.isContested)).union(contested.keys)
    }

    /// Names the Services that want what another has.
    private mutating func reportContested(_ keys: Set<VirtualServer.Key>) {
        // Few are: only they are brought into order.
        for key in keys.filter({ contested[$0] != nil || wanted.isContested($0) }).sorted() {
            let claimants = wanted.claimants(of: key)
            defer { contested[key] = claimants.count > 1 ? claimants : nil }
            guard claimants.count > 1, contested[key] != claimants, let winner = claimants.first else { continue }
            func words(_ owner: String) -> String { ObjectName(owner)?.words ?? owner }
            for loser in claimants.dropFirst() {
                let message = "\(key) belongs to \(words(winner)), which is older; it passes over when that goes"
                logger.warning("\(words(loser)): \(message)")
                post(.conflict, about: words(loser), message)
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
