import Addresses
import HealthModel
import IPVSModel
import NodeModel
import Planner
import ServiceCompiler
import ServiceModel
import Telemetry

/// What is held of backends, as it changes what is wanted.
extension Demand {
    /// Takes in what probes came to.
    mutating func take(_ news: [ProbeNews]) -> Touched {
        beginEvents()
        var services: Set<ObjectName> = []
        for piece in news {
            let change = changeBackends { $0.take(piece) }
            switch change {
            case .nothing: break
            case .judged(let before, let users):
                services.formUnion(users)
                tell(piece, before: before, users: users)
            case .hindrance(let hindrance):
                if let hindrance {
                    post(.probeHindered, about: "\(piece.probe.words)", "this node cannot probe: \(hindrance); what is held of it stays")
                } else {
                    post(.probeResumed, about: "\(piece.probe.words)", "this node can probe again")
                }
            }
            let time = now()
            if changeBackends({ $0.compare(after: piece.probe, at: time) }) == .agree {
                post(.pathsAgree, about: "backend \(piece.probe.direct.words)", "it answers alike directly and through forwarding")
            }
        }
        return compile(services)
    }

    /// Takes in the policies that are in force now, and says whose they were or are.
    mutating func takePolicies() -> Set<ObjectName> {
        let catalog = self.catalog
        return changeBackends { $0.take(Array(catalog.policies.values), catalog: catalog) }
    }

    /// Takes in what people say of backends now.
    mutating func take(hands: HandStates, at moment: Moment) -> Touched {
        beginEvents()
        let (catalog, time) = (self.catalog, now())
        return compile(changeBackends { $0.take(hands, catalog: catalog, at: time, moment) })
    }

    /// Has real servers that come back take their next step.
    mutating func takeSteps() -> Touched {
        beginEvents()
        let time = now()
        for (scope, weight) in changeBackends({ $0.takeReached(at: time) }) {
            post(.handReached, about: "\(scope.words.scope) \(scope.words.key)", "weight \(weight) is reached")
        }
        for probe in changeBackends({ $0.takeDueDoubts(at: time) }) {
            let (through, direct) = (backends.probed[probe]?.verdict, backends.probed[probe.direct]?.verdict)
            post(
                .pathsDisagree, about: "backend \(probe.direct.words)",
                "through forwarding it is \((through ?? .unknown).words), directly \((direct ?? .unknown).words)")
        }
        return compile(Set(changeBackends { $0.takeDueSteps(at: time) }))
    }

    /// Takes in which real servers do not answer their clients, where that has changed for these Services.
    mutating func take(ejected: [ObjectName: Set<RealServer.Key>], touching services: Set<ObjectName>) -> Touched {
        beginEvents()
        changeBackends { $0.take(ejected: ejected) }
        return compile(services)
    }

    /// Leaves without traffic what stands without it and has yet to be judged.
    mutating func hold(standing: NodeState) -> Touched {
        guard !backends.services.isEmpty else { return Touched() }
        beginEvents()
        let wanted = self.wanted
        let time = now()
        return compile(
            changeBackends {
                $0.hold({ wanted.share(of: $0.description) }, standing: { standing.virtualServers[$0] }, at: time)
            })
    }

    // MARK: How servers are let go

    /// How a Service's real servers are let go.
    func rule(of name: ObjectName) -> DrainRule {
        // Not by `??`, whose right side would be a closure with a copy of all this.
        if let rule = backends.services[name]?.drain { return rule }
        return DrainRule(timeout: compiler.settings.drainTimeout)
    }

    /// Whose a virtual server is, or was last, and how its real servers are let go.
    func drainRule(of key: VirtualServer.Key) -> (owner: String, rule: DrainRule) {
        if let owner = wanted.claimants(of: key).first {
            return (owner, ObjectName(owner).map(rule) ?? DrainRule(timeout: compiler.settings.drainTimeout))
        }
        return departed[key] ?? ("", DrainRule(timeout: compiler.settings.drainTimeout))
    }

    /// Why a real server that stands is not wanted.
    func reason(for realServer: RealServer.Key, of key: VirtualServer.Key) -> (cause: Weighing.Cause?, words: String) {
        guard let owner = wanted.claimants(of: key).first else { return (nil, "nobody asks for the virtual server any more") }
        guard let name = ObjectName(owner), let judged = backends.services[name] else { return (nil, "the endpoint has left") }
        guard case .rest(let cause)? = judged.servers[key]?.shares[realServer] else { return (nil, "the endpoint has left") }
        switch cause {
        case .hand(let state): return (cause, state == .maintenance ? "in maintenance by hand" : "drained by hand")
        case .belowQuorum: return (cause, "the quorum is not met")
        case .down:
            if let probe = judged.probes[realServer], case .down(let words)? = backends.probed[probe]?.verdict { return (cause, words) }
            return (cause, judged.held.contains(realServer) ? "not judged yet" : "it does not answer its clients")
        }
    }

    // MARK: Telling

    private mutating func tell(_ piece: ProbeNews, before: Verdict, users: Set<ObjectName>) {
        let whose = users.count == 1 ? users.first.map { "of \($0.words)" } ?? "" : "of \(users.count) Services"
        switch (before, piece.verdict) {
        case (.down, .down), (.up, .up): break
        case (_, .down(let words)): post(.backendDown, about: "backend \(piece.probe.words)", "down, \(whose): \(words)")
        case (_, .up): post(.backendUp, about: "backend \(piece.probe.words)", "up, \(whose)")
        case (_, .unknown): break
        }
    }

    mutating func tell(_ modes: [(key: VirtualServer.Key, mode: Weighing.Mode)], of name: ObjectName) {
        for (key, mode) in modes.sorted(by: { $0.key < $1.key }) {
            let about = "\(name.words), \(key)"
            switch mode {
            case .panic: post(.panic, about: about, "too few backends are healthy: all are used")
            case .belowQuorum: post(.quorumLost, about: about, "too few backends are healthy: they rest")
            case .healthy: post(.quorumMet, about: about, "enough backends are healthy")
            }
        }
    }

    /// A problem where an annotation names a policy that is not there.
    func unknownPolicy(of name: ObjectName, _ options: ServiceOptions?) -> [SourceProblem] {
        guard let named = options?.healthPolicy, backends.policies[named] == nil else { return [] }
        return [
            SourceProblem(
                place: "\(name.words), metadata.annotations[\(Service.annotationPrefix)health-policy]",
                message: "no HealthPolicy of this node has the name \"\(named.prefix(100))\"; it counts as if it named none", isError: false
            )
        ]
    }
}

extension Probe {
    /// `10.244.0.2:8080`, or the address alone where there is no port; and which way, where that is not the direct one.
    var words: String {
        let backend = port == 0 ? "\(address)" : "\(target)"
        return mark == nil ? backend : backend + " through forwarding"
    }
}

extension Verdict {
    fileprivate var words: String {
        switch self {
        case .unknown: "not judged"
        case .up: "up"
        case .down(let reason): "down (\(reason))"
        }
    }
}

extension ObjectName {
    /// Reads `default/web`.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(namespace: String(parts[0]), name: String(parts[1]))
    }
}
