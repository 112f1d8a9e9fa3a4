import IPVSModel
import NodeKernel
import NodeModel

/// The parts of the kernel that could not be seen when they were last looked for, and why.
struct HiddenParts {
    struct Hidden {
        var failure: KernelFailure
        var since: ContinuousClock.Instant
    }

    /// What is new: parts that are hidden now, or for another reason, and parts that are seen again.
    struct News {
        var hidden: [(part: ObservationScope, failure: KernelFailure)] = []
        var seen: [ObservationScope] = []
    }

    private(set) var parts: [ObservationScope: Hidden] = [:]

    /// All of them.
    var scope: ObservationScope { parts.keys.reduce(into: []) { $0.formUnion($1) } }

    /// Takes in how a look at some parts went.
    mutating func take(_ observation: Observation, of scope: ObservationScope, at now: ContinuousClock.Instant) -> News {
        var news = take(seen: observation.seen)
        // Failures come in the order in which the parts are looked at.
        let missing = ObservationScope.parts.filter { scope.subtracting(observation.seen).contains($0) }
        for (index, part) in missing.enumerated() {
            guard let failure = index < observation.failures.count ? observation.failures[index] : observation.failures.last else { break }
            news.hidden += take(part, hidden: failure, at: now).hidden
        }
        return news
    }

    mutating func take(_ scope: ObservationScope, hidden failure: KernelFailure, at now: ContinuousClock.Instant) -> News {
        var news = News()
        for part in ObservationScope.parts where scope.contains(part) {
            if parts[part]?.failure != failure { news.hidden.append((part, failure)) }
            parts[part] = Hidden(failure: failure, since: parts[part]?.since ?? now)
        }
        return news
    }

    mutating func take(seen scope: ObservationScope) -> News {
        guard !parts.isEmpty else { return News() }
        var news = News()
        for part in ObservationScope.parts where scope.contains(part) && parts.removeValue(forKey: part) != nil {
            news.seen.append(part)
        }
        return news
    }
}

extension ObservationScope {
    /// The parts' names.
    var words: String {
        let names: [(part: ObservationScope, name: String)] = [
            (.virtualServers, "virtual servers"), (.sysctls, "sysctls"), (.link, "link"), (.sets, "sets"), (.rules, "rules"),
        ]
        return names.filter { contains($0.part) }.map(\.name).joined(separator: ", ")
    }
}

extension Sighting {
    /// The part of the kernel that was sighted.
    var scope: ObservationScope {
        switch self {
        case .virtualServers, .realServers, .timeouts: .virtualServers
        case .sysctls: .sysctls
        case .link, .addresses, .otherAddresses: .link
        case .set, .members: .sets
        case .passed(let scope), .hidden(let scope, _): scope
        }
    }
}

extension Observation {
    /// The same as a sweep would have come by it, for parts that were seen.
    func sightings(of scope: ObservationScope) -> [Sighting] {
        let scope = scope.intersection(seen)
        var sightings: [Sighting] = []
        if scope.contains(.sysctls) { sightings.append(.sysctls(state.sysctls)) }
        if scope.contains(.link) {
            sightings += [.link(state.link), .addresses(Array(state.addresses)), .otherAddresses(state.otherAddresses)]
        }
        if scope.contains(.sets) {
            for (key, set) in state.sets { sightings += [.set(key, set), .members(key, Array(set.entries))] }
        }
        if scope.contains(.virtualServers) {
            sightings += [
                .timeouts(state.timeouts), .realServers(state.virtualServers.mapValues(\.realServers)),
                .virtualServers(state.virtualServers.map { VirtualServer($0.key, $0.value.configuration) }),
            ]
        }
        return sightings + [.passed(scope)]
    }
}
