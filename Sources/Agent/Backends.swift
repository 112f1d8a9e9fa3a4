import Addresses
import HealthModel
import IPVSModel
import NodeModel
import ServiceCompiler
import ServiceModel
import Telemetry

/// What is held of the backends of Services: which policy is whose, what is probed, what people say, and what weights follow from that.
///
/// A verdict touches the Services whose backend it is about, and no others.
struct Backends {
    private(set) var policies: PolicyBook
    private(set) var hands = HandStates()
    /// When what is said by hand was last taken in, on both clocks: weights go on with the time of the wall, and are kept over restarts.
    private var handTime: (instant: ContinuousClock.Instant, moment: Moment)?
    /// Weights by hand that are on their way.
    private var onTheWay: Set<HandScope> = []
    private(set) var probed: ProbedBackends
    /// Services with a policy, or of which something is said by hand.
    private(set) var services: [ObjectName: Judged] = [:]
    /// Services whose policy asks to be judged by their connections.
    private(set) var watching: Set<ObjectName> = []
    /// Real servers that do not answer their clients, and are left out for a while.
    private var ejected: [ObjectName: Set<RealServer.Key>] = [:]
    /// When a Service's weights take their next step, where a server of it is coming back.
    private var steps: [ObjectName: ContinuousClock.Instant] = [:]

    /// A Service as it was last judged.
    struct Judged {
        var policy: String?
        var probes: [RealServer.Key: Probe] = [:]
        /// Probes that are made directly beside those that go through the kernel's balancing.
        var compared: Set<Probe> = []
        var servers: [VirtualServer.Key: Weighing.Outcome] = [:]
        /// Real servers that stood without traffic when the agent came, and stay so until their first verdict.
        var held: Set<RealServer.Key> = []
        /// When they stop doing so without one.
        var heldUntil: ContinuousClock.Instant?
        /// Addresses at which nothing is fit to serve, even where all are used because none is.
        var outOfService: Set<IPAddress> = []
        var drain: DrainRule?
        var hasSorryServer = false
    }

    /// How many things are waited for; a bound on what one Service's ramp costs.
    private static let rampSteps = 20

    /// The standard policy is that of Services that no other chooses.
    init(standardPolicy: String?, paths: ProbePaths) {
        policies = PolicyBook(standard: standardPolicy)
        probed = ProbedBackends(paths: paths)
    }

    /// What whoever probes has yet to be told.
    mutating func takeProbeChanges() -> (begin: [Probe], end: [Probe])? { probed.takeChanges() }

    // MARK: What is told

    /// Puts these policies in the place of all, and says whose they were or are.
    mutating func take(_ new: [HealthPolicy], catalog: ServiceCatalog) -> Set<ObjectName> {
        let changed = policies.replace(new)
        guard !changed.isEmpty else { return [] }
        // Each Service may be chosen by labels, so each is asked: this is a change of the node's own documents, not of a Service.
        var touched: Set<ObjectName> = []
        for (name, service) in catalog.services {
            let old = services[name]?.policy
            let now = policies.policy(of: service, named: service.annotations["health-policy"])?.name
            if old != now || now.map(changed.contains) == true || service.annotations["health-policy"].map(changed.contains) == true {
                touched.insert(name)
            }
        }
        return touched
    }

    /// Puts these states in the place of all, and says which Services they concern.
    mutating func take(
        _ new: HandStates, catalog: ServiceCatalog, at now: ContinuousClock.Instant, _ moment: Moment
    ) -> Set<ObjectName> {
        let scopes = new.scopes(differingFrom: hands)
        hands = new
        handTime = (now, moment)
        onTheWay = Set(new.entries.filter { $0.value.weight?.isReached(after: elapsed(of: $0.value, at: now)) == false }.keys)
        var touched: Set<ObjectName> = []
        var addresses: Set<IPAddress> = []
        for scope in scopes {
            switch scope {
            case .service(let name), .endpoint(let name, _, _): touched.insert(name)
            case .address(let address): addresses.insert(address)
            }
        }
        guard !addresses.isEmpty else { return touched }
        // Nothing says whose an address is but the Services themselves; to keep that for all addresses would cost more than to look once
        // when somebody says something of one.
        for name in catalog.services.keys where !touched.contains(name) {
            if catalog.slices(of: name).contains(where: { $0.endpoints.contains { addresses.contains($0.address) } })
                || catalog.services[name]?.virtualServer?.realServers.keys.contains(where: { addresses.contains($0.address) }) == true
            {
                touched.insert(name)
            }
        }
        return touched
    }

    /// How long ago something was said.
    private func elapsed(of entry: HandEntry, at now: ContinuousClock.Instant) -> Duration {
        guard let handTime else { return .zero }
        return entry.since.duration(to: handTime.moment) + (now - handTime.instant)
    }

    /// The weights by hand that have been reached since this was last asked.
    mutating func takeReached(at now: ContinuousClock.Instant) -> [HandScope: Int32] {
        var reached: [HandScope: Int32] = [:]
        for scope in onTheWay {
            guard let entry = hands[scope], let weight = entry.weight else {
                onTheWay.remove(scope)
                continue
            }
            guard weight.isReached(after: elapsed(of: entry, at: now)) else { continue }
            onTheWay.remove(scope)
            reached[scope] = weight.weight
        }
        return reached
    }

    mutating func take(_ news: ProbeNews) -> ProbedBackends.Change {
        let change = probed.take(news)
        if case .judged(_, let users) = change {
            for name in users {
                guard let judged = services[name], !judged.held.isEmpty else { continue }
                services[name]?.held = judged.held.filter { judged.probes[$0] != news.probe }
            }
        }
        return change
    }

    /// Hands over what the ways of probes through the kernel's balancing come to, where that has changed.
    mutating func takePathChanges() -> [(owner: String, share: NodeShare?)] { probed.takePathChanges() }

    mutating func compare(after probe: Probe, at now: ContinuousClock.Instant) -> PathDoubts.Change? {
        probed.compare(after: probe, at: now)
    }

    mutating func takeDueDoubts(at now: ContinuousClock.Instant) -> [Probe] { probed.takeDueDoubts(at: now) }

    /// How a Service is judged by its connections; nil where it is not.
    func passive(of name: ObjectName) -> HealthPolicy.PassiveDetection? { services[name]?.policy.flatMap { policies[$0]?.passive } }

    /// Takes in which real servers are left out now.
    mutating func take(ejected new: [ObjectName: Set<RealServer.Key>]) { ejected = new }

    /// The Services whose next step is due.
    mutating func takeDueSteps(at now: ContinuousClock.Instant) -> [ObjectName] {
        let due = steps.filter { $0.value <= now }.map(\.key)
        for name in due { steps[name] = nil }
        return due
    }

    var nextStep: ContinuousClock.Instant? { [steps.values.min(), probed.nextDoubt].compactMap(\.self).min() }

    /// Leaves without traffic what stands without it although it is wanted and has a check: it was down, or was being drained, and what it is
    /// now nobody has seen yet. Returns the Services concerned.
    mutating func hold(
        _ share: (ObjectName) -> NodeShare?, standing: (VirtualServer.Key) -> VirtualServerState?, at now: ContinuousClock.Instant
    ) -> Set<ObjectName> {
        var touched: Set<ObjectName> = []
        for (name, judged) in services where !judged.probes.isEmpty {
            guard let share = share(name) else { continue }
            for (key, server) in share.virtualServers {
                guard let standing = standing(key), !standing.realServers.isEmpty else { continue }
                for (realServer, configuration) in server.realServers where configuration.weight > 0 {
                    guard let probe = judged.probes[realServer], probed[probe]?.isJudged == false else { continue }
                    let weight = standing.realServers[realServer]?.weight ?? 0
                    guard weight == 0, services[name]?.held.insert(realServer).inserted == true else { continue }
                    let until = services[name]?.heldUntil ?? now
                    services[name]?.heldUntil = max(until, now + probe.longestJudgement * 2)
                    touched.insert(name)
                }
            }
        }
        return touched
    }

    // MARK: What follows

    mutating func forget(_ name: ObjectName, at now: ContinuousClock.Instant) {
        guard let judged = services.removeValue(forKey: name) else { return }
        for probe in Set(judged.probes.values) { probed.leave(probe, name) }
        for probe in judged.compared { probed.leave(probe, name, comparing: true) }
        steps[name] = nil
        watching.remove(name)
    }

    /// Gives a Service's share the weights that follow from what is held of its backends, and says how its virtual servers serve that do so
    /// otherwise than before. Real servers that are to rest are left out.
    mutating func judge(
        _ share: inout NodeShare, of service: Service, options: ServiceOptions?, at now: ContinuousClock.Instant
    ) -> [(key: VirtualServer.Key, mode: Weighing.Mode)] {
        let name = service.name
        let policy = policies.policy(of: service, named: options?.healthPolicy)
        let before = services[name]
        guard policy != nil || !hands.isEmpty || before != nil || options?.drainTimeout != nil else { return [] }
        var judged = Judged(policy: policy?.name)
        // Where no verdict comes, since this node cannot probe, a backend is as Kubernetes says after all.
        if let until = before?.heldUntil, until > now { (judged.held, judged.heldUntil) = (before?.held ?? [], until) }
        judged.drain = DrainRule(policy: policy?.drain, timeout: options?.drainTimeout)
        join(share, of: name, policy: policy, before: before, judged: &judged, at: now)
        let slowStart = options?.slowStart ?? policy?.slowStart ?? .zero
        /// How long what is on its way takes, where anything is: the shortest of it.
        var ramp: Duration?
        var isConcerned = policy != nil || judged.drain != nil
        var changed: [(VirtualServer.Key, Weighing.Mode)] = []
        var fit: Set<IPAddress> = []
        let grouped = service.virtualServer == nil ? Self.portsOfGroups(share) : [:]
        for (key, server) in share.virtualServers {
            let sorry = policy?.sorryServer.flatMap { $0.address.family == key.family ? $0 : nil }
            var backends: [RealServer.Key: Weighing.Backend] = [:]
            for (realServer, configuration) in server.realServers {
                func held(of realServer: RealServer.Key) -> Weighing.Backend {
                    var backend = Weighing.Backend(configured: configuration.weight, hand: hands.state(of: realServer, in: name))
                    if let entry = hands.weight(of: realServer, in: name), let weight = entry.weight {
                        let elapsed = elapsed(of: entry, at: now)
                        backend.byHand = weight.reached(after: elapsed, configured: configuration.weight)
                        backend.isOnTheWay = !weight.isReached(after: elapsed)
                        if backend.isOnTheWay { ramp = min(ramp ?? weight.over, weight.over) }
                    }
                    if backend.hand != nil || backend.byHand != nil { isConcerned = true }
                    if let check = policy?.check, check.judges(key.transport), let probe = judged.probes[realServer] {
                        let state = probed[probe]
                        backend.isDown = judged.held.contains(realServer) || state?.verdict.isDown == true
                        backend.ramp = Self.ramp(state, over: slowStart, at: now)
                        if backend.ramp < 100 { ramp = min(ramp ?? slowStart, slowStart) }
                    }
                    if policy?.passive != nil, ejected[name]?.contains(realServer) == true { backend.isDown = true }
                    return backend
                }
                var backend = held(of: realServer)
                let ports = realServer.port == 0 ? grouped[realServer.address] ?? [] : []
                for port in ports { backend.join(held(of: port)) }
                backends[realServer] = backend
                if backend.hand?.rests ?? backend.isDown {
                    judged.outOfService.insert(realServer.address)
                } else {
                    fit.insert(realServer.address)
                }
            }
            let weighing = Weighing(
                panicThreshold: policy?.panicThreshold ?? 0, quorum: policy?.quorum, hasSorryServer: sorry != nil)
            let mode = before?.servers[key]?.mode
            let outcome = weighing.weigh(backends, hadQuorum: mode != .belowQuorum)
            judged.servers[key] = outcome
            if outcome.mode != mode ?? .healthy { changed.append((key, outcome.mode)) }
            for (realServer, share_) in outcome.shares {
                switch share_ {
                case .weight(let weight): share.virtualServers[key]?.realServers[realServer]?.weight = weight
                case .rest: share.virtualServers[key]?.realServers[realServer] = nil
                }
            }
            if outcome.mode == .belowQuorum, let sorry {
                share.virtualServers[key]?.realServers[RealServer.Key(sorry.address, port: sorry.port)] = RealServer.Configuration()
            }
        }
        // Of several ports one may be fit.
        judged.outOfService.subtract(fit)
        let step = ramp.map { now + max(.seconds(1), $0 / Self.rampSteps) }
        steps[name] = [step, judged.held.isEmpty ? nil : judged.heldUntil].compactMap(\.self).min()
        services[name] = isConcerned ? judged : nil
        if policy?.passive != nil { watching.insert(name) } else { watching.remove(name) }
        return changed
    }

    /// Counts the Service in where its backends are to be probed, and out where they are not any more.
    private mutating func join(
        _ share: NodeShare, of name: ObjectName, policy: HealthPolicy?, before: Judged?, judged: inout Judged,
        at now: ContinuousClock.Instant
    ) {
        if let policy, let check = policy.check {
            for (key, server) in share.virtualServers where check.judges(key.transport) {
                for realServer in server.realServers.keys where judged.probes[realServer] == nil {
                    // A real server that takes every port has none of its own that could be asked.
                    if check.hasPort, check.port == nil, realServer.port == 0 { continue }
                    // What is being mended is not asked how it is.
                    if hands.state(of: realServer, in: name) == .maintenance { continue }
                    var probe = Probe(
                        address: realServer.address, port: check.hasPort ? check.port ?? realServer.port : 0, check: check,
                        timing: policy.timing, rise: policy.rise, fall: policy.fall)
                    // Where no mark is left it goes directly.
                    if check.path != .direct { probe.mark = probed.paths.mark(to: probe.target) }
                    if probe.mark == nil { probe = probe.direct }
                    judged.probes[realServer] = probe
                    probed.join(
                        probe, name, inheriting: before?.probes[realServer].flatMap { probed[$0]?.verdict }, at: now)
                    guard probe.check.path == .forwardedAndDirect else { continue }
                    judged.compared.insert(probe.direct)
                    probed.join(probe.direct, name, comparing: true, inheriting: nil, at: now)
                }
            }
        }
        judged.held = judged.held.filter { judged.probes[$0] != nil }
        guard let before else { return }
        for probe in Set(before.probes.values).subtracting(judged.probes.values) { probed.leave(probe, name) }
        for probe in before.compared.subtracting(judged.compared) { probed.leave(probe, name, comparing: true) }
    }

    /// The real servers, by address, that one of a group stands for: at each of its ports. None where the Service has no group.
    private static func portsOfGroups(_ share: NodeShare) -> [IPAddress: Set<RealServer.Key>] {
        guard share.virtualServers.values.contains(where: { $0.realServers.keys.contains { $0.port == 0 } }) else { return [:] }
        var ports: [IPAddress: Set<RealServer.Key>] = [:]
        for server in share.virtualServers.values {
            for realServer in server.realServers.keys where realServer.port != 0 {
                ports[realServer.address, default: []].insert(realServer)
            }
        }
        return ports
    }

    /// How far a server has come back, in percent.
    private static func ramp(_ probed: ProbedBackends.Probed?, over slowStart: Duration, at now: ContinuousClock.Instant) -> Int {
        guard slowStart > .zero, let recovered = probed?.recovered else { return 100 }
        let elapsed = now - recovered
        return elapsed >= slowStart ? 100 : max(1, Int(elapsed / slowStart * 100))
    }
}

extension VirtualServer.Key {
    /// Nil for a firewall mark, which is of all of them.
    var transport: TransportProtocol? {
        if case .address(_, _, let transport) = self { transport } else { nil }
    }
}
